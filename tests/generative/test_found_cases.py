"""Differences that random views have shown, each reduced to a few words; the expected rows are written by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from caremesh.fhir.oracle import interpret
from tests.view_rows import run_view

PERIOD = {"start": "2020-05-17T10:00:00Z", "end": "2020-05-17T12:00:00+02:00"}
SEVENS = [{"column": [{"name": "a", "path": "7"}]}, {"column": [{"name": "a", "path": "7"}]}]


@dataclass(frozen=True)
class Found:
    """A view of Patient by its selects, one patient, and its rows."""

    name: str
    select: dict[str, Any]
    rows: list[dict[str, Any]]
    patient: dict[str, Any] = field(default_factory=dict)


def column(path: str, value: Any, *, name: str, patient: dict[str, Any], **more: Any) -> Found:
    """A view of one column, named `a`."""
    return Found(name, {"column": [{"name": "a", "path": path, **more}]}, [{"a": value}], patient)


FOUND = [
    Found(
        "a unionAll in a select nested below forEachOrNull gives one row of nulls",
        {"forEachOrNull": "name", "select": [{"unionAll": SEVENS}]},
        [{"a": None}],
    ),
    Found(
        "contains is null in the row of nulls",
        {"forEachOrNull": "name", "column": [{"name": "a", "path": "given contains 'x'"}]},
        [{"a": None}],
    ),
    Found(
        "a unionAll whose first branch counts rows gives 0 in the row of nulls",
        {
            "forEachOrNull": "name",
            "unionAll": [
                {"column": [{"name": "a", "path": "%rowIndex", "type": "integer"}]},
                {"column": [{"name": "a", "path": "extension.value.ofType(integer).first()", "type": "integer"}]},
            ],
        },
        [{"a": 0}],
    ),
    Found(
        "a collection of %rowIndex in a unionAll of lists gives 0 in the row of nulls",
        {
            "unionAll": [
                {"column": [{"name": "a", "path": "extension.value.ofType(integer)", "collection": True}]},
                {"forEachOrNull": "name", "column": [{"name": "a", "path": "%rowIndex", "collection": True}]},
            ],
        },
        [{"a": []}, {"a": [0]}],
    ),
    column(
        "name.period.start = name.period.end",
        True,
        name="lists of one moment are equal whatever their offset",
        patient={"name": [{"period": PERIOD}]},
    ),
    column(
        "name.period.start = @2020-05-17T12:00:00+02:00",
        True,
        name="a list of one moment equals the moment whatever its offset",
        patient={"name": [{"period": PERIOD}]},
    ),
    column(
        "name.period.start = @2020",
        None,
        name="a list of one moment and a year leave it open",
        patient={"name": [{"period": PERIOD}]},
    ),
    column(
        "name.period.start | name.period.end",
        ["2020-05-17T10:00:00Z"],
        name="a union has each moment once whatever its offset",
        patient={"name": [{"period": PERIOD}]},
        collection=True,
    ),
]


@pytest.mark.parametrize("found", [pytest.param(f, id=f.name) for f in FOUND])
def test_found_case_gives_the_rows_of_the_specification(found: Found, tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p", **found.patient}
    view = {"resource": "Patient", "select": [found.select]}
    assert interpret(json.dumps(view), [patient], where="view.json") == found.rows
    assert run_view(view, [patient], tmp_path) == found.rows
