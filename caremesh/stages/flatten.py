"""Flatten: run a product's view over the landed files into a candidate release, and account for every line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.duckdb_settings import OFFLINE
from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import FileCount, Intake, flatten_files
from caremesh.errors import LakeError, LandingError
from caremesh.fhir import CompiledView
from caremesh.lake.aws import AwsLake
from caremesh.lake.base import Lake
from caremesh.lake.files import remove_folder
from caremesh.lake.layout import DATA_FOLDER, PART_FILE, QUARANTINE_FOLDER
from caremesh.lake.ledger import Ledger
from caremesh.lake.release import InputFile, Manifest
from caremesh.products import Product
from caremesh.quoting import quote_file
from caremesh.settings import Settings
from caremesh.sources.landing import Exports
from caremesh.sources.ndjson import LandedFile, LineFile
from caremesh.sources.sieve import QuarantinedLine
from caremesh.stages.athena_flatten import FlattenResult, choose_engine, flatten_in_athena, reference_columns


@dataclass(frozen=True)
class Flattened:
    """A product's release for the ledger as it stands; `is_new` where this run wrote it."""

    manifest: Manifest
    is_new: bool


def flatten(
    product: Product,
    compiled: CompiledView,
    *,
    settings: Settings,
    lake: Lake,
    exports: Exports,
    ledger: Ledger,
    on_sift: Callable[[LineFile], None] | None = None,
) -> Flattened:
    """Make the product's candidate release, or find that this very release was made before.

    The release's name is a digest of contract, SQL and input files, so a run that was killed makes the same one.
    """
    files = ledger.files_of(compiled.resource)
    query_digest = hashlib.sha256(compiled.query.encode()).hexdigest()
    release = _release_name(product, query_digest, files)
    found = lake.find_manifest(product, release)
    if found is not None:
        return Flattened(found, is_new=False)
    _refuse_changed(settings, files, exports)
    remove_folder(folder := lake.scratch / product.id)
    built = folder / "release"
    built.mkdir(parents=True)
    if choose_engine(settings, files) == "athena":
        result = flatten_in_athena(product, release, files, settings=settings, lake=cast(AwsLake, lake))
    else:
        with _brought_here(files, exports, settings=settings, folder=folder / "landed") as local:
            result = _flatten_here(product, compiled, local, settings, lake, on_sift)
    _refuse_changed(settings, files, exports)
    manifest = Manifest(
        product=product.id,
        release=release,
        made_at=settings.now,
        contract_version=product.version,
        contract_digest=product.contract_digest,
        query_digest=query_digest,
        rows=result.rows,
        bytes=result.bytes,
        columns=tuple((c.name, c.sql_type) for c in product.columns),
        inputs=_inputs(files, result.counts),
        unresolved_references=result.unresolved,
        engine=result.engine,
        data=lake.parts_folder(DATA_FOLDER),
        quarantine=lake.parts_folder(QUARANTINE_FOLDER),
        queries=result.queries,
    )
    manifest = lake.add_candidate(product, built, manifest)
    remove_folder(folder)
    return Flattened(manifest, is_new=True)


@contextmanager
def _brought_here(
    files: Sequence[LandedFile], exports: Exports, *, settings: Settings, folder: Path
) -> Iterator[Sequence[LandedFile]]:
    """The files on this machine. What was downloaded goes at once, also after a failure: it is patients' data."""
    try:
        yield exports.fetch(files, folder, again=settings.forget_command)
    finally:
        remove_folder(folder)


def _flatten_here(
    product: Product,
    compiled: CompiledView,
    files: Sequence[LandedFile],
    settings: Settings,
    lake: Lake,
    on_sift: Callable[[LineFile], None] | None,
) -> FlattenResult:
    """Flatten with DuckDB into the folder of the release to be."""
    folder = lake.scratch / product.id
    data, quarantine = (
        folder / "release" / lake.parts_folder(kind) / PART_FILE for kind in (DATA_FOLDER, QUARANTINE_FOLDER)
    )
    data.parent.mkdir(parents=True)
    intake = _run_view(settings, compiled, files, data, folder, on_sift)
    _write_quarantine(intake.quarantined, quarantine)
    return FlattenResult(
        engine="duckdb",
        counts=intake.counts,
        rows=intake.rows,
        bytes=data.stat().st_size,
        unresolved=_count_unresolved(product, data),
    )


def _run_view(
    settings: Settings,
    compiled: CompiledView,
    files: Sequence[LandedFile],
    target: Path,
    folder: Path,
    on_sift: Callable[[LineFile], None] | None,
) -> Intake:
    try:
        with open_engine(memory_limit=settings.memory_limit, threads=settings.threads, scratch=folder) as connection:
            return flatten_files(
                connection,
                view=compiled,
                files=files,
                target=target,
                scratch=folder,
                on_sift=on_sift,
            )
    except duckdb.Error as error:
        # The engine's own words may quote a line; only the kind of error goes on.
        raise LakeError(
            f"the engine failed on {compiled.resource}: {type(error).__name__}",
            where=str(folder),
            hint="give more --memory-limit, free disk space, or see whether the landed files can still be read",
        ) from None


def _refuse_changed(settings: Settings, files: Sequence[LandedFile], exports: Exports) -> None:
    """A release is named by digests that were taken at landing: what is read must be what was landed."""
    changed = exports.first_changed(files)
    if changed:
        raise LandingError(
            "changed, or is gone, since it was landed",
            where=changed.path,
            hint=f"put it back; or, to land it anew on purpose: {settings.forget_command(changed.export)}",
        )


def _release_name(product: Product, query_digest: str, files: Sequence[LandedFile]) -> str:
    """Twelve hex digits over everything that decides what the release holds; input order is part of it."""
    inputs = [(f.export, f.name, f.digest) for f in files]
    stated = json.dumps([product.id, product.contract_digest, query_digest, inputs])
    return hashlib.sha256(stated.encode()).hexdigest()[:12]


def _inputs(files: Sequence[LandedFile], counts: Sequence[FileCount]) -> tuple[InputFile, ...]:
    return tuple(
        InputFile(
            export=file.export,
            name=file.name,
            digest=file.digest,
            bytes=file.bytes,
            lines=count.lines,
            used=count.used,
            superseded=count.superseded,
            quarantined=count.quarantined,
        )
        for file, count in zip(files, counts, strict=True)
    )


def _write_quarantine(lines: Sequence[QuarantinedLine], path: Path) -> None:
    schema = pa.schema(
        [
            ("export", pa.string()),
            ("file", pa.string()),
            ("line", pa.int64()),
            ("reason", pa.string()),
            ("raw", pa.string()),
        ]
    )
    path.parent.mkdir(parents=True)
    rows = [{"export": q.export, "file": q.file, "line": q.line, "reason": q.reason, "raw": q.raw} for q in lines]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


def _count_unresolved(product: Product, data: Path) -> tuple[tuple[str, int], ...]:
    """How many rows name another resource in a way that gives no id: by `<x>_reference` beside an `<x>_id`."""
    pairs = reference_columns(product)
    if not pairs:
        return ()
    counts = ", ".join(f'count("{name}")' for name in pairs)
    with duckdb.connect(config=OFFLINE) as connection:
        row = connection.execute(f"select {counts} from {quote_file(data)}").fetchone() or ()
    return tuple((name, count) for name, count in zip(pairs, row, strict=True) if count)
