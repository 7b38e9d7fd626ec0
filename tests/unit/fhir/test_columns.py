"""What a column makes of the text in the JSON: its type, or an error that names column and resource only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest


def one_column(run_view: Any, column: dict[str, Any], resource: dict[str, Any]) -> Any:
    view = {"resource": resource["resourceType"], "select": [{"column": [{"name": "c", **column}]}]}
    ((row),) = run_view(view, [{"id": "r1", **resource}])
    return row["c"]


def as_type(fhir_type: str, ansi: str) -> dict[str, Any]:
    return {"type": fhir_type, "tag": [{"name": "ansi/type", "value": ansi}]}


DATE = as_type("date", "DATE")
TIMESTAMP = as_type("dateTime", "TIMESTAMP")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-05-17", date(2020, 5, 17)),
        ("2020-05-17T23:30:00-05:00", date(2020, 5, 17)),
        ("2020-05", None),
        ("2020", None),
        (None, None),
    ],
)
def test_date_takes_the_first_ten_characters(run_view: Any, text: str | None, expected: date | None) -> None:
    patient = {"resourceType": "Patient", "birthDate": text}
    assert one_column(run_view, {"path": "birthDate", **DATE}, patient) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-05-17", datetime(2020, 5, 17)),
        ("2020-05-17T21:40:11+12:00", datetime(2020, 5, 17, 21, 40, 11)),
        ("2020-05-17T21:40:11.123956Z", datetime(2020, 5, 17, 21, 40, 11, 123000)),
        ("2020-05-17T21:40:11", datetime(2020, 5, 17, 21, 40, 11)),
        ("2020-05", None),
    ],
)
def test_timestamp_keeps_the_wall_clock_and_drops_the_offset(run_view: Any, text: str, expected: Any) -> None:
    condition = {"resourceType": "Condition", "recordedDate": text}
    assert one_column(run_view, {"path": "recordedDate", **TIMESTAMP}, condition) == expected


@pytest.mark.parametrize(
    "text",
    ["2020-02-30", "2020/05/17", "2020-5-1", "soon", "", "20-05-17", "2020-05-17T24:00:00Z", "2020-05-17T23:59:60Z"],
)
def test_timestamp_refuses_what_is_no_date(run_view: Any, text: str) -> None:
    condition = {"resourceType": "Condition", "recordedDate": text}
    with pytest.raises(duckdb.Error, match=r"column c: a value is no timestamp, resource r1$"):
        one_column(run_view, {"path": "recordedDate", **TIMESTAMP}, condition)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-05-17T21:40:11.5009+12:00", datetime(2020, 5, 17, 9, 40, 11, 500000, tzinfo=UTC)),
        ("2020-05-17T21:40:11Z", datetime(2020, 5, 17, 21, 40, 11, tzinfo=UTC)),
        ("2020-05-17", None),
        ("2020", None),
    ],
)
def test_timestamp_with_time_zone_is_the_moment(run_view: Any, text: str, expected: Any) -> None:
    condition = {"resourceType": "Condition", "recordedDate": text}
    column = {"path": "recordedDate", **as_type("dateTime", "TIMESTAMP WITH TIME ZONE")}
    assert one_column(run_view, column, condition) == expected


@pytest.mark.parametrize(("value", "expected"), [(7, 7), (-7, -7), ("7", 7), (None, None)])
def test_integer_takes_digits(run_view: Any, value: Any, expected: Any) -> None:
    observation = {"resourceType": "Observation", "valueInteger": value}
    assert one_column(run_view, {"path": "value.ofType(integer)", "type": "integer"}, observation) == expected


@pytest.mark.parametrize("value", [1.5, "1e3", "seven", True, 99999999999])
def test_integer_is_never_rounded_or_cut(run_view: Any, value: Any) -> None:
    observation = {"resourceType": "Observation", "valueInteger": value}
    with pytest.raises(duckdb.Error, match=r"column c: a value is no integer, resource r1$"):
        one_column(run_view, {"path": "value.ofType(integer)", "type": "integer"}, observation)


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), ("true", True), (None, None)])
def test_boolean_takes_true_and_false(run_view: Any, value: Any, expected: Any) -> None:
    patient = {"resourceType": "Patient", "active": value}
    assert one_column(run_view, {"path": "active", "type": "boolean"}, patient) is expected


@pytest.mark.parametrize("value", [1, "yes", "TRUE", ""])
def test_boolean_refuses_everything_else(run_view: Any, value: Any) -> None:
    with pytest.raises(duckdb.Error, match=r"column c: a value is no boolean, resource r1$"):
        one_column(run_view, {"path": "active", "type": "boolean"}, {"resourceType": "Patient", "active": value})


def test_integer64_is_bigint_and_double_can_be_asked_for(run_view: Any) -> None:
    observation = {"resourceType": "Observation", "valueInteger": 99999999999}
    path = {"path": "value.ofType(integer)"}
    assert one_column(run_view, {**path, "type": "integer64"}, observation) == 99999999999
    assert one_column(run_view, {**path, **as_type("integer", "DOUBLE")}, observation) == 99999999999.0


def test_decimal_is_double(run_view: Any) -> None:
    observation = {"resourceType": "Observation", "valueQuantity": {"value": 1.10}}
    assert one_column(run_view, {"path": "value.ofType(Quantity).value"}, observation) == 1.1


def test_partial_dates_stay_as_text_by_default(run_view: Any) -> None:
    assert one_column(run_view, {"path": "birthDate"}, {"resourceType": "Patient", "birthDate": "1950-05"}) == "1950-05"


def test_single_column_refuses_a_second_value(run_view: Any) -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "Secret"}, {"family": "Names"}]}
    with pytest.raises(duckdb.Error) as caught:
        one_column(run_view, {"path": "name.family"}, patient)
    assert "column c: more than one value, resource r1" in str(caught.value)
    assert "Secret" not in str(caught.value)


def test_single_column_refuses_a_second_value_below_forEach(run_view: Any) -> None:
    select = [{"forEach": "name", "column": [{"name": "given", "path": "given"}]}]
    patient = {"resourceType": "Patient", "id": "r1", "name": [{"given": ["A", "B"]}]}
    with pytest.raises(duckdb.Error, match="column given: more than one value, resource r1"):
        run_view({"resource": "Patient", "select": select}, [patient])


def test_single_column_counts_values_and_not_the_nulls_of_a_json_array(run_view: Any) -> None:
    patient = {"resourceType": "Patient", "name": [{"given": [None, "B"]}]}
    assert one_column(run_view, {"path": "name.given"}, patient) == "B"


def test_collection_is_a_list_of_typed_values_and_empty_when_there_is_none(run_view: Any) -> None:
    column = {"path": "item.sequence", "type": "positiveInt", "collection": True}
    assert one_column(run_view, column, {"resourceType": "Claim", "item": [{"sequence": 2}, {}, {"sequence": 1}]}) == [
        2,
        1,
    ]
    assert one_column(run_view, column, {"resourceType": "Claim"}) == []


def test_collection_of_a_single_element_holds_one_value_or_none(run_view: Any) -> None:
    column = {"path": "gender", "collection": True}
    assert one_column(run_view, column, {"resourceType": "Patient", "gender": "female"}) == ["female"]
    assert one_column(run_view, column, {"resourceType": "Patient"}) == []


def test_computed_value_is_cast_once_and_right(run_view: Any) -> None:
    column = {"path": "extension('u').value.ofType(dateTime).first()", **TIMESTAMP}
    patient = {"resourceType": "Patient", "extension": [{"url": "u", "valueDateTime": "2020-01-02T03:04:05Z"}]}
    assert one_column(run_view, column, patient) == datetime(2020, 1, 2, 3, 4, 5)


def test_two_columns_may_cast_the_same_computed_value(run_view: Any) -> None:
    path = "extension('u').value.ofType(date).first()"
    columns = [{"name": n, "path": path, **DATE} for n in ("a", "b")]
    patient = {"resourceType": "Patient", "extension": [{"url": "u", "valueDate": "2020-01-02"}]}
    found = run_view({"resource": "Patient", "select": [{"column": columns}]}, [patient])
    assert found == [{"a": date(2020, 1, 2), "b": date(2020, 1, 2)}]
