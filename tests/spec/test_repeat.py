"""`repeat` beyond the official cases: how deep it goes, and what happens below."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.errors import ViewError
from caremesh.fhir import DUCKDB, compile_view, parse_view
from tests.view_rows import run_compiled, run_view


def nested_items(depth: int) -> dict[str, Any]:
    item: dict[str, Any] = {"linkId": str(depth)}
    for level in range(depth - 1, 0, -1):
        item = {"linkId": str(level), "item": [item]}
    return {"resourceType": "Questionnaire", "id": "q", "item": [item]}


def view_of(*columns: dict[str, str], repeat: list[str], resource: str = "Questionnaire") -> dict[str, Any]:
    return {"resource": resource, "select": [{"repeat": repeat, "column": list(columns)}]}


LINK = {"name": "link", "path": "linkId"}


def test_a_repeat_reaches_ten_levels(tmp_path: Path) -> None:
    rows = run_view(view_of(LINK, repeat=["item"]), [nested_items(10)], tmp_path)
    assert sorted(int(r["link"]) for r in rows) == list(range(1, 11))


def test_items_below_the_last_level_are_an_error_that_names_the_resource(tmp_path: Path) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="nested deeper than its levels, resource q"):
        run_view(view_of(LINK, repeat=["item"]), [nested_items(11)], tmp_path)


def test_the_number_of_levels_can_be_raised(tmp_path: Path) -> None:
    view = parse_view(json.dumps(view_of(LINK, repeat=["item"])), where="view.json", repeat_levels=14)
    rows = run_compiled(compile_view(view, DUCKDB), [json.dumps(nested_items(14))], tmp_path)
    assert len(rows) == 14


def test_row_index_counts_depth_first_and_path_by_path(tmp_path: Path) -> None:
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "r",
        "item": [
            {"linkId": "a", "answer": [{"item": [{"linkId": "a.3"}]}], "item": [{"linkId": "a.1"}, {"linkId": "a.2"}]},
            {"linkId": "b"},
        ],
    }
    index = {"name": "n", "path": "%rowIndex"}
    view = view_of(LINK, index, repeat=["item", "answer.item"], resource="QuestionnaireResponse")
    rows = run_view(view, [response], tmp_path)
    assert {r["link"]: r["n"] for r in rows} == {"a": 0, "a.1": 1, "a.2": 2, "a.3": 3, "b": 4}


def test_row_index_may_stand_beside_elements_and_in_branches(tmp_path: Path) -> None:
    branches = [
        {"column": [{"name": "v", "path": "%rowIndex = 1 and linkId = '2'"}]},
        {"column": [{"name": "v", "path": "%rowIndex > 5"}]},
    ]
    view = {"resource": "Questionnaire", "select": [{"repeat": ["item"], "unionAll": branches}]}
    rows = run_view(view, [nested_items(3)], tmp_path)
    assert sorted(r["v"] for r in rows) == [False] * 5 + [True]


def test_extensions_repeat_too(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p", "extension": [{"url": "a", "extension": [{"url": "b"}]}]}
    view = view_of({"name": "url", "path": "url"}, repeat=["extension"], resource="Patient")
    assert {r["url"] for r in run_view(view, [patient], tmp_path)} == {"a", "b"}


def test_a_misspelt_path_is_refused_with_a_near_name() -> None:
    with pytest.raises(ViewError, match=r"repeat\[0\]: Questionnaire has no element 'itm'(.|\n)*item"):
        parse_view(json.dumps(view_of(LINK, repeat=["itm"])), where="view.json")


def test_a_view_too_long_to_be_planned_is_refused() -> None:
    dates = [{"name": f"d{n}", "path": "answer.value.ofType(date).first() < @2020-01-01"} for n in range(9)]
    view = view_of(*dates, repeat=["item", "answer.item"], resource="QuestionnaireResponse")
    with pytest.raises(ViewError, match=r"bytes long; 262,144 can be planned(.|\n)*fewer columns"):
        compile_view(parse_view(json.dumps(view), where="view.json"), DUCKDB)
