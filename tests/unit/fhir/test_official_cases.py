"""The official SQL on FHIR cases, where a checkout of them lies beside the repository."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.errors import ViewError

CASES = Path(__file__).parents[4] / "shared" / "sql-on-fhir-tests"

# Cases not supported yet: file → titles, or None for the whole file. One that passes fails the test.
NOT_YET: dict[str, set[str] | None] = {
    "repeat.json": None,
    "fn_boundary.json": None,
    "row_index.json": {"%rowIndex with repeat"},
}


def official_cases() -> Iterator[Any]:
    for file in [*sorted(CASES.glob("*.json")), *sorted((CASES / "newer").glob("*.json"))]:
        document = json.loads(file.read_text())
        name = str(file.relative_to(CASES))
        for case in document["tests"]:
            titles = NOT_YET.get(name, set())
            waiting = titles is None or case["title"] in titles
            marks = [pytest.mark.xfail(raises=ViewError, strict=True, reason="not supported yet")] if waiting else []
            yield pytest.param(document["resources"], case, id=f"{name}: {case['title']}", marks=marks)


@pytest.mark.skipif(not CASES.is_dir(), reason="the official cases lie in no folder ../shared/sql-on-fhir-tests")
@pytest.mark.parametrize(("resources", "case"), list(official_cases()))
def test_official_case_gives_the_official_rows(run_view: Any, resources: list[Any], case: dict[str, Any]) -> None:
    if case.get("expectError"):
        with pytest.raises((ViewError, duckdb.Error)) as caught:
            run_view(case["view"], resources)
        assert "not supported yet" not in str(caught.value)
        return
    # A bulk export has one file per resource type; a view reads the files of its own.
    rows = run_view(case["view"], [r for r in resources if r["resourceType"] == case["view"]["resource"]])
    if "expectCount" in case:
        assert len(rows) == case["expectCount"]
    else:
        assert as_counter(rows) == as_counter(case["expect"])
    if "expectColumns" in case:
        assert list(rows[0]) == case["expectColumns"]


def as_counter(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps({k: _plain(v) for k, v in sorted(row.items())}) for row in rows)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
