"""What is done about a file that is not clean: the lines in question are found, by the cheapest way that finds any."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from caremesh.engines.damage import DamagedFile
from caremesh.engines.desk import Desk
from caremesh.engines.duckdb import REFUSALS, read_lines_sql, read_view_sql, strict_columns
from caremesh.engines.keys import files_with
from caremesh.engines.refusals import ask, is_guard, refused_ids
from caremesh.engines.suspects import look_through
from caremesh.errors import LandingError


def mend_marked(desk: Desk, marked: Sequence[int]) -> None:
    """Look at the first lines of files, which have a byte order mark."""
    for index in marked:
        _doubt(desk, index, [1])


def mend_unclean(desk: Desk, unclean: Sequence[int]) -> None:
    """Look at the lines of files whose keys are not as they should be; at all of them where that does not help."""
    for index in unclean:
        _mend_unclean(desk, index)


def _mend_unclean(desk: Desk, index: int) -> None:
    if _look_through(desk, index) or _disentangle(desk, index):
        return
    damaged = _damaged(desk, index)
    if damaged.is_swept:
        raise LandingError(
            "still cannot be read after its bad lines were set aside",
            where=desk.files[index].path,
            hint="report this file's shape; nothing was published",
        )
    damaged.sweep()


def mend_refused(desk: Desk, error: Exception) -> None:
    """Find what the engine refused, by the cheapest way that finds anything."""
    if is_guard(error) and _doubt_refused_ids(desk):
        return
    found = [_look_through(desk, index) for index in desk.indexes()]
    if any(found):
        return
    before = [desk.sifted(i) for i in range(len(desk.files))]
    for index in desk.indexes():
        path = desk.original(index)
        if index in desk.damaged or _read_refusal(desk, path) or _view_refusal(desk, path):
            _damaged(desk, index).settle()
    if before == [desk.sifted(i) for i in range(len(desk.files))]:
        raise LandingError(
            f"the files of {desk.view.resource} can be read one by one but not together",
            hint="check that no file changed while it was read, and run again",
        )


def _doubt_refused_ids(desk: Desk) -> bool:
    """Doubt the lines of all resources that the view refuses, in one pass; false where that finds no such line."""
    try:
        ids = refused_ids(desk.connection, desk.query(of="all"))
    except REFUSALS:
        return False
    found = []
    for index in files_with(desk, ids):
        found.append(_look_through(desk, index))
        if index in desk.lines:
            found.append(_doubt(desk, index, desk.lines[index].of(ids)))
    return any(found)


def _look_through(desk: Desk, index: int) -> bool:
    """Look, once, at what seems damaged in a file; true where lines are then left out."""
    if index in desk.lines or index in desk.unreadable:
        return False
    lines = look_through(
        desk.connection,
        desk.original(index),
        table=f"lines_{index}",
        resource=desk.view.resource,
        shape=desk.view.shape,
    )
    if lines is None:
        desk.unreadable.add(index)
        return False
    desk.lines[index] = lines
    return _doubt(desk, index, lines.odd())


def _disentangle(desk: Desk, index: int) -> bool:
    """Look, once, at the lines of a file whose id stands more than once in it; true where that changes what is used."""
    if index in desk.disentangled or index not in desk.lines:
        return False
    desk.disentangled.add(index)
    return _doubt(desk, index, desk.lines[index].repeated())


def _doubt(desk: Desk, index: int, suspects: Sequence[int]) -> bool:
    """Judge these lines of a file; true where that changes which of its lines are used."""
    return bool(suspects) and _damaged(desk, index).doubt(suspects)


def _damaged(desk: Desk, index: int) -> DamagedFile:
    if index not in desk.damaged:
        file = desk.files[index]
        if desk.on_sift:
            desk.on_sift(file)
        desk.damaged[index] = DamagedFile(
            file=file,
            shape=desk.view.shape,
            tests=(lambda path: _read_refusal(desk, path), lambda path: _view_refusal(desk, path)),
            scratch=desk.scratch / f"file-{index}",
        )
    if index in desk.lines:
        desk.damaged[index].counted = desk.lines[index].count()
    return desk.damaged[index]


def _read_refusal(desk: Desk, path: Path) -> str | None:
    """Why the strict reader refuses a file."""
    return ask(desk.connection, f"select * from {read_lines_sql([path], strict_columns(desk.view))}")


def _view_refusal(desk: Desk, path: Path) -> str | None:
    """Why the view refuses a file that the strict reader takes."""
    return ask(desk.connection, read_view_sql(desk.view, [path]))
