"""Compares the rows of two runs as multisets.

Decimals are compared as doubles, everything else as text: runners differ in what they call a value's type. Keys are
compared without a resource type before them: the specification leaves open what a key looks like. Nothing else is
normalised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from caremesh.quoting import quote_file, quote_name, quote_text

_KEY = re.compile(r"getResourceKey\(\)$|getReferenceKey\(")


@dataclass(frozen=True)
class Difference:
    """How two results differ: rows that only one of them has, and the columns with other values for the same key."""

    rows: int
    only_ours: int
    only_theirs: int
    columns: tuple[str, ...]

    @property
    def is_none(self) -> bool:
        """Tell whether both hold the same rows."""
        return not self.only_ours and not self.only_theirs


def compare_rows(ours: Path, theirs: Path, *, view: Path) -> Difference:
    """Compare a Parquet file of ours with a result of others: Parquet (a file or a folder of them) or NDJSON.

    `view` tells which columns hold decimals and keys; its first column goes by for the key of a row.
    """
    decimals, keys = _special_columns(json.loads(view.read_text()))
    with duckdb.connect() as connection:
        names = [row[0] for row in connection.execute(f"describe select * from {quote_file(ours)}").fetchall()]
        for table, path in (("ours", ours), ("theirs", theirs)):
            columns = ", ".join(f"{_normalised(n, decimals, keys)} as {quote_name(n)}" for n in names)
            connection.execute(f"create table {table} as select {columns} from {_source(path, names)}")
        rows = _count(connection, "ours")
        differing = [n for n in names if _only(connection, "ours", "theirs", [names[0], n])]
        return Difference(
            rows=rows,
            only_ours=_only(connection, "ours", "theirs", names),
            only_theirs=_only(connection, "theirs", "ours", names),
            columns=tuple(differing),
        )


def _source(path: Path, names: Sequence[str]) -> str:
    if path.is_dir():
        return quote_text(f"{path}/*.parquet")
    if path.suffix == ".parquet":
        return quote_file(path)
    columns = ", ".join(f"{quote_name(name)}: 'varchar'" for name in names)
    return f"read_json({quote_file(path)}, format = 'newline_delimited', columns = {{{columns}}})"


def _special_columns(view: dict[str, Any]) -> tuple[set[str], set[str]]:
    columns = [column for select in view["select"] for column in select["column"]]
    decimals = {c["name"] for c in columns if c["type"] == "decimal"}
    return decimals, {c["name"] for c in columns if _KEY.search(c["path"])}


def _normalised(name: str, decimals: set[str], keys: set[str]) -> str:
    text = f"cast({quote_name(name)} as varchar)"
    if name in decimals:
        return f"cast({text} as double)"
    return f"regexp_replace({text}, '^[A-Z][A-Za-z]+/', '')" if name in keys else text


def _only(connection: duckdb.DuckDBPyConnection, one: str, other: str, names: Sequence[str]) -> int:
    columns = ", ".join(map(quote_name, names))
    return _count(connection, f"(select {columns} from {one} except all select {columns} from {other})")


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    row = connection.execute(f"select count(*) from {source}").fetchone()
    return int(row[0]) if row else 0
