"""The intake in Athena: flattens a product where its lines lie, with the rows and the accounts of the local intake.

A product costs two passes over its lines: one keeps what is known of each line (a few dozen bytes of each), the other
writes the rows of those that are used. Everything between reads only what the first one kept. More passes are needed
where one text stands twice in a file (one), and where the view refuses values (one for each such resource, which Athena
does not bill, as the query fails; and one for their texts).

Athena ends a line at a carriage return, too; a file with one within a line fails the sum rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from caremesh.aws import Aws
from caremesh.aws.glue import TableName
from caremesh.aws.objects import Objects
from caremesh.engines import athena_keys
from caremesh.engines.athena import Athena, AthenaFailure, Query, RefusedValue
from caremesh.engines.athena_account import Found, account_for_lines
from caremesh.engines.intake import FileCount
from caremesh.engines.landed_objects import find_marked
from caremesh.engines.line_sql import read_view_sql
from caremesh.engines.workbench import Workbench, open_workbench
from caremesh.errors import AwsError, LakeError, ViewError
from caremesh.fhir import LONGEST_STATEMENT, SHORTEN, CompiledView
from caremesh.id_spaces import SOURCE_COLUMN
from caremesh.places import S3Place
from caremesh.quoting import quote_text
from caremesh.sources.ndjson import LandedFile

REFUSED_LIMIT = 20
"""So many resources may hold a value that the view refuses: each time that a query fails, it names one of them."""

# What `unload … to …` adds, with the longest name of a place.
_AROUND = 1500
_HIVE_TYPES = {"varchar": "string", "integer": "int"}


@dataclass(frozen=True)
class AthenaIntake:
    """What Athena took from the files of one product, how many rows it gave, and which statements that needed.

    `claims` of the quarantined lines have an id that another id space keeps.
    """

    counts: tuple[FileCount, ...]
    quarantined: int
    rows: int
    queries: tuple[Query, ...]
    claims: int = 0


@dataclass(frozen=True)
class SpaceLines:
    """The files of one id space, by their paths, and the table of lines that reads these and no others."""

    space: str
    paths: Sequence[str]
    table: TableName


def flatten_lines(
    athena: Athena,
    *,
    view: CompiledView,
    files: Sequence[LandedFile],
    spaces: Sequence[SpaceLines],
    lake: S3Place,
    data_location: S3Place,
    quarantine_location: S3Place,
) -> AthenaIntake:
    """Flatten `files` (oldest export first) through `view` (compiled for Athena).

    Each file is in one of `spaces`; of those that have one id, the first keeps it. Rows go to Parquet files below
    `data_location`, lines that cannot be used to others below `quarantine_location`. Both must be empty, and new for
    each run: a statement that a killed run left behind may still write to its own. Raises LandingError where lines are
    missing, ViewError where the view fits too few of them, LakeError where a place is not empty, AwsError else.
    """
    _refuse_zoned(view)
    if not files:
        return AthenaIntake((), 0, 0, ())
    name = hashlib.sha256(str(data_location).encode()).hexdigest()[:12]
    with (
        _emptied(athena.aws, data_location, quarantine_location),
        open_workbench(athena, name=name, place=work_place(lake)) as bench,
    ):
        flow = _Flow(bench, view, files, spaces)
        flow.keep_keys()
        flow.write_rows(data_location)
        counts = flow.account()
        quarantined = sum(count.quarantined for count in counts)
        if quarantined:
            flow.write_quarantine(quarantine_location)
        return AthenaIntake(
            counts, quarantined, flow.count_rows(data_location), tuple(bench.queries), claims=flow.claims
        )


def work_place(lake: S3Place) -> S3Place:
    """Where intakes keep what they work with as long as they do; `caremesh prune` looks there for what was left."""
    return lake / "athena/work"


def _refuse_zoned(view: CompiledView) -> None:
    for column in view.columns:
        if column.sql_type == "timestamp with time zone":
            raise ViewError(
                f"column {column.name} is a {column.sql_type}, which Athena cannot write",
                where=view.resource,
                hint="make it a TIMESTAMP, or flatten with engine duckdb",
            )


@contextmanager
def _emptied(aws: Aws, *places: S3Place) -> Iterator[None]:
    """Delete what was written to places, which must be empty, if anything goes wrong: Athena leaves it there."""
    for place in places:
        if not Objects(aws, place).is_empty():
            raise LakeError("holds files already", where=str(place), hint="a run writes to a place of its own")
    try:
        yield
    except BaseException:
        # What went wrong matters more than what is left of it.
        for place in places:
            with suppress(AwsError, LakeError):
                Objects(aws, place).clear()
        raise


@dataclass(frozen=True)
class _Doubt:
    """A line that something else than its text speaks against; `raw` None: its text is to be read again."""

    path: str
    digest: bytes
    reason: str
    raw: str | None


@dataclass
class _Flow:
    """One intake, step by step; `found` is by path."""

    bench: Workbench
    view: CompiledView
    files: Sequence[LandedFile]
    spaces: Sequence[SpaceLines]
    doubts: list[_Doubt] = field(default_factory=list)
    found: dict[str, Found] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)

    def keep_keys(self) -> None:
        """Keep what is known of each line, in one pass over all of them."""
        marked = find_marked(self.bench.aws, self.files)
        self.doubts = [_Doubt(m.path, m.digest, athena_keys.MARK_REASON, m.raw) for m in marked]
        self._keep_doubts()
        ranks = {path: rank for rank, space in enumerate(self.spaces) for path in space.paths}
        files: dict[str, list[object]] = {
            "path": [f.path for f in self.files],
            "position": list(range(len(self.files))),
            "export": [f.export for f in self.files],
            "name": [f.name for f in self.files],
            "source_id": [self.spaces[ranks[f.path]].space for f in self.files],
            "rank": [ranks[f.path] for f in self.files],
        }
        self.tables["files"] = self.bench.put("files", athena_keys.FILE_COLUMNS, files)
        self.bench.unload(_checked(athena_keys.keys_sql(self._lines, self.view)), self.bench.place / "keys")
        self.tables["keys"] = self.bench.table("keys", athena_keys.KEY_COLUMNS)

    def write_rows(self, target: S3Place) -> None:
        """Write the rows of the lines that are used; lines that the view refuses are found on the way."""
        for _ in range(REFUSED_LIMIT + 1):
            self._count()
            try:
                self.bench.unload(self._rows_sql(), target)
                return
            except AthenaFailure as error:
                if error.refused is None:
                    raise
                # What a failed query wrote stays where it is.
                Objects(self.bench.aws, target).clear()
                self._doubt(error.refused)
                refused = error.refused
        raise ViewError(
            f"more than {REFUSED_LIMIT} resources hold a value that it refuses: {refused.words}",
            where=self.view.resource,
            hint="correct the view or the source; engine duckdb sets up to 1000 such lines aside",
        )

    def account(self) -> tuple[FileCount, ...]:
        """Count every line of every file; a sum that does not hold is an error, never a footnote."""
        marked = {doubt.path for doubt in self.doubts if doubt.reason == athena_keys.MARK_REASON}
        return account_for_lines(self.bench.aws, self.files, self.found, marked=marked)

    def write_quarantine(self, target: S3Place) -> None:
        """Write the lines that are set aside."""
        reread = any(doubt.raw is None for doubt in self.doubts)
        sql = athena_keys.quarantine_sql(
            self.tables["keys"],
            self.tables["files"],
            self.tables.get("doubts"),
            self._lines,
            reread=reread,
            ranked=self._ranked() if self.claims else "",
        )
        self.bench.unload(sql, target)

    @property
    def claims(self) -> int:
        """How many lines have an id that another id space keeps."""
        return sum(found.claimed for found in self.found.values())

    def count_rows(self, place: S3Place) -> int:
        """How many rows were written: Parquet knows that by itself, and nothing is scanned."""
        columns = {
            c.name: f"array<{_hive_type(c.sql_type)}>" if c.collection else _hive_type(c.sql_type)
            for c in self.view.columns
        } | {SOURCE_COLUMN: "string"}
        table = self.bench.table("rows", columns, place=place)
        return int(self.bench.rows(f"select count(*) from {table}")[0][0] or 0)

    def _keep_doubts(self) -> None:
        if not self.doubts:
            return
        columns = athena_keys.DOUBT_COLUMNS
        values: dict[str, list[object]] = {c: [getattr(doubt, c) for doubt in self.doubts] for c in columns}
        # A new name each time: no engine can then hold on to what it read before.
        self.tables["doubts"] = self.bench.put(f"doubts_{len(self.doubts)}", columns, values)

    def _doubt(self, refused: RefusedValue) -> None:
        """Set the line aside that the view refused a value of."""
        is_it = f"place = 1 and keeper = source_id and id = {quote_text(refused.resource_id)}"
        rows = self.bench.rows(f"with {self._ranked()} select path, to_hex(digest) from ranked where {is_it}")
        if not rows:
            raise ViewError(f"refuses a value: {refused.words}", where=self.view.resource, hint="correct the view")
        path, digest = rows[0]
        self.doubts.append(_Doubt(str(path), bytes.fromhex(str(digest)), refused.words, None))
        self._keep_doubts()

    def _count(self) -> None:
        self.found = {}
        for path, *counts in self.bench.rows(athena_keys.counts_sql(self._ranked(), self.tables["keys"])):
            found = Found(*(int(count or 0) for count in counts))
            self.found[str(path)] = self.found.get(str(path), Found()) + found

    @property
    def _lines(self) -> list[str]:
        return [str(space.table) for space in self.spaces]

    def _ranked(self) -> str:
        return athena_keys.ranked_sql(
            self.tables["keys"],
            self.tables["files"],
            self.tables.get("doubts"),
            has_one_space=len(self.spaces) == 1,
        )

    def _rows_sql(self) -> str:
        left_out = any(found.superseded or found.quarantined for found in self.found.values())
        twins = any(found.twins for found in self.found.values())
        view = read_view_sql(self.view, "used").removeprefix("with ")
        parts = []
        for lines in self.spaces:
            used = athena_keys.used_lines_sql(self._ranked(), [str(lines.table)], left_out=left_out, twins=twins)
            space = f"cast({quote_text(lines.space)} as varchar) as {SOURCE_COLUMN}"
            parts.append(f"select *, {space} from (with {used},\n{view})")
        return _checked("\nunion all\n".join(parts))


def _checked(statement: str) -> str:
    """The statement, if Athena takes one so long."""
    size = len(statement.encode())
    if size > LONGEST_STATEMENT - _AROUND:
        raise ViewError(f"its SQL for Athena is {size:,} bytes long; it takes {LONGEST_STATEMENT:,}", hint=SHORTEN)
    return statement


def _hive_type(sql_type: str) -> str:
    return _HIVE_TYPES.get(sql_type, sql_type)
