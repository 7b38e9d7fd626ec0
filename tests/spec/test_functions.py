"""Functions beyond those of the official cases, from view to rows: on DuckDB, and by the oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caremesh.fhir.oracle import interpret
from tests.view_rows import run_view

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"text": "Ada Bea  Lee", "family": "Lee"}, {"family": "-"}],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.first().text.split(' ')", ["Ada", "Bea", "", "Lee"]),
        ("name.text.split(' ').first()", ["Ada"]),
        ("name[0].family.split('-')", ["Lee"]),
        ("name[1].family.split('-')", ["", ""]),
        ("name[2].family.split('-')", []),
        ("name[0].text.split(' ').where($this != '').join('/')", ["Ada/Bea/Lee"]),
    ],
)
def test_function_gives(tmp_path: Path, path: str, expected: list[Any]) -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "v", "path": path, "collection": True}]}]}
    assert run_view(view, [PATIENT], tmp_path) == [{"v": expected}]
    assert interpret(json.dumps(view), [PATIENT], where="view.json") == [{"v": expected}]
