"""How long a server wants us to wait, and what of an address may be shown."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from caremesh.errors import ExportError
from caremesh.sources.addresses import follow_link, show_url
from caremesh.sources.bulk_data import export_url
from caremesh.sources.export_jobs import ExportScope
from caremesh.sources.web import BearerToken, OwnServer, seconds_until

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


@pytest.mark.parametrize(
    ("server", "address", "is_sent"),
    [
        ("https://host/fhir", "https://host/status/1", True),
        ("https://host/fhir", "https://HOST:443/files/1", True),
        ("https://host/fhir", "https://host:8443/files/1", False),
        ("https://host/fhir", "https://elsewhere/files/1", False),
        ("https://host/fhir", "https://host.elsewhere/files/1", False),
        ("https://host/fhir", "https://trusted/files/1", True),
        ("https://host/fhir", "http://trusted/files/1", False),
        ("https://host/fhir", "http://host/status/1", False),
        ("http://host/fhir", "http://host/fhir/$export", False),
        ("http://127.0.0.1:80/fhir", "http://127.0.0.1/status/1", True),
        ("http://localhost:8080/fhir", "http://localhost:8080/status/1", True),
        ("http://[::1]:8080/fhir", "http://[::1]:8080/status/1", True),
        ("http://127.0.0.1.elsewhere/fhir", "http://127.0.0.1.elsewhere/status/1", False),
        ("https://host/fhir", "https://host:port/status/1", False),
    ],
)
def test_a_token_goes_to_its_own_server_by_https_only(server: str, address: str, is_sent: bool) -> None:
    opens = OwnServer(server, BearerToken("s3cret"), ("trusted",))
    with nullcontext() if is_sent else pytest.raises(ExportError):
        assert opens.headers("GET", address, b"") == {"Authorization": "Bearer s3cret"}


def test_no_link_of_a_server_leads_out_of_https() -> None:
    assert follow_link("https://host/fhir/$export", "/status/1") == "https://host/status/1"
    assert follow_link("https://host/fhir", "https://store/file?sig=1") == "https://store/file?sig=1"
    assert follow_link("http://host/fhir", "http://host/status/1") == "http://host/status/1"
    with pytest.raises(ExportError, match="without encryption"):
        follow_link("https://host/fhir", "http://host/status/1?sig=1")
