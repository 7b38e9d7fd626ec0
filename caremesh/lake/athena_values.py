"""Athena's values, which come as texts, as the Python values that DuckDB gives for the same data.

Lists, maps and rows come in a form that cannot be read back (`[a, b]` has one element or two): a query is wrapped so
that Athena writes them as JSON, and their type says what stands in it.
https://docs.aws.amazon.com/athena/latest/ug/data-types.html
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

NESTED = frozenset({"array", "map", "row"})

_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d)")
_ZONED = " with time zone"


@dataclass(frozen=True)
class ValueType:
    """A type of Athena: its name, and what it is made of; the fields of a row have names."""

    name: str
    parts: tuple[ValueType, ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def is_json_ready(self) -> bool:
        """Whether Athena can write its values as JSON without a loss."""
        if self.name == "row" and (not self.fields or "" in self.fields or len(set(self.fields)) < len(self.fields)):
            return False
        if self.name == "map" and self.parts[0].name not in _KEYS:
            return False
        return all(p.is_json_ready for p in self.parts) if self.name in NESTED else self.name in _WRITTEN_AS_JSON


def read_type(text: str) -> ValueType:
    """Read what Athena's `typeof` says, as `array(row(a varchar(3), b decimal(10,2)))`; names are never in quotes."""
    if text.endswith(_ZONED):
        return ValueType(text.partition("(")[0] + _ZONED)
    name, bracket, rest = text.partition("(")
    if not bracket or name not in NESTED:
        return ValueType(name)
    parts = list(_split(rest.removesuffix(")")))
    if name != "row":
        return ValueType(name, tuple(map(read_type, parts)))
    named = [_read_field(part) for part in parts]
    return ValueType(name, tuple(kind for _, kind in named), tuple(field for field, _ in named))


def _read_field(text: str) -> tuple[str, ValueType]:
    """Name and type of a row's field; the name is empty where it has none."""
    zoned = _ZONED if text.endswith(_ZONED) else ""
    head, bracket, arguments = text.removesuffix(zoned).partition("(")
    name, _, word = head.rpartition(" ")
    return name, read_type(f"{word}{bracket}{arguments}{zoned}")


def _split(text: str) -> Iterator[str]:
    """What stands between the commas that are in no brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def read_value(kind: str, text: str | None) -> Any:
    """Read a value of a type that is not nested."""
    if text is None:
        return None
    reader = _READERS.get(kind)
    try:
        return reader(text) if reader else text
    except ValueError:
        # A date beyond the year 9999, say: Python has no value for it, and nobody is served by a failure.
        return text


def read_nested(kind: ValueType, text: str | None) -> Any:
    """Read a list, map or row that Athena wrote as JSON."""
    # Numbers stay texts until their type is looked at: a decimal would lose digits as a float.
    return None if text is None else _read_json(kind, json.loads(text, parse_float=str, parse_int=str))


def _read_json(kind: ValueType, value: Any) -> Any:
    if value is None:
        return None
    if kind.name == "array":
        return [_read_json(kind.parts[0], item) for item in value]
    if kind.name == "map":
        return {read_value(kind.parts[0].name, key): _read_json(kind.parts[1], item) for key, item in value.items()}
    if kind.name == "row":
        return {name: _read_json(part, value[name]) for name, part in zip(kind.fields, kind.parts, strict=True)}
    return value if isinstance(value, bool) else read_value(kind.name, value)


def _read_real(text: str) -> float:
    """Athena writes the shortest text of 32 bits; DuckDB gives the number that they are."""
    (value,) = struct.unpack("f", struct.pack("f", float(text)))
    return float(value)


def _read_zoned(text: str) -> datetime:
    moment, _, zone = text.rpartition(" ")
    return datetime.fromisoformat(moment).replace(tzinfo=_read_zone(zone))


def _read_zone(name: str) -> Any:
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        return UTC if name == "UTC" else ZoneInfo(name)
    distance = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"]))
    return timezone(distance if offset["sign"] == "+" else -distance)


_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_READERS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INTEGERS, int),
    "boolean": lambda text: text == "true",
    "float": _read_real,
    "real": _read_real,
    "double": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamp with time zone": _read_zoned,
    "varbinary": bytes.fromhex,
}
# https://trino.io/docs/current/functions/json.html#cast-to-json
_KEYS = frozenset({"varchar", "boolean", "decimal", "real", "double", *_INTEGERS})
_WRITTEN_AS_JSON = _KEYS | {"date", "timestamp"}
