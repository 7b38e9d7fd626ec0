"""Which lines of a file are worth a look: asked of DuckDB in one pass that no line can stop.

The answer is a hint and no judgement. A line that is named may be fine; one that is not named may still be refused,
by the strict reader, which has the last word. Nothing is ever taken or left out for what stands here alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import REFUSALS, read_lines_sql
from caremesh.fhir import Array, Leaf, Node, Struct
from caremesh.quoting import quote_name, quote_text


@dataclass(frozen=True)
class Lines:
    """The table of a file's lines: `ordinal`, `id_hash` of the id as JSON text, and whether the line `is_odd`."""

    connection: duckdb.DuckDBPyConnection
    table: str

    def count(self) -> int:
        """How many lines there are."""
        found = self.connection.execute(f"select count(*) from {self.table}").fetchone()
        return int(found[0]) if found else 0

    def odd(self) -> list[int]:
        """Ordinals of lines that are no JSON, no resource of this type, without id, or unlike the shape."""
        return self._ordinals("is_odd")

    def repeated(self) -> list[int]:
        """Ordinals of the lines whose id stands more than once in the file."""
        repeated = f"select id_hash from {self.table} group by id_hash having count(*) > 1"
        return self._ordinals(f"id_hash in ({repeated})")

    def of(self, ids: Collection[str]) -> list[int]:
        """Ordinals of the lines with one of these ids."""
        return self._ordinals("id_hash in (select hash(to_json(unnest(?))))", [list(ids)])

    def _ordinals(self, condition: str, parameters: Collection[object] = ()) -> list[int]:
        query = f"select ordinal from {self.table} where {condition} order by ordinal"
        return [ordinal for (ordinal,) in self.connection.execute(query, list(parameters)).fetchall()]


def look_through(
    connection: duckdb.DuckDBPyConnection, file: Path, *, table: str, resource: str, shape: Struct
) -> Lines | None:
    """Make the table of a file's lines; None where DuckDB cannot tell its lines apart (some are too long)."""
    containers = {name: node for name, node in shape.fields if not isinstance(node, Leaf)}
    columns = {**dict.fromkeys(containers, "VARCHAR"), "id": "JSON", "resourceType": "VARCHAR"}
    faults = [
        "not starts_with(id, '\"') or id = '\"\"' or id is null",
        f"resourceType is distinct from {quote_text(resource)}",
        *(fault for name, node in containers.items() for fault in _faults(quote_name(name), node)),
    ]
    # The order of rows is the order of lines only where DuckDB is told so.
    connection.execute("set preserve_insertion_order = true")
    try:
        connection.execute(
            f"""
            create or replace temp table {table} as
            select
                row_number() over () as ordinal,
                hash(id) as id_hash,
                coalesce({" or ".join(faults)}, false) as is_odd
            from {read_lines_sql([file], columns, tolerant=True)}
            """
        )
    except REFUSALS:
        return None
    finally:
        connection.execute("set preserve_insertion_order = false")
    return Lines(connection, table)


def _faults(text: str, node: Node) -> Iterator[str]:
    """SQL for whether a container, as JSON text, is of another type; so are those directly in it, and their numbers."""
    if isinstance(node, Struct):
        yield f"not starts_with({text}, '{{')"
        for name, inner in node.fields:
            key = f'"{name}":'
            if isinstance(inner, Leaf):
                if inner.kind != "text":
                    yield f"contains({text}, {quote_text(key + chr(34))})"
            else:
                opened = key + ("[" if isinstance(inner, Array) else "{")
                # Of a case, what comes later is asked of few lines only; of a condition, of all.
                right, stated = (f"contains({text}, {quote_text(words)})" for words in (opened, key))
                yield f"case when {right} then false else {stated} end"
    elif isinstance(node, Array):
        opened = "[" if isinstance(node.item, Leaf) else "[{"
        yield f"(not starts_with({text}, {quote_text(opened)}) and {text} <> '[]')"
