"""What a verdict says of its results, and how it is stored."""

from __future__ import annotations

import json

import pytest

from quality.check import Check
from quality.verdict import CheckResult, judge


def result(name, *, passed, severity="critical", measured=0, detail=""):
    check = Check(name=name, kind="sql", column=None, severity=severity, description=f"About {name}.")
    return CheckResult(check=check, passed=passed, rows_checked=10, measured=measured, detail=detail)


@pytest.mark.parametrize(("severity", "passed"), [("critical", False), ("warning", True), ("info", True)])
def test_a_verdict_fails_where_a_critical_check_failed(severity, passed):
    verdict = judge(
        "clinical.visit", (result("good", passed=True), result("bad", passed=False, severity=severity)), rows=10
    )

    assert verdict.passed is passed
    assert [r.check.name for r in (verdict.warnings if passed else verdict.failures)] == ["bad"]
    assert not (verdict.failures if passed else verdict.warnings)


def test_stored_keys_stand_in_one_order():
    verdict = judge("clinical.visit", (result("good", passed=True),), rows=10)

    assert json.dumps(verdict.to_json()) == (
        '{"product_id": "clinical.visit", "passed": true, "results": [{"check": {"name": "good", "kind": "sql", '
        '"column": null, "severity": "critical", "description": "About good.", '
        '"conditions": [{"operator": "mustBe", "bounds": [0]}], "unit": "rows"}, "passed": true, '
        '"rows_checked": 10, "measured": 0, "detail": "", "rows_failed": 0}], "rows": 10}'
    )


def test_a_verdict_is_the_same_after_it_was_stored():
    stated = judge("clinical.visit", (result("good", passed=True),), rows=10).to_json()

    assert json.loads(json.dumps(stated)) == stated
