"""From the items of a column to what the table holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from caremesh.fhir.model import Column
from caremesh.fhir.oracle.items import Item, Items, OracleError, only, text_of

RANGES = {"integer": 2**31, "bigint": 2**63}
FIXED_SCALE = r"decimal\((\d+),(\d+)\)"
NUMBER = r"-?\d+(\.\d+)?([eE][+-]?\d+)?"
PARTIAL_DATE = r"\d{4}(-\d\d)?"
DAY = r"\d{4}-\d\d-\d\d"
TIME = r"T\d\d:\d\d(:\d\d(\.\d+)?)?"
OFFSET = r"(Z|[+-]\d\d:\d\d)"
WALL_CLOCK = f"{DAY}({TIME}{OFFSET}?)?"
MOMENT = f"{DAY}{TIME}{OFFSET}"


def finish(column: Column, items: Items) -> Any:
    """One value or None, or a list for a collection; raise OracleError where the items do not fit the column."""
    if column.collection:
        return [None if i.value is None else _convert(column, i) for i in items if i.placed]
    item = only(items, f"column {column.name}: more than one value")
    return None if item is None else _convert(column, item)


def _convert(column: Column, item: Item) -> Any:
    try:
        return _read(text_of(item), column.sql_type)
    except ValueError:
        raise OracleError(f"column {column.name}: a value is no {column.sql_type}") from None


def _read(text: str, sql_type: str) -> Any:
    match sql_type:
        case "varchar":
            return text
        case "boolean":
            return {"true": True, "false": False}[_checked(text, r"true|false")]
        case "integer" | "bigint":
            return _whole(text, RANGES[sql_type])
        case "double":
            return float(_checked(text, NUMBER))
        case _ if fixed := re.fullmatch(FIXED_SCALE, sql_type):
            return _fixed(_checked(text, NUMBER), int(fixed[1]), int(fixed[2]))
        case _ if re.fullmatch(PARTIAL_DATE, text, re.ASCII):
            return None
        case "date":
            return date.fromisoformat(_checked(text[:10], DAY))
        case "timestamp":
            day, _, clock = _checked(text, WALL_CLOCK).partition("T")
            return _to_the_millisecond(f"{day}T{re.sub(OFFSET + '$', '', clock) or '00:00'}")
        case "timestamp with time zone":
            return (
                None
                if re.fullmatch(DAY, text, re.ASCII)
                else _to_the_millisecond(_checked(text, MOMENT)).astimezone(UTC)
            )
    raise TypeError(f"no such SQL type: {sql_type}")


def _to_the_millisecond(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def _whole(text: str, limit: int) -> int:
    number = int(_checked(text, r"-?\d+"))
    if not -limit <= number < limit:
        raise ValueError("out of range")
    return number


def _fixed(text: str, precision: int, scale: int) -> Decimal:
    with localcontext(prec=200):
        number = Decimal(text).quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
        if abs(number) >= Decimal(10) ** (precision - scale):
            raise ValueError("out of range")
        return number


def _checked(text: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError("another form is due")
    return text
