"""Queries of analysts on the lake's database, which only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb

from caremesh.duckdb_reading import lock_connection, reading_statement, tell_error
from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import QueryError
from caremesh.lake.database import state_place
from caremesh.lake.layout import LEDGER_FILE, PRODUCTS_FOLDER
from caremesh.lake.local import LocalLake
from caremesh.lake.query_rows import QueryResult


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


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    with cursor:
        while True:
            with _telling_errors(sql):
                batch = cursor.fetchmany(1000)
            if not batch:
                return
            yield from batch
