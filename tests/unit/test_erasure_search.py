"""The search for what is a person's, in files of lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from caremesh.erasure.search import Found, SearchedFile, search

SUBJECT = ("Patient", "1")


def find(folder: Path, *files: list[dict[str, Any]]) -> Found:
    searched = []
    for number, resources in enumerate(files):
        path = folder / f"Some-{number}.ndjson"
        path.write_text("".join(json.dumps(r) + "\n" for r in resources))
        searched.append(SearchedFile(path, ""))
    return search(SUBJECT, searched)


def to(reference: str) -> dict[str, Any]:
    return {"reference": reference}


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, **more}


def test_what_leads_to_her_over_several_steps_is_found_whatever_the_order(tmp_path: Path) -> None:
    audit = resource("Provenance", "p2", target=[to("Provenance/p1")])
    note = resource("Provenance", "p1", target=[to("Encounter/e1")])
    stay = resource("Encounter", "e1", subject={"identifier": {"system": "urn:mrn", "value": "7"}})
    her = resource("Patient", "1", identifier=[{"system": "urn:mrn", "value": "7"}])
    other = resource("Encounter", "1", subject=to("Patient/2"))
    found = find(tmp_path, [audit], [note, other], [stay], [her])
    assert found.belongings.keys == {SUBJECT, ("Encounter", "e1"), ("Provenance", "p1"), ("Provenance", "p2")}


def test_an_identifier_that_two_patients_have_tells_of_neither(tmp_path: Path) -> None:
    policy = [{"system": "urn:policy", "value": "7"}]
    claim = resource("Claim", "c1", patient={"identifier": policy[0]})
    patients = [resource("Patient", name, identifier=policy) for name in ("1", "2")]
    found = find(tmp_path, [claim], patients)
    assert (found.belongings.keys, found.belongings.identifiers) == ({SUBJECT}, set())


def test_whose_the_newest_version_is_owns_all_versions(tmp_path: Path) -> None:
    def version(name: str, patient: str, day: int) -> dict[str, Any]:
        meta = {"lastUpdated": f"2026-01-{day:02}T00:00:00Z"}
        return resource("Observation", name, meta=meta, subject=to(f"Patient/{patient}"))

    moved_away = [version("a", "2", 3), version("a", "1", 2)]
    moved_to_her = [version("b", "1", 3), version("b", "2", 2)]
    about = [resource("Provenance", "p", target=[to("Observation/a")])]
    found = find(tmp_path, moved_away, moved_to_her, about)
    assert found.belongings.keys == {SUBJECT, ("Observation", "b")}
    assert found.contested == {("Observation", "a")}


def test_a_document_goes_unless_somebody_else_points_to_it(tmp_path: Path) -> None:
    def letter(name: str, patient: str, *files: str) -> dict[str, Any]:
        content = [{"attachment": {"url": f"Binary/{file}"}} for file in files]
        return resource("DocumentReference", name, subject=to(f"Patient/{patient}"), content=content)

    found = find(tmp_path, [letter("d1", "1", "own", "common"), letter("d2", "2", "common")])
    assert found.belongings.keys == {SUBJECT, ("DocumentReference", "d1"), ("Binary", "own")}


def test_other_records_that_are_linked_with_hers_are_told_of_and_not_taken(tmp_path: Path) -> None:
    her = resource("Patient", "1", link=[{"other": to("Patient/2"), "type": "seealso"}])
    third = resource("Patient", "3", link=[{"other": to("Patient/1"), "type": "replaces"}])
    found = find(tmp_path, [her, resource("Patient", "2"), third])
    assert (found.belongings.keys, found.linked) == ({SUBJECT}, {("Patient", "2"), ("Patient", "3")})
