"""Running a view twice, compiled on DuckDB and by the interpreter, and holding the rows against each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from caremesh.engines.duckdb import REFUSALS, open_engine, read_lines_sql
from caremesh.errors import ViewError
from caremesh.fhir import DUCKDB, compile_view, exact_names, parse_view
from caremesh.fhir.oracle import OracleError, interpret, parse_resource

Rows = list[dict[str, Any]]

# Repeats inside repeats make statements that an engine plans for minutes, in more memory than its limit says.
LONGEST = 150_000
# A repeat is unrolled to a fixed depth; data below it is an error of the engine alone.
TOO_DEEP = "nested deeper than its levels"


Run = Callable[[str, Sequence[str]], Rows | Exception]


class Judge:
    """Compares; counts why an example could not be compared."""

    def __init__(self, run: Run) -> None:
        """Take what gives the rows of a view over lines on an engine, or the error that it refuses them with."""
        self.run = run
        self.counts: Counter[str] = Counter()

    def compare(self, view: str, lines: Sequence[str]) -> bool:
        """Whether the example could be judged; raise AssertionError where the two disagree."""
        self.counts["examples"] += 1
        try:
            expected: Rows | OracleError = interpret(view, map(parse_resource, lines), where="view.json")
        except OracleError as error:
            expected = error
        except ViewError as error:
            if "not supported" in error.message:
                self.counts[f"not supported: {error.message.partition('(character')[0]}"] += 1
                return False
            raise
        try:
            found = self.run(view, lines)
        except duckdb.OutOfMemoryException:
            self.counts["out of memory"] += 1
            return False
        if isinstance(expected, OracleError) or isinstance(found, Exception):
            return self._judge_errors(expected, found)
        assert same_rows(expected, found), difference(expected, found)
        self.counts["compared"] += 1
        self.counts["with rows"] += bool(found)
        return True

    def _judge_errors(self, expected: Rows | OracleError, found: Rows | Exception) -> bool:
        if isinstance(found, ViewError):
            self.counts["too long a statement"] += 1
            return False
        if isinstance(found, Exception) and TOO_DEEP in str(found):
            self.counts["too deep"] += 1
            return False
        if isinstance(expected, OracleError) and expected.avoidable and not isinstance(found, Exception):
            self.counts["avoidable error"] += 1
            return False
        both = isinstance(expected, OracleError) and isinstance(found, Exception)
        assert both, difference(expected, found)
        self.counts["both raise"] += 1
        return True


@dataclass(frozen=True)
class OnDuckDb:
    """Runs views on one open connection; `file` takes the lines."""

    connection: duckdb.DuckDBPyConnection
    file: Path

    def __call__(self, view: str, lines: Sequence[str]) -> Rows | Exception:
        """The rows on DuckDB, or the error that it refuses the data with."""
        parsed = parse_view(view, where="view.json")
        try:
            compiled = compile_view(parsed, DUCKDB)
        except ViewError as too_long:
            return too_long
        if len(compiled.query) > LONGEST:
            return ViewError("the statement is too long to be planned in a test")
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        columns = DUCKDB.source_columns(compiled.shape)
        source = read_lines_sql([self.file], columns, exact=exact_names(compiled.shape))
        try:
            result = self.connection.execute(f"with src as (select * from {source}) {compiled.query}")
            names = [d[0] for d in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        except REFUSALS as error:
            return error


@contextmanager
def open_judge(folder: Path) -> Iterator[Judge]:
    """Open one engine for many examples."""
    with open_engine(memory_limit="1GB", threads=1, scratch=folder) as connection:
        yield Judge(OnDuckDb(connection, folder / "resources.ndjson"))


def same_rows(expected: Rows, found: Rows) -> bool:
    """Whether the rows are the same, in any order; numbers may differ in the last places that a double has."""
    ours, theirs = (sorted((_plain(row) for row in rows), key=repr) for rows in (expected, found))
    return ours == theirs or (len(ours) == len(theirs) and all(map(_close, ours, theirs)))


def difference(expected: Rows | Exception, found: Rows | Exception) -> str:
    """What only one of the two outcomes has, for the reader of a failed test; generated data is nobody's."""
    ours, theirs = (Counter(map(repr, o)) if isinstance(o, list) else Counter([repr(o)]) for o in (expected, found))
    return "\n".join(
        f"only {whose}: {row}"
        for whose, rows in (("expected", ours - theirs), ("found", theirs - ours))
        for row in rows.elements()
    )


def _plain(row: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, _normal(value)) for name, value in row.items()]


def _normal(value: Any) -> Any:
    if isinstance(value, float):
        return value + 0.0  # -0.0 is 0.0 to every comparison; only its text differs
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


def _close(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9)
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        return len(ours) == len(theirs) and all(map(_close, ours, theirs))
    return type(ours) is type(theirs) and bool(ours == theirs)
