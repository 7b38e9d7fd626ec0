"""`show` and `describe` of Athena, which are Hive's: lines of text about what stands in Glue.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html. A double: real Athena pads names with blanks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.athena.hive_ddl import explain, read_target
from tests.athena.hive_partitions import find_partitions, keys_of
from tests.athena.hive_words import HiveError, Words

NO_CELLS = "\t\t"


@dataclass(frozen=True)
class Lines:
    """What a statement shows: lines of text, and what the API calls their columns."""

    columns: Sequence[str]
    lines: Sequence[str]


@dataclass(frozen=True)
class Show:
    """Runs `show` and `describe` with a client of Glue, for a session in `database`."""

    glue: Any
    database: str

    def run(self, sql: str) -> Lines:
        """Run one statement. Raises HiveError."""
        words = Words(sql)
        for start, action in ACTIONS.items():
            if words.accept(*start):
                try:
                    return action(self, words)
                except ClientError as error:
                    raise HiveError(f"FAILED: {explain(error)}") from None
        raise HiveError("FAILED: NOT_SUPPORTED: this statement is not supported by the local Athena")

    def databases(self, words: Words) -> Lines:
        """`show databases [like 'pattern']`."""
        pattern = read_pattern(words, needs_like=True)
        pages = self.glue.get_paginator("get_databases").paginate()
        names = (database["Name"] for page in pages for database in page["DatabaseList"])
        return Lines(["database_name"], sorted(filter(pattern, names)))

    def tables(self, words: Words) -> Lines:
        """`show tables [in database] ['pattern']`."""
        return Lines(["tab_name"], self._names(words, needs_like=False))

    def views(self, words: Words) -> Lines:
        """`show views [in database] [like 'pattern']`."""
        return Lines(["views"], self._names(words, needs_like=True, kind="VIRTUAL_VIEW"))

    def columns(self, words: Words) -> Lines:
        """`show columns (from | in) table [(from | in) database]`."""
        if not words.accept("in"):
            words.expect("from")
        target = read_target(words, self.database)
        database = words.name() if words.accept("in") or words.accept("from") else target.database
        words.end()
        table = self.glue.get_table(DatabaseName=database, Name=target.table)["Table"]
        return Lines(["field"], [column["Name"] for column in columns_of(table)])

    def describe(self, words: Words) -> Lines:
        """`describe table`."""
        table = self._table(words)
        lines = [as_line(column) for column in columns_of(table)]
        if table.get("PartitionKeys"):
            head = [NO_CELLS, "# Partition Information\t\t", "# col_name\tdata_type\tcomment", NO_CELLS]
            lines += [*head, *(as_line(key) for key in table["PartitionKeys"])]
        return Lines(["col_name", "data_type", "comment"], lines)

    def partitions(self, words: Words) -> Lines:
        """`show partitions table`."""
        table = self._table(words)
        keys = [key["Name"] for key in keys_of(table)]
        found = (p["Values"] for p in find_partitions(self.glue, table))
        lines = ("/".join(f"{k}={v}" for k, v in zip(keys, values, strict=True)) for values in found)
        return Lines(["partition"], sorted(lines))

    def properties(self, words: Words) -> Lines:
        """`show tblproperties table`."""
        parameters = self._table(words).get("Parameters", {})
        return Lines(["prpt_name", "prpt_value"], [f"{key}\t{value}" for key, value in sorted(parameters.items())])

    def create_table(self, words: Words) -> Lines:
        """`show create table table`."""
        return Lines(["createtab_stmt"], list(creation_of(self._table(words))))

    def _table(self, words: Words) -> Mapping[str, Any]:
        target = read_target(words, self.database)
        words.end()
        table: Mapping[str, Any] = self.glue.get_table(DatabaseName=target.database, Name=target.table)["Table"]
        return table

    def _names(self, words: Words, *, needs_like: bool, kind: str | None = None) -> list[str]:
        database = words.name() if words.accept("in") or words.accept("from") else self.database
        pattern = read_pattern(words, needs_like=needs_like)
        pages = self.glue.get_paginator("get_tables").paginate(DatabaseName=database)
        tables = [table for page in pages for table in page["TableList"]]
        return sorted(filter(pattern, (t["Name"] for t in tables if kind in (None, t.get("TableType")))))


ACTIONS: Mapping[tuple[str, ...], Callable[[Show, Words], Lines]] = {
    ("show", "databases"): Show.databases,
    ("show", "schemas"): Show.databases,
    ("show", "tables"): Show.tables,
    ("show", "views"): Show.views,
    ("show", "columns"): Show.columns,
    ("show", "partitions"): Show.partitions,
    ("show", "tblproperties"): Show.properties,
    ("show", "create", "table"): Show.create_table,
    ("describe",): Show.describe,
    ("desc",): Show.describe,
}


def read_pattern(words: Words, *, needs_like: bool) -> Callable[[str], bool]:
    """Pass a pattern, in which `*` stands for anything and `|` for a choice; without one, everything matches."""
    if words.done():
        return lambda _: True
    if needs_like:
        words.expect("like")
    pattern = re.compile(words.text().replace("*", ".*"))
    words.end()
    return lambda name: pattern.fullmatch(name) is not None


def columns_of(table: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """All columns of a table, those of its partitions last."""
    return [*table.get("StorageDescriptor", {}).get("Columns", []), *table.get("PartitionKeys", [])]


def as_line(column: Mapping[str, str]) -> str:
    """A column as `describe` shows it."""
    return f"{column['Name']}\t{column['Type']}\t{column.get('Comment', '')}"


def creation_of(table: Mapping[str, Any]) -> Iterable[str]:
    """The lines of the DDL that would make a table."""
    storage = table["StorageDescriptor"]
    yield f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`("
    yield from column_lines(storage["Columns"])
    if table.get("PartitionKeys"):
        yield "PARTITIONED BY ( "
        yield from column_lines(table["PartitionKeys"])
    serde = storage["SerdeInfo"]
    yield from ("ROW FORMAT SERDE ", f"  '{serde['SerializationLibrary']}' ")
    if serde.get("Parameters"):
        yield "WITH SERDEPROPERTIES ( "
        yield from property_lines(serde["Parameters"])
    yield from ("STORED AS INPUTFORMAT ", f"  '{storage['InputFormat']}' ")
    yield from ("OUTPUTFORMAT ", f"  '{storage['OutputFormat']}'")
    yield from ("LOCATION", f"  '{storage['Location']}'")
    if table.get("Parameters"):
        yield "TBLPROPERTIES ("
        yield from property_lines(table["Parameters"])


def column_lines(columns: Sequence[Mapping[str, str]]) -> list[str]:
    """Columns, one a line, with the bracket after the last."""
    lines = [f"  `{column['Name']}` {column['Type']}" for column in columns]
    return [f"{line}, " for line in lines[:-1]] + [f"{lines[-1]})"]


def property_lines(properties: Mapping[str, str]) -> list[str]:
    """Properties, one a line, with the bracket after the last."""
    lines = [f"  '{key}'={quote(value)}" for key, value in sorted(properties.items())]
    return [f"{line}, " for line in lines[:-1]] + [f"{lines[-1]})"]


def quote(text: str) -> str:
    """A text as Hive writes it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + "'"
