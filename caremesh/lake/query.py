"""Queries on the lake's database: read-only, and rows out as CSV or JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TextIO

import duckdb

from caremesh.duckdb_reading import lock_connection, reading_statement, tell_error
from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import QueryError
from caremesh.lake.database import state_place
from caremesh.lake.layout import LEDGER_FILE, PRODUCTS_FOLDER
from caremesh.lake.local import LocalLake


@dataclass(frozen=True)
class QueryResult:
    """Column names, and rows that are fetched as they are read."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def run_query(lake: LocalLake, sql: str) -> QueryResult:
    """Run one statement that only reads on the lake's database; raise QueryError where it fails or would do more."""
    if not lake.database.exists():
        raise QueryError("nothing was published yet", where=str(lake.root), hint="caremesh run first")
    with _telling_errors(sql), ExitStack() as opened:
        connection = opened.enter_context(duckdb.connect(str(lake.database), read_only=True, config=OFFLINE))
        _refuse_moved(connection, lake)
        folders = (lake.root / PRODUCTS_FOLDER, lake.curated)
        lock_connection(connection, folders=folders, files=(lake.root / LEDGER_FILE,))
        connection.execute(reading_statement(connection, sql))
        # It stays open for as long as rows are read.
        opened.pop_all()
    columns = tuple(d[0] for d in connection.description or ())
    return QueryResult(columns, _fetch(connection, sql))


def write_rows(result: QueryResult, out: TextIO, *, form: Literal["csv", "json"]) -> None:
    """Write rows as CSV with a header, or as a JSON array of objects; dates and times in ISO 8601."""
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows([_cell(value) for value in row] for row in result.rows)
        return
    if len(set(result.columns)) < len(result.columns):
        raise QueryError("two columns have one name, which JSON cannot hold", hint="give one of them an alias")
    separator = "["
    for row in result.rows:
        values = {name: _plain(value) for name, value in zip(result.columns, row, strict=True)}
        out.write(f"{separator}{json.dumps(values, default=str, ensure_ascii=False, allow_nan=False)}")
        separator = ",\n"
    out.write("]\n" if separator != "[" else "[]\n")


def _refuse_moved(connection: duckdb.DuckDBPyConnection, lake: LocalLake) -> None:
    stated = connection.execute(
        "select comment from duckdb_views() where schema_name = 'quarantine' and view_name = 'lines'"
    ).fetchone()
    if stated != (state_place(lake),):
        raise QueryError(
            "the database was written for another place, and would answer from there",
            where=str(lake.root),
            hint=f"after a copy or a move, write it anew: caremesh publish --lake {lake.root}",
        )


@contextmanager
def _telling_errors(sql: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise tell_error(error, sql) from None


def _cell(value: Any) -> Any:
    """A CSV cell: what is nested as JSON, and true and false as SQL writes them."""
    if isinstance(value, bool | dict | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return value


def _plain(value: Any) -> Any:
    """A value that JSON can hold: a number where it stays the same number, else text; null for what is no number."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    with cursor:
        while True:
            with _telling_errors(sql):
                batch = cursor.fetchmany(1000)
            if not batch:
                return
            yield from batch
