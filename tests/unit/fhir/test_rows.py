"""How many rows a view gives, and what stands in the row of nulls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "full",
        "name": [{"family": "F1", "given": ["A", "B"]}, {"family": "F2", "given": ["C"]}],
        "contact": [{"gender": "male", "telecom": [{"value": "1"}, {"value": "2"}]}, {"gender": "female"}],
    },
    {"resourceType": "Patient", "id": "half", "contact": [{"gender": "other"}]},
    {"resourceType": "Patient", "id": "bare"},
]
ID = {"column": [{"name": "id", "path": "id"}]}


@pytest.fixture
def rows(run_view: Any) -> Callable[..., list[tuple[Any, ...]]]:
    def run(*select: dict[str, Any], **more: Any) -> list[tuple[Any, ...]]:
        found = run_view({"resource": "Patient", "select": [ID, *select], **more}, PATIENTS)
        return sorted((tuple(r.values()) for r in found), key=repr)

    return run


def test_forEach_gives_a_row_per_item_and_none_for_no_item(rows: Any) -> None:
    assert rows({"forEach": "name", "column": [{"name": "family", "path": "family"}]}) == [
        ("full", "F1"),
        ("full", "F2"),
    ]


def test_forEach_over_a_flattened_path_counts_through(rows: Any) -> None:
    columns = [{"name": "i", "path": "%rowIndex"}, {"name": "given", "path": "$this"}]
    assert rows({"forEach": "name.given", "column": columns}) == [
        ("full", 0, "A"),
        ("full", 1, "B"),
        ("full", 2, "C"),
    ]


def test_forEach_over_one_element_gives_one_row(rows: Any) -> None:
    assert rows({"forEach": "name.first()", "column": [{"name": "family", "path": "family"}]}) == [("full", "F1")]


def test_sibling_forEach_are_a_cross_join(rows: Any) -> None:
    found = rows(
        {"forEach": "name", "column": [{"name": "family", "path": "family"}]},
        {"forEach": "contact", "column": [{"name": "gender", "path": "gender"}]},
    )
    assert found == [
        ("full", "F1", "female"),
        ("full", "F1", "male"),
        ("full", "F2", "female"),
        ("full", "F2", "male"),
    ]


def test_the_row_of_nulls_has_null_literals_and_a_rowIndex_of_0(rows: Any) -> None:
    columns = [
        {"name": "i", "path": "%rowIndex"},
        {"name": "literal", "path": "'x'"},
        {"name": "has", "path": "given.exists()"},
        {"name": "family", "path": "family"},
    ]
    assert rows({"forEachOrNull": "name", "column": columns}) == [
        ("bare", 0, None, None, None),
        ("full", 0, "x", True, "F1"),
        ("full", 1, "x", True, "F2"),
        ("half", 0, None, None, None),
    ]


def test_the_row_of_nulls_reaches_into_nested_selects(rows: Any) -> None:
    nested = {"column": [{"name": "i", "path": "%rowIndex"}, {"name": "literal", "path": "'x'"}]}
    assert rows({"forEachOrNull": "contact", "select": [nested]}, where=[{"path": "id != 'full'"}]) == [
        ("bare", 0, None),
        ("half", 0, "x"),
    ]


def test_rowIndex_of_an_outer_iteration_is_not_seen_by_an_inner_one(rows: Any) -> None:
    index = [{"name": "i", "path": "%rowIndex"}]
    inner = {"forEach": "telecom", "column": [{"name": "j", "path": "%rowIndex"}]}
    found = rows({"forEach": "contact", "column": index, "select": [inner]})
    assert found == [("full", 0, 0), ("full", 0, 1)]


def test_forEachOrNull_keeps_a_row_when_nothing_below_gives_one(rows: Any) -> None:
    found = rows(
        {
            "forEachOrNull": "contact",
            "column": [{"name": "gender", "path": "gender"}],
            "select": [{"forEach": "telecom", "column": [{"name": "value", "path": "value"}]}],
        }
    )
    assert found == [("bare", None, None), ("full", "male", "1"), ("full", "male", "2"), ("half", None, None)]


def test_the_row_of_nulls_is_one_also_where_a_nested_select_is_a_union(rows: Any) -> None:
    branch = {"column": [{"name": "a", "path": "7"}]}
    below = {"forEachOrNull": "photo", "select": [{"unionAll": [branch, branch]}]}
    assert rows(below) == [("bare", None), ("full", None), ("half", None)]


def test_rowIndex_is_0_in_the_row_of_nulls_also_where_the_other_branch_holds_a_text(rows: Any) -> None:
    text = "extension.value.ofType(integer).first()"
    branches = [{"column": [{"name": "a", "path": p, "type": "integer"}]} for p in ("%rowIndex", text)]
    assert rows({"forEachOrNull": "photo", "unionAll": branches}) == [("bare", 0), ("full", 0), ("half", 0)]


def test_contains_is_null_in_the_row_of_nulls(rows: Any) -> None:
    column = {"name": "a", "path": "given contains 'C'"}
    found = rows({"forEachOrNull": "name", "column": [column]})
    assert found == [("bare", None), ("full", False), ("full", True), ("half", None)]


def test_forEachOrNull_inside_forEachOrNull_keeps_the_outer_item(rows: Any) -> None:
    found = rows(
        {
            "forEachOrNull": "contact",
            "column": [{"name": "gender", "path": "gender"}],
            "select": [{"forEachOrNull": "telecom", "column": [{"name": "value", "path": "value"}]}],
        }
    )
    assert found == [
        ("bare", None, None),
        ("full", "female", None),
        ("full", "male", "1"),
        ("full", "male", "2"),
        ("half", "other", None),
    ]


def test_unionAll_below_forEach_sees_the_item_and_its_rowIndex(rows: Any) -> None:
    found = rows(
        {
            "forEach": "contact",
            "column": [{"name": "gender", "path": "gender"}],
            "unionAll": [
                {"column": [{"name": "value", "path": "'own'"}, {"name": "i", "path": "%rowIndex"}]},
                {
                    "forEach": "telecom",
                    "column": [{"name": "value", "path": "value"}, {"name": "i", "path": "%rowIndex"}],
                },
            ],
        }
    )
    assert found == [
        ("full", "female", "own", 1),
        ("full", "male", "1", 0),
        ("full", "male", "2", 1),
        ("full", "male", "own", 0),
        ("half", "other", "own", 0),
    ]


def test_all_empty_unionAll_removes_the_row_of_the_parent(rows: Any) -> None:
    branch = {"forEach": "communication", "column": [{"name": "x", "path": "preferred"}]}
    assert rows({"unionAll": [branch, branch]}) == []


def test_unionAll_branches_may_hold_their_values_differently(rows: Any) -> None:
    found = rows(
        {
            "unionAll": [
                {"column": [{"name": "flag", "path": "active", "type": "boolean"}]},
                {"column": [{"name": "flag", "path": "name.exists()", "type": "boolean"}]},
            ]
        }
    )
    assert found == [
        ("bare", False),
        ("bare", None),
        ("full", None),
        ("full", True),
        ("half", False),
        ("half", None),
    ]


def test_unionAll_branches_of_one_and_of_many_values(run_view: Any) -> None:
    view = {
        "resource": "Patient",
        "select": [
            {
                "unionAll": [
                    {"column": [{"name": "v", "path": "name.given", "collection": True}]},
                    {"column": [{"name": "v", "path": "gender", "collection": True, "type": "string"}]},
                ]
            }
        ],
    }
    patient = {"resourceType": "Patient", "gender": "male", "name": [{"given": ["A", "B"]}]}
    assert [r["v"] for r in run_view(view, [patient])] == [["A", "B"], ["male"]]


def test_where_keeps_resources_for_which_all_conditions_are_true(rows: Any) -> None:
    where = [{"path": "name.exists() or contact.exists()"}, {"path": "contact.gender.first() = 'other'"}]
    assert rows(where=where) == [("half",)]


def test_where_excludes_the_unknown_and_its_negation(rows: Any) -> None:
    assert rows(where=[{"path": "active = true"}]) == []
    assert rows(where=[{"path": "(active = true).not()"}]) == []


def test_only_resources_of_the_view_give_rows(run_view: Any) -> None:
    resources = [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group", "id": "g"}, {"id": "untyped"}]
    assert run_view({"resource": "Patient", "select": [ID]}, resources) == [{"id": "p"}]


def test_the_order_of_lines_changes_no_row(run_view: Any) -> None:
    view = {
        "resource": "Patient",
        "select": [ID, {"forEachOrNull": "name", "column": [{"name": "i", "path": "%rowIndex"}]}],
    }
    forwards, backwards = run_view(view, PATIENTS), run_view(view, PATIENTS[::-1])
    assert sorted(map(repr, forwards)) == sorted(map(repr, backwards))


def test_a_guard_inside_a_list_of_rows_raises_only_for_its_own_column(run_view: Any) -> None:
    branch = {"column": [{"name": "given", "path": "name.given"}]}
    view = {"resource": "Patient", "select": [{"unionAll": [branch, branch]}]}
    with pytest.raises(duckdb.Error, match="column given: more than one value, resource full"):
        run_view(view, PATIENTS)
