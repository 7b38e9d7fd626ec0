"""The intake: which lines of which files become a view's rows, so that no line is lost and none counts twice.

The strict reader takes whole files, fast. Where it refuses, or a file is not what it should be (another resource type,
lines without id, one id twice), the lines in question are found and judged, and what is read is the file without
those that are not used. A line is judged alone: whether it can be used does not depend on other lines. Among those
that can, the newest version of a resource wins. For every file: lines = used + superseded + deleted + quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from caremesh.engines.desk import Desk
from caremesh.engines.duckdb import REFUSALS
from caremesh.engines.keys import count_unused, note_unused, read_keys, unclean_files
from caremesh.engines.merging import merge_rows
from caremesh.engines.output import Form, copy_sql
from caremesh.engines.refusals import compute
from caremesh.engines.versions import Change, History, base_changes, count_keys, write_keys
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
    deleted: int = 0

    @property
    def lines(self) -> int:
        """How many lines of the file are not blank."""
        return self.used + self.superseded + self.deleted + self.quarantined


@dataclass(frozen=True)
class Intake:
    """What was taken from the files of one product, and how many rows there are.

    `base_changes` says what became of versions in an earlier release, `withheld` which full exports removed nothing.
    `keys` are the resources in the keys: used, and removed. `claims` is how many more lines are in quarantine, as
    another id space keeps their id.
    """

    counts: tuple[FileCount, ...]
    quarantined: tuple[QuarantinedLine, ...]
    rows: int
    base_changes: tuple[Change, ...] = ()
    withheld: tuple[str, ...] = ()
    keys: tuple[int, int] = (0, 0)
    claims: int = 0


def flatten_files(
    connection: duckdb.DuckDBPyConnection,
    *,
    view: CompiledView,
    files: Sequence[LineFile],
    target: Path,
    scratch: Path,
    form: Form = "parquet",
    on_sift: Callable[[LineFile], None] | None = None,
    history: History | None = None,
    on_claimed: Callable[[Iterator[QuarantinedLine]], None] | None = None,
) -> Intake:
    """Flatten `files` (oldest export first) through `view` into one file, and account for every line.

    With a `history` the rows say from which id space they come, the file holds those of its earlier release too, and
    the keys of all resources are written. `on_claimed` then takes the lines whose id another id space keeps. Raises
    LandingError where a file cannot be read at all, ClaimedIds where the earlier release does not do, and duckdb.Error
    where the machine is at fault.
    """
    desk = Desk(connection, view, files, scratch, on_sift, history)
    base = history.base if history else None
    try:
        _take_marked(desk)
        rows = scratch / "arrived-rows.parquet" if base else target
        while not (_take_keys(desk) and _judge_unused(desk) and _copy_rows(desk, rows, form)):
            pass
        if base:
            desk.rows = merge_rows(connection, base, columns=view.columns, arrived=rows, target=target)
        if history:
            write_keys(connection, history, view.resource)
        return _account(desk, on_claimed)
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
    note_unused(desk)
    return True


def _judge_unused(desk: Desk) -> bool:
    """Have the view judge the lines that give no rows; false where it refused some: they are no versions at all."""
    if not desk.has_unused:
        return True
    try:
        compute(desk.connection, desk.query(of="unused"))
    except REFUSALS as error:
        _mend(desk, error)
        return False
    return True


def _copy_rows(desk: Desk, target: Path, form: Form) -> bool:
    """Run the view over all files into `target`; false where a file had to be mended first."""
    try:
        copied = desk.connection.execute(copy_sql(desk.used_query(), desk.view.columns, target, form)).fetchone()
    except REFUSALS as error:
        _mend(desk, error)
        return False
    desk.rows = copied[0] if copied else 0
    return True


def _mend(desk: Desk, error: Exception) -> None:
    from caremesh.engines.mending import mend_refused

    mend_refused(desk, error)


def _account(desk: Desk, on_claimed: Callable[[Iterator[QuarantinedLine]], None] | None) -> Intake:
    """Count every line of every file; a sum that does not hold is an error, never a footnote."""
    unused = count_unused(desk)
    counts: list[FileCount] = []
    quarantined: list[QuarantinedLine] = []
    for index, file in enumerate(desk.files):
        sifted = desk.sifted(index)
        path = str(desk.path(index))
        newer_elsewhere, deleted, claimed = (unused.get((path, s), 0) for s in ("superseded", "deleted", "claimed"))
        count = FileCount(
            file=file,
            used=(sifted.kept if sifted else desk.found.get(index, 0)) - newer_elsewhere - deleted - claimed,
            superseded=newer_elsewhere + (sifted.superseded if sifted else 0),
            quarantined=claimed + (len(sifted.quarantined) if sifted else 0),
            deleted=deleted,
        )
        counted = file.lines if isinstance(file, LandedFile) else None
        stated = counted if counted is not None else sifted.lines if sifted else count.lines
        if count.lines != stated:
            raise LandingError(
                f"it has {stated} lines, but {count.used} used + {count.superseded} superseded + "
                f"{count.deleted} deleted + {count.quarantined} quarantined were found",
                where=file.path,
                hint="the file changed while it was read: land it again",
            )
        counts.append(count)
        quarantined.extend(sifted.quarantined if sifted else ())
    intake = Intake(tuple(counts), tuple(quarantined), desk.rows)
    if desk.history is None:
        return intake
    claims = sum(count for (_, after), count in unused.items() if after == "claimed")
    if claims and on_claimed:
        from caremesh.engines.claims import find_claimed

        on_claimed(find_claimed(desk))
    return replace(
        intake,
        base_changes=base_changes(desk.connection),
        withheld=desk.withheld,
        keys=count_keys(desk.connection, desk.history),
        claims=claims,
    )
