"""Merge: the rows of an earlier release without those of resources that changed, and the rows of what is new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import quote_sources
from caremesh.engines.versions import Base
from caremesh.fhir import ViewColumn
from caremesh.id_spaces import SOURCE_COLUMN
from caremesh.quoting import quote_file, quote_name, quote_text


def merge_rows(
    connection: duckdb.DuckDBPyConnection, base: Base, *, columns: Sequence[ViewColumn], arrived: Path, target: Path
) -> int:
    """Write the rows of the release to be, and give their number; `fates` says which resources of the base are gone.

    Memory is bounded by the number of those, whatever the release's size.
    """
    names = ", ".join(quote_name(name) for name in (*(c.name for c in columns), SOURCE_COLUMN))
    replaced = "is_base and before = 'used' and after <> 'used'"
    connection.execute(f"create or replace temp table gone as select id from fates where {replaced}")
    held = quote_sources([base.data, *([base.held] if base.held else [])])
    kept = f"select {names} from read_parquet([{held}], hive_partitioning = false) as row"
    if connection.execute("select count(*) from gone").fetchone() != (0,):
        kept += f" where not exists (select 1 from gone where gone.id = row.{quote_name(base.key_column)})"
    copied = connection.execute(
        f"""
        copy (
            {kept}
            union all
            select {names} from read_parquet({quote_file(arrived)}, hive_partitioning = false)
        ) to {quote_text(str(target))} (format parquet, compression zstd)
        """
    ).fetchone()
    return copied[0] if copied else 0
