"""Rows of a query as CSV or JSON, whichever engine gave them.

Dates, times and moments are ISO 8601 with a `T`, and so are durations (`P1DT2H`), at any depth. Bytes are hexadecimal
digits. What is no number (NaN, infinity) is null, as JSON has no word for it and readers of Athena's results expect it.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Literal, Protocol

from caremesh.errors import QueryError

_ROW_END = "\r\n"
# What a spreadsheet takes for the start of a formula. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class QueryResult:
    """Column names, and rows that are fetched as they are read."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class TextSink(Protocol):
    """What takes texts."""

    def write(self, text: str, /) -> object:
        """Take a piece of text."""


def write_rows(result: QueryResult, out: TextSink, *, form: Literal["csv", "json"], safe: bool = False) -> None:
    """Write rows as CSV with a header, or as a JSON array of objects.

    `safe` puts an apostrophe before CSV texts that a spreadsheet would take for a formula.
    """
    if form == "csv":
        write = _safe_cell if safe else _cell
        writer = csv.writer(_LineFeeds(out), lineterminator=_ROW_END)
        writer.writerow([write(name) for name in result.columns])
        writer.writerows([write(value) for value in row] for row in result.rows)
        return
    if len(set(result.columns)) < len(result.columns):
        raise QueryError("two columns have one name, which JSON cannot hold", hint="give one of them an alias")
    separator = "["
    for row in result.rows:
        values = {name: _plain(value) for name, value in zip(result.columns, row, strict=True)}
        out.write(f"{separator}{_json(values)}")
        separator = ",\n"
    out.write("]\n" if separator != "[" else "[]\n")


class _LineFeeds:
    """Ends rows with a line feed, where Python would then quote no cell for the return in it."""

    def __init__(self, out: TextSink) -> None:
        self._out = out

    def write(self, row: str) -> None:
        self._out.write(f"{row.removesuffix(_ROW_END)}\n")


def _cell(value: Any) -> Any:
    """A CSV cell: what is nested as JSON, and true and false as SQL writes them."""
    if isinstance(value, Decimal) and value.is_finite():
        # As it was written: digits at its end count.
        return value
    plain = _plain(value)
    return _json(plain) if isinstance(plain, bool | dict | list) else plain


def _safe_cell(value: Any) -> Any:
    cell = _cell(value)
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _plain(value: Any) -> Any:
    """A value that JSON can hold: a number where it stays the same number, else text; null for what is no number."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _plain_decimal(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return value.hex()
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _plain_decimal(value: Decimal) -> Any:
    if not value.is_finite():
        return None
    return float(value) if Decimal(repr(float(value))) == value else str(value)


def _key(key: Any) -> str:
    """The name of an entry of a map; what JSON has another word for is called as JSON calls it."""
    plain = _plain(key)
    return plain if isinstance(plain, str) else str(key) if plain is None else _json(plain)


def _duration(value: timedelta) -> str:
    """A duration as ISO 8601 has it, in days, hours, minutes and seconds; a negative one with a sign before it."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{value.microseconds:06}".rstrip("0").rstrip(".")
    parts = ((str(hours), "H"), (str(minutes), "M"), (f"{seconds}{fraction}", "S"))
    clock = "".join(f"{number}{unit}" for number, unit in parts if number != "0")
    if not value:
        return "PT0S"
    return f"{sign}P{f'{value.days}D' if value.days else ''}{f'T{clock}' if clock else ''}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
