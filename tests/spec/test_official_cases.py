"""The official SQL on FHIR cases on DuckDB, and the report that the specification asks implementations for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.errors import ViewError
from tests.spec.cases import official_cases
from tests.view_rows import run_view

REPORT = Path(__file__).parents[2] / "docs" / "test_report.json"

CASES = list(official_cases())


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[int, bool]]:
    """Collect which cases passed; once all of them ran, write test_report.json in the specification's format."""
    passed: dict[int, bool] = {}
    yield passed
    if len(passed) < len(CASES):
        return
    files: dict[str, dict[str, Any]] = defaultdict(lambda: {"tests": []})
    for number, case in enumerate(CASES):
        files[case.file]["tests"].append({"name": case.title, "result": {"passed": passed[number]}})
    REPORT.write_text(json.dumps(files, indent=1) + "\n")


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{c.file}: {c.title}" for c in CASES])
def test_official_case_gives_the_official_rows(outcomes: dict[int, bool], number: int, tmp_path: Path) -> None:
    case = CASES[number]
    outcomes[number] = False
    if case.expects_error:
        with pytest.raises((ViewError, duckdb.Error)) as caught:
            run_view(case.view, case.input, tmp_path)
        assert "not supported" not in str(caught.value)
    else:
        case.check(run_view(case.view, case.input, tmp_path))
    outcomes[number] = True


def test_there_are_151_official_cases() -> None:
    assert len(CASES) == 151
