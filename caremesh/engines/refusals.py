"""Which lines of a file the engine refuses: asked of the engine itself, by halving, until single lines are left."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import REFUSALS
from caremesh.errors import LandingError

RefusalOf = Callable[[Path], str | None]
"""Why the engine refuses a file; None where it takes every line of it."""

LIMIT = 1000
"""So many lines of one file may be refused for their values; more is no damage but a view that does not fit."""

# What the compiled view itself says where it refuses a value; the id that follows is not needed, the line has it.
_GUARD = re.compile(r"column (?P<column>\w+): (?P<what>.+?), resource ")
_CHUNK = 1 << 20


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    """Run a query for its refusal alone: every value is computed, and no row comes back."""
    try:
        connection.execute(f"select bit_xor(hash(rows)) from ({query}) as rows").fetchone()
    except REFUSALS as error:
        # The engine's own words quote the line, so that only what the view wrote itself is passed on.
        guard = _GUARD.search(str(error))
        return f"{guard['what']} (column {guard['column']})" if guard else "a value does not fit the type of its column"
    return None


def find_refused(file: Path, numbers: Sequence[int], refusal_of: RefusalOf, *, part: Path) -> dict[int, str]:
    """Give the refused lines of `file` with their reasons, by the numbers that its lines go by.

    `part` is a scratch file. Raises LandingError beyond LIMIT lines.
    """
    starts = _line_starts(file)
    refused: dict[int, str] = {}
    runs = [(0, len(numbers))]
    while runs:
        first, last = runs.pop()
        _copy_range(file, part, starts[first], starts[last])
        reason = refusal_of(part)
        if reason is None:
            continue
        if last - first > 1:
            half = (first + last) // 2
            runs += [(half, last), (first, half)]
            continue
        refused[numbers[first]] = reason
        if len(refused) > LIMIT:
            raise LandingError(
                f"more than {LIMIT} lines of one file do not fit the view: {reason}",
                hint="correct the view, or have the source corrected and export again",
            )
    return refused


def _line_starts(file: Path) -> array[int]:
    """Where each line starts, and the end of the last: eight bytes a line, however long lines are."""
    starts = array("Q", [0])
    with file.open("rb") as lines:
        for line in lines:
            starts.append(starts[-1] + len(line))
    return starts


def _copy_range(source: Path, target: Path, start: int, end: int) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        read.seek(start)
        while start < end:
            chunk = read.read(min(_CHUNK, end - start))
            write.write(chunk)
            start += len(chunk)
