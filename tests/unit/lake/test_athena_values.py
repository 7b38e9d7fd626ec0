"""Athena's texts as values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from caremesh.lake.athena_values import ValueType, read_nested, read_type, read_value


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bigint", "9223372036854775807", 9223372036854775807),
        ("decimal", "1.50", Decimal("1.50")),
        ("real", "0.1", 0.10000000149011612),
        ("boolean", "false", False),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "12024-02-29", "12024-02-29"),
        ("timestamp", "2024-02-29 01:02:03.040", datetime(2024, 2, 29, 1, 2, 3, 40_000)),
        ("timestamp with time zone", "2024-02-29 01:02:03.000 UTC", datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)),
        (
            "timestamp with time zone",
            "2024-02-29 01:02:03.000 -05:30",
            datetime(2024, 2, 29, 1, 2, 3, tzinfo=timezone(-timedelta(hours=5, minutes=30))),
        ),
        ("varbinary", "66 6f", b"fo"),
        ("varchar", "true", "true"),
        ("ipaddress", "::1", "::1"),
        ("integer", None, None),
    ],
)
def test_a_text_becomes_the_value_of_its_type(kind: str, text: str | None, value: object) -> None:
    assert read_value(kind, text) == value
    assert type(read_value(kind, text)) is type(value)


def test_a_type_is_read_with_all_that_is_in_it() -> None:
    found = read_type(
        "array(row(a varchar(3), b c decimal(10,2), d timestamp(3) with time zone, e map(varchar, date)))"
    )
    text, number, moment = ValueType("varchar"), ValueType("decimal"), ValueType("timestamp with time zone")
    places = ValueType("map", (text, ValueType("date")))
    assert found == ValueType("array", (ValueType("row", (text, number, moment, places), ("a", "b c", "d", "e")),))


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("array(varchar)", True),
        ("row(a date, b array(decimal(9,2)))", True),
        ("row(integer, varchar)", False),
        ("array(varbinary)", False),
        ("map(date, integer)", False),
        ("array(timestamp(3) with time zone)", False),
        ("row(a interval day to second)", False),
    ],
)
def test_only_what_json_can_hold_is_asked_for_as_json(text: str, ready: bool) -> None:
    assert read_type(text).is_json_ready is ready


def test_json_is_read_by_its_type() -> None:
    kind = read_type("row(n decimal(20,2), d date, l array(double), m map(integer, boolean), s varchar)")
    text = '{"n": 123456789012345678.90, "d": "2024-02-29", "l": [1.5, null, "NaN"], "m": {"7": true}, "s": "1"}'
    found = read_nested(kind, text)
    assert str(found.pop("l")) == "[1.5, None, nan]"
    assert found == {"n": Decimal("123456789012345678.90"), "d": date(2024, 2, 29), "m": {7: True}, "s": "1"}
