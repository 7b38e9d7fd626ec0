"""What a verdict says of its results, and that it can be stored."""

from __future__ import annotations

import json

import pytest

from quality.suite import Check
from quality.verdict import CheckResult, Verdict, judge


def result(name, *, passed, severity="critical", rows_failed=0, detail=""):
    check = Check(name=name, kind="sql", column=None, severity=severity, description=f"About {name}.", limit=2)
    return CheckResult(check=check, passed=passed, rows_checked=10, rows_failed=rows_failed, detail=detail)


@pytest.mark.parametrize(("severity", "passed"), [("critical", False), ("warning", True), ("info", True)])
def test_a_verdict_fails_where_a_critical_check_failed(severity, passed):
    verdict = judge(
        "clinical.visit", (result("good", passed=True), result("bad", passed=False, severity=severity)), rows=10
    )

    assert verdict.passed is passed
    assert [r.check.name for r in (verdict.warnings if passed else verdict.failures)] == ["bad"]
    assert not (verdict.failures if passed else verdict.warnings)


def test_a_verdict_survives_being_stored():
    verdict = judge("clinical.visit", (result("bad", passed=False, rows_failed=3, detail="why"),), rows=10)

    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_stored_keys_stand_in_one_order():
    verdict = judge("clinical.visit", (result("good", passed=True),), rows=10)

    assert json.dumps(verdict.to_json()) == (
        '{"product_id": "clinical.visit", "passed": true, "results": [{"check": {"name": "good", "kind": "sql", '
        '"column": null, "severity": "critical", "description": "About good.", "limit": 2}, "passed": true, '
        '"rows_checked": 10, "rows_failed": 0, "detail": ""}], "rows": 10}'
    )
