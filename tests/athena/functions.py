"""Which functions our SQL for Athena may call, and how to find those that it calls.

Athena's own list, https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html, points to the pages of Trino's
documentation below and names no version of Trino. Engine version 3 came on 13 October 2022, so only functions that
these pages held by then may stand here; that Trino 476 knows them too is a test of the lane. No page lists `fail`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PAGES: Mapping[str, str] = {
    "aggregate": "bool_or count max min sum",
    "array": "any_match array_distinct array_join array_sort cardinality concat contains element_at filter flatten"
    " none_match reduce reverse sequence slice transform zip_with",
    "binary": "md5 sha256 to_hex",
    "comparison": "greatest least",
    "conditional": "coalesce nullif try",
    "conversion": "cast try_cast",
    "datetime": "date_add date_diff date_trunc day from_iso8601_timestamp last_day_of_month month to_unixtime year",
    "json": "json_extract json_extract_scalar json_format json_parse",
    "math": "abs ceiling floor mod power round sign truncate",
    "regexp": "regexp_count regexp_extract regexp_extract_all regexp_like regexp_replace regexp_split",
    "string": "chr from_utf8 length lower lpad replace rpad split split_part starts_with strpos substr substring"
    " to_utf8 trim upper",
    "window": "first_value lag lead row_number",
}
"""Functions by the page of Trino's documentation (https://trino.io/docs/current/functions/PAGE.html) they stand on."""

ATHENA_FUNCTIONS = frozenset(name for names in PAGES.values() for name in names.split())

SYNTAX = frozenset({"cast", "coalesce", "nullif", "try", "try_cast"})
"""Those that are part of the grammar, which `show functions` leaves out."""

ON_BOTH_ENGINES = frozenset(
    {"bool_or", "cast", "coalesce", "count", "date_diff", "date_trunc", "day", "first_value", "lag", "lead", "length"}
    | {"max", "min", "month", "nullif", "row_number", "substring", "sum", "trim", "try_cast", "year"}
)
"""What the dbt models may call, as DuckDB runs the same text: each means the same there for the types it is used with,
such as date_diff of days between dates and sum of decimals."""

# What else stands before a bracket: words of the grammar, and types with their parts.
WORDS = frozenset(
    {"and", "as", "by", "case", "distinct", "else", "exists", "from", "if", "in", "not", "on", "or", "over"}
)
WORDS |= {"select", "then", "unnest", "when", "where"}
TYPES = frozenset({"array", "decimal", "row"})

_NO_CODE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*""")
# A name after `as` is an alias with columns, or a type.
_BEFORE_A_BRACKET = re.compile(r"(\bas\s+)?\b([a-z_]\w*)\s*\(", re.IGNORECASE)


def called_functions(sql: str) -> set[str]:
    """The names of all functions that a text of SQL calls."""
    found = _BEFORE_A_BRACKET.findall(_NO_CODE.sub("''", sql))
    return {name.lower() for alias, name in found if not alias} - WORDS - TYPES
