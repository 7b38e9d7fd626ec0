"""The intake: which lines of which files become a view's rows, so that no line is lost and none counts twice.

The strict reader takes whole files, fast. Where it refuses, or a file is not what it should be (another resource type,
lines without id, one id twice), the lines in question are found and judged, and what is read is the file without
those that are not used. Between files the newest version of a resource wins. For every file:
lines = used + superseded + quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from caremesh.engines.desk import Desk
from caremesh.engines.duckdb import REFUSALS
from caremesh.engines.keys import count_superseded, note_superseded, read_keys, unclean_files
from caremesh.engines.output import Form, copy_sql
from caremesh.errors import LandingError
from caremesh.fhir import CompiledView
from caremesh.sources.ndjson import LandedFile, LineFile, starts_with_mark

if TYPE_CHECKING:
    from caremesh.sources.sieve import QuarantinedLine


@dataclass(frozen=True)
class FileCount:
    """One file's lines, sorted out; `lines` is their sum."""

    file: LineFile
    used: int
    superseded: int
    quarantined: int

    @property
    def lines(self) -> int:
        """How many lines of the file are not blank."""
        return self.used + self.superseded + self.quarantined


@dataclass(frozen=True)
class Intake:
    """What was taken from the files of one product, and how many rows it gave."""

    counts: tuple[FileCount, ...]
    quarantined: tuple[QuarantinedLine, ...]
    rows: int


def flatten_files(
    connection: duckdb.DuckDBPyConnection,
    *,
    view: CompiledView,
    files: Sequence[LineFile],
    target: Path,
    scratch: Path,
    form: Form = "parquet",
    on_sift: Callable[[LineFile], None] | None = None,
) -> Intake:
    """Flatten `files` (oldest export first) through `view` into one file, and account for every line.

    Raises LandingError where a file cannot be read at all, and duckdb.Error where the machine is at fault.
    """
    desk = Desk(connection, view, files, scratch, on_sift)
    try:
        _take_marked(desk)
        while not (_take_keys(desk) and _copy_rows(desk, target, form)):
            pass
        return _account(desk)
    finally:
        desk.close()


# Most files are clean, and what mends the others costs a tenth of a start: it is imported where it is needed.


def _take_marked(desk: Desk) -> None:
    """Mend files that start with a byte order mark: DuckDB takes it where it has one thread, and refuses it else."""
    marked = [index for index in desk.indexes() if starts_with_mark(desk.original(index))]
    if marked:
        from caremesh.engines.mending import mend_marked

        mend_marked(desk, marked)


def _take_keys(desk: Desk) -> bool:
    """Read the keys of all files and note the superseded resources; false where a file had to be mended first."""
    try:
        read_keys(desk)
    except REFUSALS as error:
        _mend(desk, error)
        return False
    unclean = unclean_files(desk)
    if unclean:
        from caremesh.engines.mending import mend_unclean

        mend_unclean(desk, unclean)
        return False
    note_superseded(desk)
    return True


def _copy_rows(desk: Desk, target: Path, form: Form) -> bool:
    """Run the view over all files into `target`; false where a file had to be mended first."""
    try:
        query = desk.query(desk.paths(), without_superseded=True)
        copied = desk.connection.execute(copy_sql(query, desk.view.columns, target, form)).fetchone()
    except REFUSALS as error:
        _mend(desk, error)
        return False
    desk.rows = copied[0] if copied else 0
    return True


def _mend(desk: Desk, error: Exception) -> None:
    from caremesh.engines.mending import mend_refused

    mend_refused(desk, error)


def _account(desk: Desk) -> Intake:
    """Count every line of every file; a sum that does not hold is an error, never a footnote."""
    superseded = count_superseded(desk)
    counts: list[FileCount] = []
    quarantined: list[QuarantinedLine] = []
    for index, file in enumerate(desk.files):
        sifted = desk.sifted(index)
        newer_elsewhere = superseded.get(str(desk.path(index)), 0)
        count = FileCount(
            file=file,
            used=(sifted.kept if sifted else desk.found.get(index, 0)) - newer_elsewhere,
            superseded=newer_elsewhere + (sifted.superseded if sifted else 0),
            quarantined=len(sifted.quarantined) if sifted else 0,
        )
        counted = file.lines if isinstance(file, LandedFile) else None
        stated = counted if counted is not None else sifted.lines if sifted else count.lines
        if count.lines != stated:
            raise LandingError(
                f"it has {stated} lines, but {count.used} used + {count.superseded} superseded + "
                f"{count.quarantined} quarantined were found",
                where=file.path,
                hint="the file changed while it was read: land it again",
            )
        counts.append(count)
        quarantined.extend(sifted.quarantined if sifted else ())
    return Intake(tuple(counts), tuple(quarantined), desk.rows)
