"""How long a server wants us to wait, and what of an address may be shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caremesh.sources.bulk_data import export_url
from caremesh.sources.export_jobs import ExportScope
from caremesh.sources.web import seconds_until, show_url

NOW = datetime(1999, 12, 31, 23, 59, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 59),
        ("Fri, 31 Dec 1999 23:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_a_retry_after_is_a_number_or_a_date(stated: str | None, seconds: float | None) -> None:
    assert seconds_until(stated, NOW) == seconds


def test_an_address_is_shown_without_what_opens_it() -> None:
    assert show_url("https://me:word@host:8443/fhir/file?sig=secret#x") == "https://host:8443/fhir/file"


def test_the_address_of_an_export_says_all_that_is_asked() -> None:
    scope = ExportScope("group/g.1", "2026-01-01T00:00:00Z", None, ("Patient", "Claim"))
    url = "https://host/fhir/Group/g.1/$export?_since=2026-01-01T00%3A00%3A00Z&_type=Patient%2CClaim"
    assert export_url("https://host/fhir/", scope) == url
