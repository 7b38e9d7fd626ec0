"""What the engine refuses: asked of the engine itself, with the view's own words for the reason.

A compiled view raises an error for a value that it cannot use, and names column and resource. Those resources are found
all at once. What DuckDB refuses by itself names no line that can be relied on; it is found by halving.
"""

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

# What the compiled view itself says where it refuses a value.
_GUARD = re.compile(r"(?P<place>column \w+|path|repeat): (?P<what>[A-Za-z0-9(), ]+?), resource (?P<id>[^\n]*)")
_CHUNK = 1 << 20
# Whole files are cut into so many pieces first: few of them hold a refused line, and the others cost one look.
_FIRST_CUT = 64
_LOG = "caremesh.refused"


class TooManyRefused(LandingError):
    """So many lines of one file do not fit the view that the view is at fault, or the whole file."""

    def __init__(self, limit: int, reason: str) -> None:
        super().__init__(
            f"more than {limit} lines of one file do not fit the view: {reason}",
            hint="correct the view, or have the source corrected and export again",
        )


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    """Run a query for its refusal alone: every value is computed, and no row comes back."""
    try:
        compute(connection, query)
    except REFUSALS as error:
        return describe(error)
    return None


def describe(error: Exception) -> str:
    """Say why the engine refused, in the view's words only: the engine's own quote the line."""
    guard = _GUARD.search(str(error))
    return _reason(guard) if guard else "a value does not fit the type of its column"


def _reason(guard: re.Match[str]) -> str:
    return f"{guard['what']} ({guard['place']})"


def is_guard(error: Exception) -> bool:
    """Whether the view itself refused a value, and so named its resource."""
    return _GUARD.search(str(error)) is not None


def refused_ids(connection: duckdb.DuckDBPyConnection, query: str) -> set[str]:
    """Run a view's query to its end, whatever it refuses; give the ids of the resources that it refuses values of.

    Raises what DuckDB raises where it refuses something by itself, and LandingError beyond LIMIT resources.
    """
    connection.execute("call enable_logging(level = 'error')")
    # In the place of DuckDB's own error(): the message goes to the log, and the value is null.
    connection.execute(
        f"""
        create or replace temp macro error(message) as case when write_log(
            cast(message as varchar), level := 'ERROR', log_type := '{_LOG}', return_value := true
        ) then null end
        """
    )
    try:
        compute(connection, query)
        found = connection.execute(
            f"select message from duckdb_logs where type = '{_LOG}' group by message order by message limit {2 * LIMIT}"
        ).fetchall()
    finally:
        connection.execute("drop macro temp.error")
        connection.execute("call truncate_duckdb_logs()")
        connection.execute("call disable_logging()")
    guards = [guard for (message,) in found if (guard := _GUARD.search(message))]
    ids = {guard["id"] for guard in guards}
    if len(ids) > LIMIT:
        raise TooManyRefused(LIMIT, _reason(guards[0]))
    return ids


def find_refused(
    file: Path, ordinals: Callable[[int], int], refusal_of: RefusalOf, *, part: Path, limit: int = LIMIT
) -> dict[int, str]:
    """Give the refused lines of `file` with their reasons, by the ordinals that its lines go by (position → ordinal).

    `part` is a scratch file. Raises TooManyRefused beyond `limit` lines.
    """
    starts = _line_starts(file)
    refused: dict[int, str] = {}
    runs = _cut(0, len(starts) - 1, _FIRST_CUT)
    while runs:
        first, last = runs.pop()
        _copy_range(file, part, starts[first], starts[last])
        reason = refusal_of(part)
        if reason is None:
            continue
        if last - first > 1:
            runs += _cut(first, last, 2)
            continue
        refused[ordinals(first + 1)] = reason
        if len(refused) > limit:
            raise TooManyRefused(limit, reason)
    return refused


def _cut(first: int, last: int, pieces: int) -> list[tuple[int, int]]:
    """Cut a run of lines into pieces of about one length, the first of them last."""
    step = max(1, -(-(last - first) // pieces))
    return [(start, min(start + step, last)) for start in range(first, last, step)][::-1]


def compute(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Compute every value of a query, and keep none; raises what DuckDB raises."""
    connection.execute(f"select bit_xor(hash(rows)) from ({query}) as rows").fetchone()


def _line_starts(file: Path) -> Sequence[int]:
    """Where each line that is not blank starts, and the end of the last: eight bytes a line, however long lines are."""
    starts, end = array("Q"), 0
    with file.open("rb") as lines:
        for line in lines:
            if not line.isspace():
                starts.append(end)
            end += len(line)
    starts.append(end)
    return starts


def _copy_range(source: Path, target: Path, start: int, end: int) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        read.seek(start)
        while start < end:
            chunk = read.read(min(_CHUNK, end - start))
            write.write(chunk)
            start += len(chunk)
