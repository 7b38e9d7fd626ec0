"""Queries on the lake's database: read-only, and rows out as CSV or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TextIO

import duckdb

from caremesh.errors import QueryError
from caremesh.lake.local import LocalLake


@dataclass(frozen=True)
class QueryResult:
    """Column names, and rows that are fetched as they are read."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def run_query(lake: LocalLake, sql: str) -> QueryResult:
    """Run one statement on the lake's database, read-only; raise QueryError where it fails."""
    if not lake.database.exists():
        raise QueryError("nothing was published yet", where=str(lake.root), hint="caremesh run first")
    try:
        connection = duckdb.connect(str(lake.database), read_only=True)
        cursor = connection.execute(sql)
    except duckdb.IOException as error:
        moved = "if the lake was moved, `caremesh publish --lake DIR` writes its database anew"
        raise QueryError(str(error), hint=moved) from None
    except duckdb.Error as error:
        raise QueryError(str(error), hint="tables are called <domain>.<product>, see: caremesh products") from None
    columns = tuple(d[0] for d in cursor.description or ())
    return QueryResult(columns, _fetch(cursor))


def write_rows(result: QueryResult, out: TextIO, *, form: Literal["csv", "json"]) -> None:
    """Write rows as CSV with a header, or as a JSON array of objects; dates and times in ISO 8601."""
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(result.rows)
        return
    separator = "["
    for row in result.rows:
        document = json.dumps(dict(zip(result.columns, row, strict=True)), default=_plain, ensure_ascii=False)
        out.write(f"{separator}{document}")
        separator = ",\n"
    out.write("]\n" if separator != "[" else "[]\n")


def _plain(value: Any) -> str | float:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _fetch(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while batch := cursor.fetchmany(1000):
        yield from batch
