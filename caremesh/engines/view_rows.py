"""The rows of one view over files that anybody names: no lake, no contract, no ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import Intake, flatten_files
from caremesh.engines.output import Form
from caremesh.errors import LandingError, UsageError
from caremesh.fhir import CompiledView
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


def write_rows(
    view: CompiledView,
    files: Sequence[LineFile],
    target: Path,
    *,
    form: Form,
    memory_limit: str,
    threads: int,
    scratch: Path,
    on_connect: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
) -> Intake:
    """Write the rows of a view to `target`, and account for every line of the files.

    Raises LandingError where a file cannot be read, or the machine has not enough memory or disk.
    """
    try:
        with open_engine(memory_limit=memory_limit, threads=threads, scratch=scratch) as connection:
            if on_connect:
                on_connect(connection)
            return flatten_files(connection, view=view, files=files, target=target, scratch=scratch, form=form)
    except duckdb.Error as error:
        # The engine's own words may quote a line; only the kind of error goes on.
        raise LandingError(
            f"the engine failed: {type(error).__name__}",
            where=files[0].name if len(files) == 1 else None,
            hint="see whether the files are whole, give more --memory-limit, or free disk space",
        ) from None
