"""What the report page shows, and what it must never do."""

from __future__ import annotations

import html
import re

import pytest

from quality.check import expectations_of
from quality.report import render_report
from quality.verdict import CheckResult, judge
from tests.unit.quality.conftest import at_most


@pytest.fixture
def render(make_product):
    """Render the page of a verdict in which the checks named in `failed` broke by so many of 100,000 rows."""

    def render(failed, *, rules=(), only=None):
        product = make_product(rules)
        checks = expectations_of(product)[:only]
        results = tuple(CheckResult(c, c.name not in failed, 100_000, failed.get(c.name, 0)) for c in checks)
        verdict = judge(product.id, results, rows=100_000)
        return render_report(product, verdict, release="0a1b2c", checked_at="2026-01-02T03:04:05Z")

    return render


def words(page):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.split("<body>")[1])).split())


def test_the_page_says_what_was_checked_when_and_that_it_passed(render):
    text = words(render({}))

    assert "Release 0a1b2c against contract version 1.0.0" in text
    assert "Checked 2026-01-02T03:04:05Z" in text
    assert "Passed: may be published" in text
    assert "Rows checked 100,000 Checks failed 0 Warnings 0 Checks passed 7" in text


def test_a_failed_check_stands_first_with_its_rows_and_share(render):
    text = words(render({"badge_unique": 1234}))

    assert "Failed: must not be published 1 critical check failed: badge_unique" in text
    row = "✕ failed badge_unique No two rows share a badge; null is allowed. critical none 1,234 1.2 %"
    assert row in text
    assert text.index(row) < text.index("✓ passed columns")


def test_a_broken_warning_does_not_stop_a_release(render, make_rule):
    rule = make_rule("r", "not_null", "cost", severity="warning", conditions=at_most(2))

    text = words(render({"r": 3}, rules=[rule]))

    assert "No critical check failed; 1 warning does not stop a release." in text
    meaning = "The number of rows that break this is at most 2: cost is not null."
    assert f"! warning r {meaning} warning mustBeLessOrEqualTo: 2 3 < 0.1 %" in text


def test_checks_that_could_not_be_run_are_listed(render):
    text = words(render({"columns": 0}, only=2))

    assert "Checks not run 5" in text
    assert "primary_key, visit_id_required, line_number_required, status_required, badge_unique." in re.sub(
        " (?=[,.])", "", text
    )


def test_text_of_the_contract_is_escaped(render, make_rule):
    page = render({}, rules=[make_rule("r", "sql", query="select 1", description="<script>alert(1)</script>")])

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_page_loads_nothing_and_runs_nothing(render):
    page = render({"badge_unique": 1})

    assert not re.search(r"https?://|//cdn|<script|<link(?! rel=\"icon\" href=\"data:,\")|@import|url\(", page)
    assert "default-src 'none'" in page


def test_the_same_verdict_gives_the_same_page(render):
    assert render({"badge_unique": 1}) == render({"badge_unique": 1})
