"""Values as Athena prints them in GetQueryResults and in its CSV files.

Rows print as `{a=1, b=null}`, lists as `[a, b]`, maps as `{k=v}`, bytes as `66 6f`, doubles as Java writes them
(https://docs.aws.amazon.com/athena/latest/ug/data-types.html). Not verified: bytes inside of lists and rows.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.athena.trino_client import Column

# The precision that ColumnInfo names for types that have none of their own.
PRECISIONS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19, "real": 24, "double": 17, "timestamp": 3}
PRECISIONS |= {"varchar": 2147483647, "varbinary": 1073741824, "timestamp with time zone": 3}
TYPE_NAMES = {"real": "float"}

STRING = {"rawType": "string", "arguments": []}
"""The type of what utilities show."""


def print_value(value: Any, signature: Mapping[str, Any]) -> str | None:
    """The text of a value of a type; None where it is null."""
    if value is None:
        return None
    printer = PRINTERS.get(signature["rawType"])
    return printer(value, signature["arguments"]) if printer else str(value)


def column_info(column: Column) -> dict[str, Any]:
    """What GetQueryResults says of a column."""
    raw = column.signature["rawType"]
    numbers = [a["value"] for a in column.signature["arguments"] if a["kind"] == "LONG"]
    precision, scale = PRECISIONS.get(raw, 0), 0
    if raw == "decimal":
        precision, scale = numbers
    elif raw in ("varchar", "char") and numbers:
        precision = min(numbers[0], PRECISIONS["varchar"])
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": TYPE_NAMES.get(raw, raw),
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": raw in ("varchar", "char"),
    }


def print_double(value: float | str) -> str:
    """A double as Java's `Double.toString` writes it, which starts with an exponent at ten million."""
    number = float(value)
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        text = format(Decimal(repr(number)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, _ = Decimal(repr(number)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0")
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{Decimal(repr(number)).adjusted()}"


def _print_array(value: Sequence[Any], arguments: Sequence[Mapping[str, Any]]) -> str:
    return f"[{', '.join(_inner(item, arguments[0]['value']) for item in value)}]"


def _print_map(value: Mapping[str, Any], arguments: Sequence[Mapping[str, Any]]) -> str:
    # Trino writes the keys as texts, whatever their type.
    return "{" + ", ".join(f"{key}={_inner(item, arguments[1]['value'])}" for key, item in value.items()) + "}"


def _print_row(value: Sequence[Any], arguments: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for place, (item, argument) in enumerate(zip(value, arguments, strict=True)):
        field = argument["value"]
        name = (field.get("fieldName") or {}).get("name") or f"field{place}"
        parts.append(f"{name}={_inner(item, field['typeSignature'])}")
    return "{" + ", ".join(parts) + "}"


def _inner(value: Any, signature: Mapping[str, Any]) -> str:
    text = print_value(value, signature)
    return "null" if text is None else text


PRINTERS = {
    "boolean": lambda value, _: "true" if value else "false",
    "double": lambda value, _: print_double(value),
    "real": lambda value, _: print_double(value),
    "varbinary": lambda value, _: base64.b64decode(value).hex(" "),
    "array": _print_array,
    "map": _print_map,
    "row": _print_row,
}
