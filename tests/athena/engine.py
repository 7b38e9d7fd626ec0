"""Views, compiled for Athena, on a real Trino."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from caremesh.engines.line_sql import NULL_LINE, parse_line_sql, read_view_sql
from caremesh.fhir import CompiledView, Struct
from caremesh.quoting import quote_text
from tests.athena.aws import Aws
from tests.athena.functions import ATHENA_FUNCTIONS, called_functions
from tests.athena.server import Server

Rows = list[dict[str, Any]]

CHUNK = 1_000_000
"""So many characters of lines go into one statement here, where the limit is ten times that."""


@dataclass(frozen=True)
class Athena:
    """A Trino over the Glue tables of `aws`; values come back as the Python values that DuckDB would give."""

    server: Server
    aws: Aws

    def query(self, sql: str) -> Rows:
        """Run one statement; raise trino.exceptions.TrinoUserError where it is wrong."""
        with self.server.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(sql)
            rows = cursor.fetchall()
            names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def run(self, compiled: CompiledView, lines: Sequence[str]) -> Rows:
        """Give the rows of a view over lines, which go into the statement itself: 0.2 s where a table needs 0.3 s."""
        return [row for chunk in chunks(lines) for row in self.query(inline_sql(compiled, chunk))]

    def run_table(self, compiled: CompiledView, table: str) -> Rows:
        """Give the rows of a view over a table of lines."""
        return self.query(view_sql(compiled, table))


def view_sql(compiled: CompiledView, table: str) -> str:
    """The statement that gives a view's rows; one that Athena itself would not take is an AssertionError."""
    sql = read_view_sql(compiled, table)
    assert called_functions(sql) <= ATHENA_FUNCTIONS, "the view calls functions that Athena does not list"
    return sql


def refused_lines_sql(table: str, shape: Struct) -> str:
    """SQL for the lines of a table that give no row, though they are not blank: their `file` and `line`."""
    line = f"coalesce(line, {quote_text(NULL_LINE)})"
    refused = f"{parse_line_sql(shape)} is null and trim({line}) <> ''"
    return f'(select "$path" as file, {line} as line from {table} where {refused})'


def inline_sql(compiled: CompiledView, lines: Sequence[str]) -> str:
    """The same over lines in the statement; an array of them is planned much faster than `values`."""
    items = ", ".join(quote_text(line) for line in lines)
    source = f"lines as (select line from unnest(cast(array[{items}] as array(varchar))) as t(line))"
    return f"with {source}, {view_sql(compiled, 'lines').removeprefix('with ')}"


def chunks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """Lines in groups that one statement can hold; one group at least, as a wrong view must fail without lines too."""
    group: list[str] = []
    size = 0
    for line in lines:
        if group and size + len(line) > CHUNK:
            yield group
            group, size = [], 0
        group.append(line)
        size += len(line)
    yield group
