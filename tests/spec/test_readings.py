"""Eleven points on which published engines disagree, and how CareMesh reads the specification on each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.errors import ViewError
from caremesh.fhir import parse_view
from tests.view_rows import Rows, run_view

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "_birthDate": {"extension": [{"url": "why", "valueCode": "unknown"}]},
    "name": [{"given": ["Ada", None, "Bea"], "family": "Lee"}, {"given": ["Cid"]}],
    "contact": [{"gender": "male"}, {"gender": "female", "telecom": [{"value": "1"}]}],
    "generalPractitioner": [{"reference": "Practitioner/d"}, {"reference": "Organization/o"}],
}


def rows_of(tmp_path: Path, *select: dict[str, Any], where: str | None = None, **resource: Any) -> Rows:
    view: dict[str, Any] = {"resource": "Patient", "select": list(select)}
    if where:
        view["where"] = [{"path": where}]
    return run_view(view, [{**PATIENT, **resource}], tmp_path)


def column(path: str, name: str = "v", **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **more}


def value_of(tmp_path: Path, path: str, **resource: Any) -> Any:
    ((value,),) = (row.values() for row in rows_of(tmp_path, {"column": [column(path)]}, **resource))
    return value


def refusal_of(**view: Any) -> str:
    with pytest.raises(ViewError) as caught:
        parse_view(json.dumps({"resource": "Patient", **view}), where="view.json")
    return str(caught.value)


def test_reading_1_for_each_or_null_gives_its_null_row_when_nothing_came_out_below_it(tmp_path: Path) -> None:
    columns = [column("gender", "g"), column("'x'", "literal"), column("telecom.exists()", "e")]
    below = {"forEach": "telecom", "column": [column("value", "t")]}
    rows = rows_of(tmp_path, {"forEachOrNull": "contact", "column": columns, "select": [below]})
    assert rows == [{"g": "female", "literal": "x", "e": True, "t": "1"}]
    # Nobody has a telecom: one row, in which everything is null, literals and exists() too.
    rows = rows_of(
        tmp_path, {"forEachOrNull": "contact", "column": columns, "select": [below]}, contact=[{"gender": "male"}]
    )
    assert rows == [{"g": None, "literal": None, "e": None, "t": None}]


def test_reading_2_a_collection_column_without_values_is_an_empty_list(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, {"column": [column("address.city", collection=True)]})
    assert row == {"v": []}


def test_reading_3_row_index_belongs_to_its_own_iteration_and_union_all_has_none(tmp_path: Path) -> None:
    inner = {"forEach": "given", "column": [column("%rowIndex", "inner"), column("$this", "given")]}
    rows = rows_of(tmp_path, {"forEach": "name", "column": [column("%rowIndex", "outer")], "select": [inner]})
    found = [(r["outer"], r["inner"], r["given"]) for r in rows]
    assert sorted(found, key=str) == [(0, 0, "Ada"), (0, 1, None), (0, 2, "Bea"), (1, 0, "Cid")]
    branches = [{"column": [column("%rowIndex", "n")]}, {"forEach": "given", "column": [column("%rowIndex", "n")]}]
    rows = rows_of(tmp_path, {"forEach": "name", "column": [column("family", "f")], "unionAll": branches})
    found = sorted((str(r["f"]), r["n"]) for r in rows)
    assert found == [("Lee", 0), ("Lee", 0), ("Lee", 1), ("Lee", 2), ("None", 0), ("None", 1)]


def test_reading_3_a_union_without_rows_removes_the_row_it_stands_beside(tmp_path: Path) -> None:
    branches = [{"forEach": "photo", "column": [column("id", "u")]}, {"forEach": "link", "column": [column("id", "u")]}]
    assert rows_of(tmp_path, {"column": [column("id", "p")], "unionAll": branches}) == []


def test_reading_4_an_index_counts_the_flattened_collection(tmp_path: Path) -> None:
    assert value_of(tmp_path, "name.given[3]") == "Cid"
    assert value_of(tmp_path, "name.given[4]") is None
    rows = rows_of(tmp_path, {"forEach": "name.given", "column": [column("%rowIndex", "n"), column("$this", "g")]})
    assert {r["n"]: r["g"] for r in rows} == {0: "Ada", 1: None, 2: "Bea", 3: "Cid"}


@pytest.mark.parametrize(
    ("reference", "is_self"),
    [
        ("Patient/p", True),
        ("Patient/p/_history/2", True),
        ("Patient/q", False),
        ("Patient?identifier=x|p", None),
        ("#p", None),
        ("urn:uuid:p", None),
        ("https://elsewhere.example/fhir/Patient/p", None),
    ],
)
def test_reading_5_a_reference_key_is_the_key_of_its_resource_in_any_version(
    tmp_path: Path, reference: str, is_self: bool | None
) -> None:
    link = [{"other": {"reference": reference}}]
    assert value_of(tmp_path, "link.other.getReferenceKey(Patient) = getResourceKey()", link=link) is is_self


def test_reading_6_an_unknown_condition_excludes_and_logic_is_three_valued(tmp_path: Path) -> None:
    id_column = {"column": [column("id")]}
    assert rows_of(tmp_path, id_column, where="active") == []
    assert rows_of(tmp_path, id_column, where="active.not()") == []
    assert rows_of(tmp_path, id_column, where="active or true") == [{"v": "p"}]
    assert rows_of(tmp_path, id_column, where="(active and false).not()") == [{"v": "p"}]
    assert "a boolean is due" in refusal_of(select=[id_column], where=[{"path": "name.family"}])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("birthDate < @1970-07-01", True),
        ("birthDate = @1970-06-01", None),
        ("birthDate <= @1970-06-30", None),
        ("birthDate > @1969", True),
        ("birthDate.lowBoundary() = @1970-06-01", True),
        ("deceased.ofType(dateTime).lowBoundary()", "2024-02-03T00:00:00.000+14:00"),
        ("deceased.ofType(dateTime).highBoundary()", "2024-02-03T23:59:59.999-12:00"),
        ("meta.lastUpdated.highBoundary()", "2024-02-03T04:05:06.999Z"),
    ],
)
def test_reading_7_dates_compare_only_as_far_as_both_state_them(tmp_path: Path, path: str, expected: Any) -> None:
    stated = {"birthDate": "1970-06", "deceasedDateTime": "2024-02-03", "meta": {"lastUpdated": "2024-02-03T04:05:06Z"}}
    assert value_of(tmp_path, path, **stated) == expected


def test_reading_8_join_of_nothing_and_plus_with_nothing_are_empty(tmp_path: Path) -> None:
    assert value_of(tmp_path, "address.city.join(',')") is None
    assert value_of(tmp_path, "'a' + gender") is None
    assert value_of(tmp_path, "'a' & gender") == "a"


def test_reading_9_a_primitive_with_only_an_extension_is_null_and_its_extension_is_there(tmp_path: Path) -> None:
    assert value_of(tmp_path, "birthDate") is None
    assert value_of(tmp_path, "birthDate.extension('why').value.ofType(code)") == "unknown"
    (row,) = rows_of(tmp_path, {"column": [column("name.first().given", collection=True)]})
    assert row == {"v": ["Ada", None, "Bea"]}


def test_reading_10_decimals_are_numbers_however_they_are_written(tmp_path: Path) -> None:
    resource = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": 1e3}}
    columns = [
        column("value.ofType(Quantity).value / 3", "third"),
        column("value.ofType(Quantity).value = 1000", "same"),
    ]
    (row,) = run_view({"resource": "Observation", "select": [{"column": columns}]}, [resource], tmp_path)
    assert row == {"third": 1000 / 3, "same": True}
    assert abs(row["third"] - 333.33333333) < 1e-8


def test_reading_11_what_must_be_refused_is_refused(tmp_path: Path) -> None:
    twice = [{"column": [column("id", "a")]}, {"select": [{"column": [column("gender", "A")]}]}]
    assert "columns stand twice: a" in refusal_of(select=twice)
    two = {"forEach": "name", "repeat": ["extension"], "column": [column("id")]}
    assert "forEach and repeat stand in one select" in refusal_of(select=[two])
    assert "$.select[0].column[0].name" in refusal_of(select=[{"column": [column("id", "2nd")]}])
    assert "did you mean forEach" in refusal_of(select=[{"foreach": "name", "column": [column("id")]}])
    assert "did you mean exists" in refusal_of(select=[{"column": [column("name.exist()")]}])
    first, other = {"column": [column("id", "a"), column("gender", "b")]}, {"column": [column("gender", "b")]}
    assert "unionAll[1]" in refusal_of(select=[{"unionAll": [first, other]}])
    typed = {"column": [column("id", "a")]}, {"column": [column("active", "a")]}
    assert "unionAll[1]" in refusal_of(select=[{"unionAll": list(typed)}])
    below = {"forEach": "name", "column": [column("given", "g")]}
    with pytest.raises(duckdb.InvalidInputException, match="column g: more than one value, resource p"):
        rows_of(tmp_path, below)
