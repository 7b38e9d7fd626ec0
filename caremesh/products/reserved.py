"""Names that a domain or product cannot have: what the lake needs for itself, and words of SQL.

`select * from order.visit` would be a parser error, though every name is quoted in the SQL that CareMesh writes.
"""

from __future__ import annotations

RESERVED_DOMAINS = (
    # What the lake, its catalog and the dbt project put beside the domains.
    "caremesh",
    "curated",
    "curated_work",
    "ledger",
    "quarantine",
    # Schemas that DuckDB or Athena has already, and words that its SQL reads otherwise.
    "default",
    "information_schema",
    "main",
    "memory",
    "pg_catalog",
    "sys",
    "system",
    "temp",
)
"""Names that the lake's database needs for itself."""

_STARTS = ("caremesh_", "pg_")

# What DuckDB 2.0 does not take as the name of a table: duckdb_keywords(), reserved and type_function.
_DUCKDB = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check
    collate collation column concurrently constraint create cross default deferrable desc describe distinct do else
    end except false fetch for foreign freeze from full glob group having ilike in initially inner intersect into is
    isnull join lambda lateral leading left like limit natural not notnull null offset on only or order outer
    overlaps pivot pivot_longer pivot_wider placing positional primary qualify references returning right select
    semi show similar some summarize symmetric table tablesample then to trailing true union unique unpack unpivot
    using variadic verbose when where window with
"""
# Reserved in Trino, and so in Athena: https://trino.io/docs/current/language/reserved.html
_TRINO = """
    alter and as auto between by case cast constraint create cross cube current_catalog current_date current_path
    current_role current_schema current_time current_timestamp current_user deallocate delete describe distinct drop
    else end escape except execute exists extract false for from full group grouping having in inner insert
    intersect into is join json_array json_exists json_object json_query json_table json_value left like listagg
    localtime localtimestamp natural normalize not null on or order outer prepare recursive right rollup select skip
    table then trim true uescape union unnest using values when where with
"""


def is_word_of_sql(name: str) -> bool:
    """Whether DuckDB or Athena reads a name as a word of its own, unless it is quoted."""
    return name in _DUCKDB.split() or name in _TRINO.split()


def is_reserved_domain(name: str) -> bool:
    """Whether the lake or one of its databases needs the name for itself."""
    return name in RESERVED_DOMAINS or name.startswith(_STARTS)
