"""Dates and times of any precision: https://hl7.org/fhirpath/N1/#comparison and the boundaries of FHIRPath 2.0."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from caremesh.fhir.oracle.items import OracleError

CLOCK = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?)?"
DATED = re.compile(rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d)(?:T{CLOCK}(Z|[+-]\d\d:\d\d)?)?)?)?")
TIME = re.compile(CLOCK)

Part: TypeAlias = int | Decimal


@dataclass(frozen=True)
class Moment:
    """The stated components, from the year (or, for a time, the hour) on; the seconds carry their fraction."""

    parts: tuple[Part, ...]
    offset: str | None = None


def read_moment(text: str, family: str) -> Moment:
    """Split a date or dateTime (`dated`) or a `time` into its components; raise OracleError for another text."""
    match = (TIME if family == "time" else DATED).fullmatch(text)
    if match is None:
        raise OracleError("a date or time cannot be read")
    groups = [g for g in match.groups() if g is not None]
    offset = groups.pop() if family == "dated" and match.group(7) else None
    at_second = 2 if family == "time" else 5
    return Moment(tuple(Decimal(g) if i == at_second else int(g) for i, g in enumerate(groups)), offset)


def compare(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1 for before, same, after; None where the precision of one leaves it open."""
    if left.offset and right.offset:
        left, right = _in_utc(left), _in_utc(right)
    for mine, theirs in zip(left.parts, right.parts, strict=False):
        if mine != theirs:
            return -1 if mine < theirs else 1
    return 0 if len(left.parts) == len(right.parts) else None


def _in_utc(moment: Moment) -> Moment:
    year, month, day, hour, *rest = moment.parts
    minute = int(rest[0]) if rest else 0
    shifted = datetime(int(year), int(month), int(day), int(hour), minute) - _offset(moment.offset or "Z")
    stated = (shifted.year, shifted.month, shifted.day, shifted.hour, shifted.minute, *rest[1:])
    return replace(moment, parts=stated[: len(moment.parts)])


def _offset(written: str) -> timedelta:
    if written == "Z":
        return timedelta()
    sign = -1 if written[0] == "-" else 1
    return sign * timedelta(hours=int(written[1:3]), minutes=int(written[4:6]))


def boundary(text: str, fhir_type: str, *, low: bool) -> str:
    """The first or last moment that a date, dateTime, instant or time may mean, to the day or the millisecond."""
    if fhir_type == "time":
        return _full_clock(text, low=low)
    date, _, clock = text.partition("T")
    day = _full_day(date, low=low)
    if fhir_type == "date":
        return day
    match = re.search(r"(Z|[+-]\d\d:\d\d)$", clock)
    offset = match.group() if match else ("+14:00" if low else "-12:00")
    return f"{day}T{_full_clock(clock.removesuffix(match.group() if match else ''), low=low)}{offset}"


def _full_day(date: str, *, low: bool) -> str:
    stated = [int(part) for part in date.split("-")]
    year, month, day, *_ = [*stated, 0, 0]
    month = month or (1 if low else 12)
    day = day or (1 if low else calendar.monthrange(year, month)[1])
    return f"{year:04}-{month:02}-{day:02}"


def _full_clock(clock: str, *, low: bool) -> str:
    # `10` and `10:30` lack what `00:00:00` has more than they.
    filled = clock + ("00:00:00" if low else "23:59:59")[len(clock) :]
    whole, _, fraction = filled.partition(".")
    return f"{whole}.{fraction.ljust(3, '0') if fraction else '000' if low else '999'}"
