"""Which rows name resources that have not arrived: found by the ids of those that have, listed, and kept back if asked.

A row names resources of its own source: what another one calls by the same id has not arrived for it.
Memory is bounded by the engine's limit, and by the ids that are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import quote_sources
from caremesh.quoting import quote_name, quote_text
from caremesh.release_keys import all_keys_sql

NOTHING = "select cast(null as varchar) as source_id, cast(null as varchar) as id where false"
"""SQL for the sources and ids of a product that has no release."""

_PARQUET = "(format parquet, compression zstd)"


@dataclass(frozen=True)
class Reference:
    """A column that holds ids of resources, and SQL for `source_id` and `id` of each of them that `product` uses."""

    column: str
    product: str
    arrived: str


@dataclass(frozen=True)
class Incomplete:
    """How many rows name resources that have not arrived, and how often they do, by column."""

    rows: int
    references: tuple[tuple[str, int], ...]


def arrived_sql(keys: Sequence[Path]) -> str:
    """SQL for the sources and ids of the resources that a release uses, by its keys."""
    return f"select source_id, id from ({all_keys_sql(keys)}) where removed_by is null"


def list_incomplete(
    connection: duckdb.DuckDBPyConnection,
    *,
    parts: Sequence[Path],
    key: Sequence[str],
    references: Sequence[Reference],
    target: Path,
) -> Incomplete:
    """Write one row for each reference of the rows in `parts` to what has not arrived; count them.

    The list has the columns `key` (the key columns of the row), `missing_column`, `missing_product` and `missing_id`.
    """
    rows = _rows_of(parts)
    for number, reference in enumerate(references):
        name = quote_name(reference.column)
        connection.execute(
            f"""
            create or replace temp table missing_{number} as
            from (select distinct source_id, {name} as id from {rows} where {name} is not null)
            anti join ({reference.arrived}) using (source_id, id)
            """
        )
    keys = ", ".join(f"{quote_text(name)}: {quote_name(name)}" for name in key)
    listed = " union all ".join(
        f"""
        select
            {{{keys}}} as key, {quote_text(r.column)} as missing_column, {quote_text(r.product)} as missing_product,
            {quote_name(r.column)} as missing_id
        from {rows} as row where {_is_missing(number, r)}
        """
        for number, r in enumerate(references)
    )
    connection.execute(f"copy ({listed}) to {quote_text(str(target))} {_PARQUET}")
    counts = ", ".join(f"count(*) filter ({_is_missing(number, r)})" for number, r in enumerate(references))
    found = connection.execute(
        f"select count(*) filter ({_is_incomplete(references)}), {counts} from {rows} as row"
    ).fetchone() or (0,)
    return Incomplete(found[0], tuple((r.column, n) for r, n in zip(references, found[1:], strict=True)))


def hold_back(
    connection: duckdb.DuckDBPyConnection, *, part: Path, held: Path, references: Sequence[Reference]
) -> None:
    """Move the incomplete rows of a part into the file `held`, after `list_incomplete`."""
    rest = part.with_name(f".{part.name}.part")
    for target, condition in ((held, ""), (rest, "not ")):
        query = f"select * from {_rows_of([part])} as row where {condition}({_is_incomplete(references)})"
        connection.execute(f"copy ({query}) to {quote_text(str(target))} {_PARQUET}")
    rest.replace(part)


def _is_incomplete(references: Sequence[Reference]) -> str:
    """SQL that says whether a row (alias `row`) names anything that has not arrived, after `list_incomplete`."""
    return " or ".join(_is_missing(number, reference) for number, reference in enumerate(references))


def has_all_resources(connection: duckdb.DuckDBPyConnection, arrived: str, *, used: int) -> bool:
    """Whether ids that were taken from rows are those of all `used` resources: a view may give none for some."""
    return connection.execute(f"select count(distinct (source_id, id)) from ({arrived})").fetchone() == (used,)


def ids_sql(parts: Sequence[Path], column: str) -> str:
    """SQL for the sources and ids of the resources that rows were made of."""
    return f"select source_id, {quote_name(column)} as id from {_rows_of(parts)}"


def _is_missing(number: int, reference: Reference) -> str:
    missing = f"m.source_id = row.source_id and m.id = row.{quote_name(reference.column)}"
    return f"exists (select 1 from missing_{number} as m where {missing})"


def _rows_of(parts: Sequence[Path]) -> str:
    return f"read_parquet([{quote_sources(parts)}], hive_partitioning = false)"
