"""Whose a resource is, and what a line is without a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from caremesh.fhir.belongings import Belongings
from caremesh.fhir.cleansing import cleanse
from caremesh.fhir.lossless import read_json, write_json

LONG_ID = "0123456789abcdef"


@pytest.fixture
def hers() -> Belongings:
    return Belongings([("Patient", "1"), ("Encounter", "e1"), ("Observation", LONG_ID)], [("urn:mrn", "42")])


def to(reference: str) -> dict[str, Any]:
    return {"reference": reference}


def resource(kind: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "x", **more}


WHOSE = {
    "her-own-record": (resource("Patient") | {"id": "1"}, "hers"),
    "another-record": (resource("Patient") | {"id": "11"}, "another's"),
    "about-her": (resource("Observation", subject=to("Patient/1"), performer=[to("Patient/2")]), "hers"),
    "absolute-and-versioned": (resource("Observation", subject=to("https://f.example/Patient/1/_history/3")), "hers"),
    "by-urn": (resource("Observation", subject=to("urn:uuid:1")), "hers"),
    "by-identifier": (resource("Claim", patient={"identifier": {"system": "urn:mrn", "value": "42"}}), "hers"),
    "by-condition": (resource("Claim", patient=to("Patient?identifier=urn:mrn|42")), "hers"),
    "identifier-of-another-system": (
        resource("Claim", patient={"type": "Patient", "identifier": {"system": "urn:other", "value": "42"}}),
        "another's",
    ),
    "performed-by-her": (resource("Observation", subject=to("Patient/2"), performer=[to("Patient/1")]), "another's"),
    "of-a-group-by-her": (resource("Observation", subject=to("Group/g"), performer=[to("Patient/1")]), "nobody's"),
    "of-nobody-told-by-her": (
        resource("Observation", subject={"display": "J"}, performer=[to("Patient/1")]),
        "nobody's",
    ),
    "of-what-is-hers": (resource("Observation", subject=to("Encounter/e1")), "hers"),
    "contained": (
        resource(
            "Claim",
            patient=to("#p"),
            contained=[{"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": "42"}]}],
        ),
        "hers",
    ),
    "of-both": (resource("Account", subject=[to("Patient/1"), to("Patient/2")]), "shared"),
    "takes-part-alone": (resource("Appointment", participant=[{"actor": to("Patient/1")}]), "hers"),
    "take-part-both": (
        resource("Appointment", participant=[{"actor": to("Patient/1")}, {"actor": to("Patient/2")}]),
        "shared",
    ),
    "about-what-is-hers": (
        resource("Provenance", target=[to("Encounter/e1")], agent=[{"who": to("Device/d")}]),
        "hers",
    ),
    "about-more-than-hers": (resource("Provenance", target=[to("Encounter/e1"), to("Encounter/e2")]), "nobody's"),
    "outlives-her": (resource("Practitioner", extension=[{"valueReference": to("Patient/1")}]), "nobody's"),
    "group": (resource("Group", member=[{"entity": to("Patient/1")}]), "nobody's"),
    "same-id-of-another-type": (resource("Observation", subject=to("Group/1")), "nobody's"),
}


@pytest.mark.parametrize("case", WHOSE)
def test_whose_a_resource_is(case: str, hers: Belongings) -> None:
    stated, expected = WHOSE[case]
    assert hers.whose(stated) == expected


NAMED = {
    "relative": ("see Patient/1.", True),
    "absolute": ("https://f.example/Patient/1/_history/2", True),
    "urn": ("urn:uuid:1", True),
    "short-id-alone": ("room 1", False),
    "another-type": ("Practitioner/1", False),
    "longer-id": ("Patient/11", False),
    "id-that-goes-on": ("Patient/1-a", False),
    "long-id-alone": (f"note of {LONG_ID}, page 2", True),
    "long-id-within": (f"file-{LONG_ID}-2.pdf", True),
    "long-id-of-another-type": (f"Encounter/{LONG_ID}", False),
    "long-id-behind-another-word": (f"files/{LONG_ID}", True),
}


@pytest.mark.parametrize("case", NAMED)
def test_which_texts_name_her(case: str, hers: Belongings) -> None:
    text, expected = NAMED[case]
    assert hers.are_named_in(text) is expected
    assert hers.may_be_in(text) or not expected


def left_of(stated: dict[str, Any], hers: Belongings) -> Any:
    cleansed = cleanse(json.dumps(stated), stated["resourceType"], hers)
    if cleansed.outcome == "removed":
        return None
    return stated if cleansed.outcome == "same" else json.loads(cleansed.text)


SCRUBBED = {
    "reference-with-name": (
        {"focus": [{**to("Patient/1"), "display": "Jane"}], "status": "final"},
        {"status": "final"},
    ),
    "member": (
        {"member": [{"entity": to("Patient/1"), "inactive": True}, {"entity": to("Patient/2")}]},
        {"member": [{"entity": to("Patient/2")}]},
    ),
    "identifier": (
        {"identifier": [{"system": "urn:mrn", "value": "42"}, {"value": "42"}]},
        {"identifier": [{"value": "42"}]},
    ),
    "text": ({"note": [{"text": "twin of Patient/1", "time": "2020"}]}, {"note": [{"time": "2020"}]}),
    "contained": ({"contained": [{"resourceType": "Patient", "id": "1"}]}, {}),
    "numbers": ({"n": [1, 1, 42]}, {"n": [1, 1, 42]}),
}


@pytest.mark.parametrize("case", SCRUBBED)
def test_what_is_left_of_a_line_that_stays(case: str, hers: Belongings) -> None:
    before, expected = SCRUBBED[case]
    other = {"resourceType": "Observation", "id": "1", "subject": to("Patient/2")}
    assert left_of(other | before, hers) == other | expected


def test_a_delete_list_loses_her_entries_only_and_goes_when_none_is_left(hers: Belongings) -> None:
    entries = [{"request": {"method": "DELETE", "url": url}} for url in ("Patient/1", "Patient/11")]
    both, only = ({"resourceType": "Bundle", "entry": e} for e in (entries, entries[:1]))
    assert left_of(both, hers) == {"resourceType": "Bundle", "entry": entries[1:]}
    assert left_of(only, hers) is None


@pytest.mark.parametrize(
    ("line", "kind", "outcome"),
    [
        ('{"id": "1", "name', "Patient", "removed"),
        ('{"id": "1", "name', "Practitioner", "same"),
        (r'"subject": {"reference": "Patient\/1"}, ', "Observation", "removed"),
        (f"# {LONG_ID}", "Observation", "removed"),
    ],
    ids=["own-id", "own-id-of-another-type", "escaped-reference", "long-id"],
)
def test_a_line_that_is_no_json_goes_where_it_names_her(line: str, kind: str, outcome: str, hers: Belongings) -> None:
    assert cleanse(line, kind, hers).outcome == outcome


def test_a_key_that_stands_twice_hides_nothing(hers: Belongings) -> None:
    line = (
        '{"resourceType":"Observation","id":"x","note":"Patient/1","note":"none","subject":{"reference":"Patient/2"}}'
    )
    assert "Patient/1" not in cleanse(line, "Observation", hers).text


def test_an_escaped_name_is_found(hers: Belongings) -> None:
    line = r'{"resourceType":"Observation","id":"x","note":"\u0050atient\/\u0031","subject":{"reference":"Patient/2"}}'
    assert cleanse(line, "Observation", hers).outcome == "scrubbed"


def test_numbers_and_half_characters_are_written_as_they_were_read() -> None:
    text = '{"a":1.50,"b":-0.0,"c":1E+2,"d":12345678901234567890,"e":"\\ud800","f":[true,null,"ü"]}'
    assert write_json(read_json(text)) == text


@pytest.mark.parametrize("text", ['{"a": NaN}', "[" * 100_000, "{"], ids=["nan", "deep", "open"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_json(text)
