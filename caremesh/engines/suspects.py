"""Which lines of a file are worth a look: asked of DuckDB, as cheaply as it can be asked.

The answer is a hint and no judgement. A line that is named may be fine; one that is not named may still be refused,
by the strict reader, which has the last word. Nothing is ever taken or left out for what stands here alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.fhir import Array, Leaf, Node, Struct
from caremesh.quoting import quote_file, quote_text

# Items of a list are looked at by their position; DuckDB takes no wildcard where it takes several paths.
_ITEMS_LOOKED_AT = 1


@dataclass(frozen=True)
class _Spot:
    """A place in the JSON, and the JSON types it may have."""

    path: str
    types: tuple[str, ...]


def find_damaged(connection: duckdb.DuckDBPyConnection, file: Path, *, resource: str, shape: Struct) -> list[int]:
    """Ordinals of lines that are no JSON, no resource of this type, without id, or unlike the shape."""
    spots = [_Spot('$."id"', ("VARCHAR",)), *_spots(shape, "$")]
    faults = [f"types[1] is distinct from {quote_text('VARCHAR')}"]
    faults += [
        f"types[{i}] not in ({', '.join(quote_text(t) for t in (*spot.types, 'NULL'))})"
        for i, spot in enumerate(spots[1:], start=2)
    ]
    paths = ", ".join(quote_text(spot.path) for spot in spots)
    # The type stands at the start of a line as a rule, so that this costs next to nothing.
    names = [f"not contains(json, {quote_text(pattern)})" for pattern in _stated_types(resource)]
    columns = f"json_type(json, [{paths}]) as types, json is null or ({' and '.join(names)}) as is_odd"
    return _find(connection, file, columns=columns, condition=f"is_odd or {' or '.join(faults)}")


def find_ids(connection: duckdb.DuckDBPyConnection, file: Path, ids: Collection[str]) -> list[int]:
    """Ordinals of the lines with one of these ids; lines that are no JSON are passed over."""
    return _find(
        connection,
        file,
        columns="json_extract_string(json, '$.id') as id",
        condition="id in (select unnest(?))",
        parameters=[list(ids)],
    )


def find_hashes(connection: duckdb.DuckDBPyConnection, file: Path, *, hashes_sql: str) -> list[int]:
    """Ordinals of the lines whose id has one of the hashes that a query gives."""
    columns = "hash(json_extract(json, '$.id')) as id_hash"
    return _find(connection, file, columns=columns, condition=f"id_hash in ({hashes_sql})")


def _find(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    *,
    columns: str,
    condition: str,
    parameters: Collection[object] = (),
) -> list[int]:
    # Counted last, so that no condition is moved below the counting and computed twice there.
    counted = f"""
        select row_number() over () as ordinal, *
        from (select {columns} from read_ndjson_objects([{quote_file(file)}], ignore_errors = true))
    """
    connection.execute("set preserve_insertion_order = true")
    try:
        found = connection.execute(f"select ordinal from ({counted}) where {condition}", list(parameters)).fetchall()
    finally:
        connection.execute("set preserve_insertion_order = false")
    return [ordinal for (ordinal,) in found]


def _stated_types(resource: str) -> tuple[str, ...]:
    return tuple(f'"resourceType":{space}"{resource}"' for space in ("", " "))


def _spots(node: Node, path: str) -> Iterator[_Spot]:
    """The containers and numbers of a shape, and the first items of its lists."""
    if isinstance(node, Struct):
        for name, inner in node.fields:
            below = f'{path}."{name}"'
            if isinstance(inner, Struct):
                yield _Spot(below, ("OBJECT",))
            elif isinstance(inner, Array):
                yield _Spot(below, ("ARRAY",))
            elif inner.kind != "text":
                yield _Spot(below, ("BIGINT", "UBIGINT", "DOUBLE"))
            yield from _spots(inner, below)
    elif isinstance(node, Array):
        for position in range(_ITEMS_LOOKED_AT):
            below = f"{path}[{position}]"
            if not isinstance(node.item, Leaf):
                yield _Spot(below, ("OBJECT",))
            yield from _spots(node.item, below)
