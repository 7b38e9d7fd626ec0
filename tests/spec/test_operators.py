"""The operators of FHIRPath beyond those that the official cases use (https://hl7.org/fhirpath/N1/#operations)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.view_rows import run_view

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "gender": "female",
    "birthDate": "1970-06",
    "multipleBirthInteger": 2,
    "name": [
        {"use": "official", "given": ["Ada", "Bea"], "_given": [None, {"extension": [{"url": "u", "valueCode": "c"}]}]},
        {"use": "usual", "given": ["Ada"], "family": "Lee"},
    ],
    "contact": [{"gender": "male"}, {"telecom": [{"value": "1"}]}],
    "extension": [{"url": "e", "valueString": "s"}],
}


def values_of(tmp_path: Path, path: str, resource: dict[str, Any] = PATIENT) -> list[Any]:
    view = {"resource": "Patient", "select": [{"column": [{"name": "v", "path": path, "collection": True}]}]}
    (row,) = run_view(view, [resource], tmp_path)
    return list(row["v"])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("true xor false", [True]),
        ("true xor {}", []),
        ("true implies false", [False]),
        ("false implies {}", [True]),
        ("{} implies true", [True]),
        ("{} implies false", []),
        ("7 div 2", [3]),
        ("-7 div 2", [-3]),
        ("7.5 div 2", [3]),
        ("7 div 0", []),
        ("-7 mod 2", [-1]),
        ("7.5 mod 2", [1.5]),
        ("7 mod 0", []),
        ("'a' & {}", ["a"]),
        ("name.where(use = 'old').family & 'x'", ["x"]),
        ("'a' + {}", []),
        ("gender in ('male' | 'female')", [True]),
        ("gender in name.use", [False]),
        ("{} in name.use", []),
        ("gender in {}", [False]),
        ("name.given contains 'Bea'", [True]),
        ("name.given contains 'Cid'", [False]),
        ("name.given | name.use", ["Ada", "Bea", "official", "usual"]),
        ("1 | 2.0 | 1.0", [1.0, 2.0]),
        ("multipleBirth is integer", [True]),
        ("multipleBirth is boolean", [False]),
        ("deceased is boolean", []),
        ("gender is code", [True]),
        ("(multipleBirth as integer) + 1", [3]),
        ("extension.where(value.exists()).url", ["e"]),
        ("extension.value.exists()", [True]),
        ("extension.value.empty()", [False]),
        ("extension.where(url = 'x').value.exists()", [False]),
        ("name.given.extension('u').value.ofType(code)", ["c"]),
        ("name[0].given[1].extension.url", ["u"]),
    ],
)
def test_operator_gives(tmp_path: Path, path: str, expected: list[Any]) -> None:
    assert values_of(tmp_path, path) == expected


@pytest.mark.parametrize(
    ("left", "operator", "right", "expected"),
    [
        ("2020-01-01T10:00:00Z", "=", "2020-01-01T10:00:00.0Z", [True]),
        ("2020-01-01T10:00:00.5Z", ">", "2020-01-01T10:00:00Z", [True]),
        ("2020-01-01T10:00:00.123456Z", "<", "2020-01-01T10:00:00.1234567Z", [True]),
        ("2020-01-01T10:00:00.5", ">", "2020-01-01T10:00:00", [True]),
        ("2020-01-01T10:00:00+02:00", "=", "2020-01-01T08:00:00Z", [True]),
        ("2020-01-01T10:00:00Z", "=", "2020-01-01T10:00:00", [True]),
        ("2020-01-01T10:00:00Z", "<", "2020-01-01T10:00:00.5", [True]),
        ("2020-01-01", "=", "2020-01", []),
        ("2020-02-01", ">", "2020-01", [True]),
        ("2020-01-01T10:00:00Z", ">", "2020-01-01", []),
        ("2020-01-01T10:00:00Z", "!=", "2020-01-02", [True]),
    ],
)
def test_times_compare_by_what_both_state(
    tmp_path: Path, left: str, operator: str, right: str, expected: list[bool]
) -> None:
    resource = {**PATIENT, "deceasedDateTime": left}
    assert values_of(tmp_path, f"deceased.ofType(dateTime) {operator} @{right}", resource) == expected


def test_for_each_may_go_over_the_resource_itself(tmp_path: Path) -> None:
    column = [{"name": "g", "path": "gender"}, {"name": "n", "path": "%rowIndex"}, {"name": "l", "path": "'x'"}]
    for kind, path, expected in [
        ("forEach", "$this", [{"g": "female", "n": 0, "l": "x"}]),
        ("forEach", "where(active = false)", []),
        ("forEachOrNull", "where(active = false)", [{"g": None, "n": 0, "l": None}]),
        ("forEachOrNull", "where(active)", [{"g": "female", "n": 0, "l": "x"}]),
    ]:
        view = {"resource": "Patient", "select": [{kind: path, "column": column}]}
        assert run_view(view, [PATIENT], tmp_path) == expected, (kind, path)


PERIODS = {
    "resourceType": "Patient",
    "id": "p",
    "birthDate": "2020-05",
    "name": [{"period": {"start": "2020-05-17T10:00:00Z", "end": "2020-05-17T12:00:00+02:00"}, "given": ["A", "B"]}],
    "contact": [{"period": {"start": "2020-05-17"}}, {"period": {"start": "2020-06-17"}}],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.period.start = name.period.end", [True]),
        ("name.period.start = @2020-05-17T12:00:00+02:00", [True]),
        ("name.period.start = @2020", []),
        ("name.period.start != @2021", [True]),
        ("contact.period.start = contact.period.start", [True]),
        ("contact.period.start = (@2020-05 | @2020-06-17)", []),
        ("contact.period.start = (@2020-05 | @2020-07)", [False]),
        ("contact.period.start = name.period.start", [False]),
        ("contact.period.start = name.period.end.where(false)", []),
        ("(name.period.start | name.period.end)", ["2020-05-17T10:00:00Z"]),
        ("(name.period.start | contact.period.start).join(' ')", ["2020-05-17T10:00:00Z 2020-05-17 2020-06-17"]),
        ("name.first() is HumanName", [True]),
        ("(name as HumanName).given", ["A", "B"]),
        ("name.first() is Element", [True]),
        ("contact.first() is BackboneElement", [True]),
        ("id is string", [True]),
        ("birthDate is string", [False]),
        ("birthDate is date", [True]),
        ("$this is DomainResource", [True]),
        ("multipleBirth is integer", []),
    ],
)
def test_lists_compare_item_by_item(tmp_path: Path, path: str, expected: list[Any]) -> None:
    assert values_of(tmp_path, path, PERIODS) == expected


@pytest.mark.parametrize(
    "path",
    [
        "contact is BackboneElement",
        "(name.given as string)",
        "name.given is string",
        "extension.value is string",
        "extension.value is Quantity",
        "(extension.value as string)",
        "extension.where(url = 'u').value is string",
    ],
)
def test_is_and_as_take_one_value(tmp_path: Path, path: str) -> None:
    extensions = [{"url": "u", "valueString": "a"}, {"url": "u", "valueAge": {"value": 3}}]
    with pytest.raises(duckdb.InvalidInputException, match="path: more than one value where one is due, resource p"):
        values_of(tmp_path, path, {**PERIODS, "extension": extensions})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("extension.value is string", [True]),
        ("extension.value is Quantity", [False]),
        ("(extension.value as string)", ["a"]),
        ("(extension.value as Age).value", []),
        ("extension.where(url = 'u').value is string", []),
    ],
)
def test_is_and_as_pass_over_items_without_a_value(tmp_path: Path, path: str, expected: list[Any]) -> None:
    extensions = [{"url": "u", "extension": [{"url": "n", "valueCode": "c"}]}, {"url": "v", "valueString": "a"}]
    assert values_of(tmp_path, path, {**PERIODS, "extension": extensions}) == expected


@pytest.mark.parametrize(
    ("path", "expected"), [("Quantity", True), ("Age", True), ("Duration", False), ("string", False), ("Element", True)]
)
def test_is_finds_what_specialises_a_type(tmp_path: Path, path: str, expected: bool) -> None:
    patient = {"resourceType": "Patient", "id": "p", "extension": [{"url": "u", "valueAge": {"value": 3, "code": "a"}}]}
    assert values_of(tmp_path, f"extension.value is {path}", patient) == [expected]
