"""One landing folder, flattened by the local intake and in Athena: what each took, in a form that can be compared."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.aws import Aws
from caremesh.aws.glue import TableName
from caremesh.engines.athena import Athena
from caremesh.engines.athena_intake import AthenaIntake, SpaceLines, flatten_lines
from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import FileCount, flatten_files
from caremesh.engines.line_tables import create_line_table
from caremesh.engines.versions import History
from caremesh.fhir import ATHENA, DUCKDB, CompiledView, compile_view, parse_view
from caremesh.places import S3Place
from caremesh.settings import AwsSettings
from caremesh.sources.ndjson import LandedFile, list_landing, take_in
from caremesh.sources.sieve import QuarantinedLine
from tests.athena.local_aws import LocalAws

BUCKET = "lake"


@dataclass(frozen=True)
class Taken:
    """What an intake made of the files: accounts by export and file, rows and quarantined lines in any order."""

    counts: Mapping[tuple[str, str], tuple[int, int, int]]
    rows: Counter[str]
    quarantine: Counter[tuple[str, str, str, str]]
    types: Sequence[tuple[str, str]]


def open_aws(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Aws:
    """The local AWS as CareMesh sees it, with a bucket."""
    for name, value in local_aws.env().items():
        monkeypatch.setenv(name, value)
    aws = Aws(AwsSettings(**{"poll_seconds": 0.02, **settings}))
    aws.client("s3").create_bucket(Bucket=BUCKET)
    return aws


def landed(landing: Path, resource_type: str) -> list[LandedFile]:
    """The files of a landing folder, as the land stage takes them in."""
    return [take_in(f) for f in list_landing(landing).files if f.resource_type == resource_type]


def take_locally(view: str, landing: Path, scratch: Path) -> Taken:
    """Flatten a landing folder with DuckDB."""
    scratch.mkdir()
    compiled = compile_view(parse_view(view, where="view.json"), DUCKDB)
    target = scratch / "rows.parquet"
    with open_engine(memory_limit="512MB", threads=1, scratch=scratch) as connection:
        files = landed(landing, compiled.resource)
        intake = flatten_files(connection, view=compiled, files=files, target=target, scratch=scratch)
    lines = Counter((q.export, q.file, plain(q.reason), as_text(q.raw)) for q in intake.quarantined)
    return Taken(sums(intake.counts), read_rows([target]), lines, read_types([target]))


def take_spaces_locally(view: str, landing: Path, scratch: Path, ranking: Sequence[str]) -> Taken:
    """Flatten a landing folder with DuckDB, where each export is a source of its own; rows say which."""
    (scratch / "keys").mkdir(parents=True)
    compiled = compile_view(parse_view(view, where="view.json"), DUCKDB)
    files = landed(landing, compiled.resource)
    exports = [f.export for f in files]
    history = History(
        places=range(len(files)),
        exports=[sorted(exports).index(e) for e in exports],
        sources=exports,
        spaces=exports,
        keys=scratch / "keys",
        ranking=ranking,
    )
    target, claimed = scratch / "rows.parquet", list[QuarantinedLine]()
    with open_engine(memory_limit="512MB", threads=1, scratch=scratch) as connection:
        intake = flatten_files(
            connection,
            view=compiled,
            files=files,
            target=target,
            scratch=scratch,
            history=history,
            on_claimed=claimed.extend,
        )
    lines = Counter((q.export, q.file, plain(q.reason), as_text(q.raw)) for q in (*intake.quarantined, *claimed))
    return Taken(sums(intake.counts), read_all([target]), lines, ())


@dataclass(frozen=True)
class Order:
    """Everything that `flatten_lines` is told for one landing folder, which is in S3."""

    aws: Aws
    view: CompiledView
    files: Sequence[LandedFile]
    place: S3Place

    @property
    def data(self) -> S3Place:
        return self.place / "data"

    @property
    def quarantine(self) -> S3Place:
        return self.place / "quarantine"

    @property
    def athena(self) -> Athena:
        return Athena(self.aws, output=str(self.place / "athena"))

    def line_table(self, paths: Sequence[str]) -> TableName:
        return create_line_table(
            self.aws, resource_type=self.view.resource, paths=paths, lake=self.place, run_id="test"
        )

    def run(self) -> AthenaIntake:
        paths = [file.path for file in self.files]
        return self.run_spaces([SpaceLines("default", paths, self.line_table(paths))])

    def run_spaces(self, spaces: Sequence[SpaceLines]) -> AthenaIntake:
        return flatten_lines(
            self.athena,
            view=self.view,
            files=self.files,
            spaces=spaces,
            lake=self.place,
            data_location=self.data,
            quarantine_location=self.quarantine,
        )


def place_order(aws: Aws, view: str, landing: Path, scratch: Path) -> Order:
    """Put a landing folder into S3, in a place of its own."""
    compiled = compile_view(parse_view(view, where="view.json"), ATHENA)
    place = S3Place(BUCKET, hashlib.sha256(f"{scratch}{view}".encode()).hexdigest()[:12])
    return Order(aws, compiled, upload(aws, landed(landing, compiled.resource), place / "landing"), place)


def take_spaces_in_athena(order: Order, scratch: Path, ranking: Sequence[str]) -> Taken:
    """Flatten in Athena, where each export is a source of its own; fetch what it wrote."""
    paths = {name: [f.path for f in order.files if f.export == name] for name in ranking}
    intake = order.run_spaces([SpaceLines(n, paths[n], order.line_table(paths[n])) for n in ranking if paths[n]])
    rows = read_all(download(order.aws, order.data, scratch / "data"))
    quarantine = read_quarantine(download(order.aws, order.quarantine, scratch / "quarantine"))
    assert (rows.total(), quarantine.total()) == (intake.rows, intake.quarantined)
    assert intake.claims == sum(count for (_, _, reason, _), count in quarantine.items() if "the id also" in reason)
    return Taken(sums(intake.counts), rows, quarantine, ())


def take_in_athena(order: Order, scratch: Path) -> Taken:
    """Flatten in Athena; fetch what it wrote."""
    intake = order.run()
    data = download(order.aws, order.data, scratch / "data")
    rows = read_rows(data)
    assert rows.total() == intake.rows
    quarantine = read_quarantine(download(order.aws, order.quarantine, scratch / "quarantine"))
    assert quarantine.total() == intake.quarantined
    return Taken(sums(intake.counts), rows, quarantine, read_types(data))


def upload(aws: Aws, files: Sequence[LandedFile], place: S3Place) -> list[LandedFile]:
    """Put files into S3; give them as landed there."""
    uploaded = []
    for file in files:
        there = place / file.export / file.name
        aws.client("s3").upload_file(file.path, there.bucket, there.prefix)
        uploaded.append(dataclasses.replace(file, path=str(there)))
    return uploaded


def download(aws: Aws, place: S3Place, folder: Path) -> list[Path]:
    """Fetch all objects below a place."""
    folder.mkdir(parents=True)
    keys = keys_below(aws, place)
    paths = [folder / str(number) for number in range(len(keys))]
    for key, path in zip(keys, paths, strict=True):
        aws.client("s3").download_file(place.bucket, key, str(path))
    return paths


def keys_below(aws: Aws, place: S3Place) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/")
    return [item["Key"] for item in found.get("Contents", [])]


def sums(counts: Sequence[FileCount]) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(c.file.export, c.file.name): (c.used, c.superseded, c.quarantined) for c in counts}


def plain(reason: str) -> str:
    """A local reason without what Athena cannot tell: where on the line it is."""
    if reason == "a value does not fit the type of its column":
        return "type contradiction"
    return reason.split(": ")[0].split(" at $")[0]


def as_text(raw: str) -> str:
    """A local text with bytes that are no UTF-8 as Athena writes them."""
    return re.sub(r"\\x[89a-f][0-9a-f]", "\ufffd", raw)


def read_rows(files: Sequence[Path]) -> Counter[str]:
    """Rows with the exact types of their values, but for the source, which is for a lake to say."""
    rows = query(f"select columns(lambda c: c <> 'source_id') from {source(files)}", files)
    return Counter(repr(row) for row in rows)


def read_all(files: Sequence[Path]) -> Counter[str]:
    """Rows with their source."""
    return Counter(repr(row) for row in query(f"select * from {source(files)}", files))


def read_quarantine(files: Sequence[Path]) -> Counter[tuple[str, str, str, str]]:
    rows = query(f"select export, file, line, reason, raw from {source(files)}", files)
    assert {row[2] for row in rows} <= {None}
    return Counter((export, file, reason, raw) for export, file, _, reason, raw in rows)


def read_types(files: Sequence[Path]) -> list[tuple[str, str]]:
    return [row[:2] for row in query(f"describe select * from {source(files)}", files) if row[0] != "source_id"]


def source(files: Sequence[Path]) -> str:
    return f"read_parquet({[str(file) for file in files]})"


def query(sql: str, files: Sequence[Path]) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall() if files else []
