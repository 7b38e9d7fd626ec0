"""The rows of one view over files that anybody names: no lake, no contract, no ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import REFUSALS, check_columns, open_engine, read_view_sql
from caremesh.engines.exact import number_columns, read_as_written_sql
from caremesh.engines.output import Form, copy_sql
from caremesh.engines.refusals import describe
from caremesh.errors import LandingError, UsageError
from caremesh.fhir import CompiledView
from caremesh.quoting import quote_text
from caremesh.sources.ndjson import LineFile


def name_files(paths: Sequence[Path], resource_type: str) -> tuple[LineFile, ...]:
    """The files that a view is to read, in order. Raises where one cannot be opened, or is named twice."""
    files: dict[Path, LineFile] = {}
    for path in paths:
        place = path.resolve()
        try:
            with path.open("rb"):
                is_file = path.is_file()
        except OSError as error:
            raise LandingError(f"cannot be read: {error.strerror}", where=str(path), hint="check the path") from None
        if not is_file:
            raise LandingError("is no file that can be read twice", where=str(path), hint="save it as a file first")
        if place in files:
            raise UsageError("this file is named twice", where=str(path), hint="name it once")
        files[place] = LineFile(export="", name=str(path), path=str(place), resource_type=resource_type)
    return tuple(files.values())


@contextmanager
def open_view_engine(
    files: Sequence[LineFile], *, memory_limit: str, threads: int, scratch: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine for a view over these files.

    Raises LandingError where the engine fails: a file cannot be read, or the machine has not enough memory or disk.
    """
    try:
        with open_engine(memory_limit=memory_limit, threads=threads, scratch=scratch) as connection:
            yield connection
    except duckdb.Error as error:
        # The engine's own words may quote a line; only the kind of error goes on.
        raise LandingError(
            f"the engine failed: {type(error).__name__}",
            where=_only_name(files),
            hint="see whether the files are whole, give more --memory-limit, or free disk space",
        ) from None


def flatten_strictly(
    connection: duckdb.DuckDBPyConnection, *, view: CompiledView, files: Sequence[LineFile], target: Path, form: Form
) -> int:
    """Flatten files in one pass, and give the number of rows; the first line that is amiss ends it.

    Lines are not counted, and one id may stand twice. Raises LandingError for a line that is no JSON, of another
    resource type, without id, or that does not fit the view.
    """
    paths = [Path(f.path) for f in files]
    try:
        if numbers := number_columns(view):
            check_columns(connection, numbers, paths)
        source = read_as_written_sql(connection, view, paths)
        query = read_view_sql(view, paths, source=source, fields=_checked_fields(view.resource))
        copied = connection.execute(copy_sql(query, view.columns, target, form)).fetchone()
    except REFUSALS as error:
        raise LandingError(
            f"a line does not fit: {describe(error)}",
            where=_only_name(files),
            hint="without --strict, such lines are found and set aside",
        ) from None
    return copied[0] if copied else 0


def _only_name(files: Sequence[LineFile]) -> str | None:
    return files[0].name if len(files) == 1 else None


def _checked_fields(resource: str) -> str:
    """All fields of a line; one of another resource type or without id is an error.

    The type itself is made to depend on the check, since of two conditions either may be asked first.
    """
    wrong = f"\"resourceType\" is distinct from {quote_text(resource)} or coalesce(id, '') = ''"
    message = quote_text(f"path: a value is no {resource} with an id, resource ")
    checked = f"case when {wrong} then error({message} || coalesce(id, '')) else \"resourceType\" end"
    return f'* replace ({checked} as "resourceType")'
