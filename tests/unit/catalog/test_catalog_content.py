from __future__ import annotations

from dataclasses import replace

import pytest

from caremesh.errors import RegisterError
from catalog.base import CheckOutcome, FailedCandidate


@pytest.mark.parametrize(
    ("severity", "passed", "verdict"),
    [
        ("critical", True, "passed"),
        ("critical", False, "failed"),
        ("warning", False, "warning"),
        ("info", False, "warning"),
    ],
)
def test_only_a_broken_critical_check_counts_as_failed(severity, passed, verdict):
    outcome = CheckOutcome("a_check", None, severity, passed, 0, "")

    assert outcome.verdict == verdict


@pytest.mark.parametrize("link", ["https://example.org/r.html", "javascript:alert(1)", "/r.html", "//example.org/r"])
def test_a_report_link_that_leaves_the_pages_is_refused(link, release):
    with pytest.raises(RegisterError, match="not a relative one"):
        replace(release, report=link)
    with pytest.raises(RegisterError, match="not a relative one"):
        FailedCandidate("clinical.visit", "r-3", (), report=link)


def test_a_report_link_may_name_a_release_with_colons_in_a_folder(release):
    assert replace(release, report="reports/12:30.html").report == "reports/12:30.html"


def test_a_product_of_no_known_domain_is_refused(make_content):
    with pytest.raises(RegisterError, match=r"of no known domain: clinical\.visit"):
        make_content(domains=())


def test_a_name_that_stands_twice_is_refused(make_content):
    once = make_content()

    with pytest.raises(RegisterError, match=r"listed twice: clinical\.visit"):
        make_content(products=(*once.products, once.products[0]))


def test_consumers_are_the_curated_tables_built_directly_from_a_product(make_content):
    content = make_content()

    assert [t.name for t in content.consumers_of("clinical.visit")] == ["curated.visit_summary"]
    assert content.consumers_of("clinical.stay") == ()
