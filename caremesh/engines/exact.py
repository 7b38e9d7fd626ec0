"""Decimals exactly as they were written, at about the price of doubles.

DuckDB reads JSON numbers as doubles and writes those as short as it can, so that `1.10` becomes `1.1`. Most numbers
come out as they went in. The lines of the others are found by a pattern, and only these are read from their text.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from caremesh.engines.duckdb import Source, check_strictly, quote_sources, read_lines_sql, transform_sql
from caremesh.fhir import DUCKDB, Array, CompiledView, Leaf, Node, Struct, exact_names
from caremesh.quoting import quote_name, quote_text

LIMIT = 10_000
"""So many lines are set beside the others; where there are more, all lines are read from their text."""

# Numbers that a double would not give back: a zero at the end of two and more decimals, an exponent, sixteen digits and
# more, very small ones, a negative zero.
_ROUNDED = r"(-?[0-9]+\.[0-9]+0[^0-9]|-?[0-9.]*[eE]|-?[0-9.]{16}|-?0\.0000|-0[^.])"


def read_as_written_sql(
    connection: duckdb.DuckDBPyConnection, view: CompiledView, paths: Sequence[Source], *, aside: str = "rounded"
) -> str:
    """SQL that reads the lines of files as the view's `src`, strictly, with exact decimals as texts.

    `aside` is the table that lines with numbers that a double would not give back are set into. Whether these are
    numbers must be known already (`number_columns`). Looks through the files first where the view has exact decimals;
    raises what DuckDB raises.
    """
    columns = DUCKDB.source_columns(view.shape)
    names = exact_names(view.shape)
    strict = read_lines_sql(paths, columns)
    if not names or not paths:
        return strict
    count = _set_rounded_aside(connection, names, paths, aside)
    if count == 0:
        return strict
    if count > LIMIT:
        # From their text lines are read leniently, so that all must have been read strictly before.
        check_strictly(connection, view, paths)
        return read_lines_sql(paths, columns, exact=names)
    fields = ", ".join(quote_name(name) for name in columns)
    twice = f"select 1 from {aside} as r where r.path = strict.filename and r.id = strict.id"
    texts = transform_sql("line", columns, exact=names)
    return f"""(
        select {fields}, filename from {strict} as strict where not exists ({twice})
        union all by name
        select unnest(fields), path as filename from (select unnest([{texts}]) as fields, path from {aside})
    )"""


def number_columns(view: CompiledView) -> dict[str, str]:
    """The columns that hold a view's exact decimals, as the strict reader reads them: as numbers."""
    numbers = _only_exact(view.shape)
    return DUCKDB.source_columns(numbers) if isinstance(numbers, Struct) else {}


def _set_rounded_aside(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], paths: Sequence[Source], aside: str
) -> int:
    """Fill the table `aside` with all lines of the resources with such numbers; give how many numbers were found."""
    lines = f"read_ndjson_objects([{quote_sources(paths)}], hive_partitioning = false)"
    patterns = [rf'"{name}"\s*:\s*{_ROUNDED}' for name in names]
    rounded = " or ".join(f"regexp_matches(json, {quote_text(pattern)})" for pattern in patterns)
    taken = f"select filename as path, json_extract_string(json, '$.id') as id, json as line from {lines}"
    connection.execute(f"create or replace temp table {aside} as {taken} where {rounded} limit {LIMIT + 1}")
    found = connection.execute(f"select count(*) from {aside}").fetchone()
    count: int = found[0] if found else 0
    if 0 < count <= LIMIT:
        # The others of the same id, too: from now on an id tells which lines are set aside.
        connection.execute(f"create or replace temp table {aside} as {taken} where id in (select id from {aside})")
    return count


def _only_exact(node: Node) -> Node | None:
    if isinstance(node, Array):
        item = _only_exact(node.item)
        return Array(item) if item else None
    if isinstance(node, Struct):
        fields = [(name, found) for name, inner in node.fields if (found := _only_exact(inner))]
        return Struct(tuple(fields)) if fields else None
    return Leaf("number") if node.kind == "exact" else None
