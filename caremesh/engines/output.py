"""Rows as files: Parquet, CSV and NDJSON, written by DuckDB.

In the two text forms a number is written as short as it can be (`120`, not `120.0`), a decimal that was read exactly as
it was written, a date or moment as ISO 8601, and what is no number (NaN) as null.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from caremesh.fhir import ViewColumn
from caremesh.quoting import quote_name, quote_text

Form: TypeAlias = Literal["ndjson", "csv", "safe-csv", "parquet"]
"""`safe-csv` puts an apostrophe before texts that a spreadsheet would take for a formula."""

# JSON text holds no control character, so nothing is ever quoted or parted.
_AS_IT_IS = "format csv, header false, quote '', delimiter '\x01'"
_OPTIONS: dict[Form, str] = {
    "parquet": "format parquet, compression zstd",
    "csv": "format csv, header true",
    "safe-csv": "format csv, header true",
    "ndjson": _AS_IT_IS,
}
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = r"^[=+\-@\t\r]"
_JSON_NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"


def copy_sql(query: str, columns: Sequence[ViewColumn], target: Path, form: Form) -> str:
    """SQL that writes the rows of a query to a file; its result is the number of rows."""
    if form in ("csv", "safe-csv"):
        write = _safe_cell if form == "safe-csv" else _cell
        query = _select([f"{write(c)} as {quote_name(c.name)}" for c in columns], query)
    if form == "ndjson":
        pieces = [f"{quote_text(_key(i, c))}, coalesce({_json(c)}, 'null')" for i, c in enumerate(columns)]
        query = _select([f"concat({', '.join(pieces)}, '}}')"], query)
    return f"copy ({query}) to {quote_text(str(target))} ({_OPTIONS[form]})"


def _select(items: Sequence[str], query: str) -> str:
    return f"select {', '.join(items)} from ({query})"


def _key(position: int, column: ViewColumn) -> str:
    return f'{"," if position else "{"}"{column.name}":'


def _cell(column: ViewColumn) -> str:
    return _json(column) if column.collection else _text(quote_name(column.name), column.sql_type)


def _safe_cell(column: ViewColumn) -> str:
    cell = _cell(column)
    if column.collection or column.sql_type != "varchar":
        return cell
    number = f"regexp_full_match({cell}, {quote_text(_JSON_NUMBER)})" if column.fhir_type == "decimal" else "false"
    is_formula = f"regexp_matches({cell}, {quote_text(_FORMULA)}) and not {number}"
    return f"case when {is_formula} then chr(39) || {cell} else {cell} end"


def _json(column: ViewColumn) -> str:
    if not column.collection:
        return _json_value(quote_name(column.name), column)
    items = f"list_transform({quote_name(column.name)}, lambda v: coalesce({_json_value('v', column)}, 'null'))"
    return f"'[' || array_to_string({items}, ',') || ']'"


def _json_value(value: str, column: ViewColumn) -> str:
    text = _text(value, column.sql_type)
    if column.sql_type.startswith(("boolean", "integer", "bigint", "double", "decimal")):
        return text
    quoted = f"cast(to_json({text}) as varchar)"
    if column.fhir_type == "decimal":
        return f"case when regexp_full_match({text}, {quote_text(_JSON_NUMBER)}) then {text} else {quoted} end"
    return quoted


def _text(value: str, sql_type: str) -> str:
    """A value as text; null where there is none."""
    text = f"cast({value} as varchar)"
    if sql_type == "varchar":
        return value
    if sql_type == "double":
        return f"case when isfinite({value}) then regexp_replace({text}, '\\.0$', '') end"
    if sql_type.startswith("timestamp"):
        # Connections are set to UTC.
        return f"replace(replace({text}, ' ', 'T'), '+00', 'Z')"
    return text
