"""Rows of a query as JSON and CSV: valid whatever stands in them, at any depth."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import duckdb
import pytest

from caremesh.lake.query_rows import QueryResult, write_rows

NAN, INF = math.nan, math.inf

# Of each value: what JSON readers get, and what stands in the CSV cell.
VALUES: list[tuple[Any, Any, str]] = [
    (None, None, ""),
    (True, True, "true"),
    (7, 7, "7"),
    (10**28, 10**28, "1" + "0" * 28),
    (1.5, 1.5, "1.5"),
    (NAN, None, ""),
    (-INF, None, ""),
    (Decimal("1.50"), 1.5, "1.50"),
    (Decimal("12345678901234567.89"), "12345678901234567.89", "12345678901234567.89"),
    (Decimal("NaN"), None, ""),
    (Decimal("-Infinity"), None, ""),
    (date(2024, 2, 29), "2024-02-29", "2024-02-29"),
    (time(1, 2, 3), "01:02:03", "01:02:03"),
    (datetime(2024, 1, 2, 3, 4, 5), "2024-01-02T03:04:05", "2024-01-02T03:04:05"),
    (
        datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        "2024-01-02T03:04:05.000006+00:00",
        "2024-01-02T03:04:05.000006+00:00",
    ),
    (timedelta(0), "PT0S", "PT0S"),
    (timedelta(days=2), "P2D", "P2D"),
    (timedelta(hours=26, minutes=3, seconds=4, milliseconds=500), "P1DT2H3M4.5S", "P1DT2H3M4.5S"),
    (timedelta(microseconds=7), "PT0.000007S", "PT0.000007S"),
    (-timedelta(minutes=90), "-PT1H30M", "-PT1H30M"),
    (b"\x00\xff", "00ff", "00ff"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001"),
    ([NAN, 1.0, None], [None, 1.0, None], "[null, 1.0, null]"),
    ((1, INF), [1, None], "[1, null]"),
    ({"a": {"b": [INF, {"c": NAN}]}}, {"a": {"b": [None, {"c": None}]}}, '{"a": {"b": [null, {"c": null}]}}'),
    ([datetime(2024, 1, 2)], ["2024-01-02T00:00:00"], '["2024-01-02T00:00:00"]'),
    ({"d": [date(2024, 1, 2), timedelta(1)]}, {"d": ["2024-01-02", "P1D"]}, '{"d": ["2024-01-02", "P1D"]}'),
    ([Decimal("1.50"), b"\x01"], [1.5, "01"], '[1.5, "01"]'),
    ({date(2024, 1, 2): 1}, {"2024-01-02": 1}, '{"2024-01-02": 1}'),
    ({True: 1}, {"true": 1}, '{"true": 1}'),
    ({NAN: 1}, {"nan": 1}, '{"nan": 1}'),
    ({7: NAN}, {"7": None}, '{"7": null}'),
    ('ü"\x1b\u2028', 'ü"\x1b\u2028', 'ü"\x1b\u2028'),
]


def written(value: Any, form: Literal["csv", "json"], *, safe: bool = False) -> str:
    out = io.StringIO()
    write_rows(QueryResult(("x", "y"), iter([(value, 1)])), out, form=form, safe=safe)
    return out.getvalue()


def refuse_constant(name: str) -> None:
    pytest.fail(f"{name} is no JSON")


@pytest.mark.parametrize(("value", "as_json", "as_csv"), VALUES)
def test_every_value_is_valid_json_and_one_csv_cell(value: Any, as_json: Any, as_csv: str) -> None:
    # Python's own reader would take NaN and Infinity.
    read = json.loads(written(value, "json"), parse_constant=refuse_constant)
    assert read == [{"x": as_json, "y": 1}]
    assert list(csv.reader(io.StringIO(written(value, "csv")))) == [["x", "y"], [as_csv, "1"]]


def test_what_duckdb_gives_for_nested_types_is_valid_json() -> None:
    with duckdb.connect() as connection:
        cursor = connection.execute(
            "select [['nan'::double]] as a, {'b': ['infinity'::float, null]} as b, "
            "map {'c': ['-infinity'::double]} as c, "
            "array['nan'::float, 1]::float[2] as d, [interval '1 day'] as e, [blob 'a'] as f, "
            "{'t': timestamptz '2024-01-01 00:00:00+00'} as g, [1.50::decimal(5,2)] as h, [uuid()] as i, "
            "union_value(k := 'nan'::double) as j, '101'::bit as k, [time '01:02:03'] as l"
        )
        names = tuple(column[0] for column in cursor.description)
        rows = cursor.fetchall()
    out = io.StringIO()
    write_rows(QueryResult(names, iter(rows)), out, form="json")
    (read,) = json.loads(out.getvalue(), parse_constant=refuse_constant)
    assert (read["a"], read["b"], read["c"], read["d"]) == ([[None]], {"b": [None, None]}, {"c": [None]}, [None, 1.0])
    assert (read["e"], read["f"], read["h"], read["j"], read["l"]) == (["P1D"], ["61"], [1.5], None, ["01:02:03"])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_a_formula_is_disarmed_where_that_is_asked_for(text: str) -> None:
    def cell(value: Any, *, safe: bool) -> str:
        (_, row) = csv.reader(io.StringIO(written(value, "csv", safe=safe), newline=""))
        return row[0]

    assert cell(text, safe=False) == text
    assert cell(text, safe=True) == f"'{text}"
    assert [cell(v, safe=True) for v in (-1, Decimal("-1.5"), "a=1", None)] == ["-1", "-1.5", "a=1", ""]


def test_a_column_may_be_called_like_a_formula_too() -> None:
    out = io.StringIO()
    write_rows(QueryResult(("=1",), iter([])), out, form="csv", safe=True)
    assert out.getvalue() == "'=1\n"
