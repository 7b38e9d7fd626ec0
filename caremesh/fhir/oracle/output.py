"""From the items of a column to what the table holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from caremesh.fhir.model import Column
from caremesh.fhir.oracle.items import Item, Items, OracleError, only, text_of

RANGES = {"integer": 2**31, "bigint": 2**63}
PARTIAL_DATE = r"\d{4}(-\d\d)?"
OFFSET = r"(Z|[+-]\d\d:\d\d)$"
DAY = r"\d{4}-\d\d-\d\d"
MOMENT = DAY + r"T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)"
WALL_CLOCK = r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?"


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
            return float(_checked(text, r"-?\d+(\.\d+)?([eE][+-]?\d+)?"))
        case _ if re.fullmatch(PARTIAL_DATE, text, re.ASCII):
            return None
        case "date":
            return date.fromisoformat(_checked(text[:10], r"\d{4}-\d\d-\d\d"))
        case "timestamp":
            day, _, clock = _checked(text, WALL_CLOCK).partition("T")
            return _to_the_millisecond(datetime.fromisoformat(f"{day}T{re.sub(OFFSET, '', clock) or '00:00'}"))
        case "timestamp with time zone" if "T" in text or not re.fullmatch(DAY, text, re.ASCII):
            return _to_the_millisecond(datetime.fromisoformat(_checked(text, MOMENT)).astimezone(UTC))
        case "timestamp with time zone":
            return None
        case _ if sql_type.startswith("decimal"):
            places = Decimal(1).scaleb(-int(sql_type.rpartition(",")[2].strip(" )")))
            return Decimal(text).quantize(places, rounding=ROUND_HALF_UP)
    raise TypeError(f"no such SQL type: {sql_type}")


def _to_the_millisecond(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _whole(text: str, limit: int) -> int:
    number = int(_checked(text, r"-?\d+"))
    if not -limit <= number < limit:
        raise ValueError("out of range")
    return number


def _checked(text: str, pattern: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError("another form is due")
    return text
