"""Notes and what is read out of them: tied together by ids, marked as generated, and not to be trusted."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter

GENERATED = {"tag": [{"display": "SYSTEM_GENERATED"}]}
TYPES = ("Condition", "Observation", "MedicationStatement")
HEALTHLAKE = "http://healthlake.amazonaws.com/"


def extension(stated: list[dict], url: str) -> list[dict]:
    return [e for e in stated if e["url"] == HEALTHLAKE + url]


def text(note: dict) -> str:
    return base64.b64decode(note["content"][0]["attachment"]["data"]).decode()


def test_every_finding_names_the_note_that_names_it(base) -> None:
    named = set()
    for note in base.of("DocumentReference"):
        for group in extension(note.get("extension", []), "system-generated-resources/"):
            for entity in extension(group["extension"], "nlp-entity"):
                named.add((entity["valueReference"]["reference"], f"DocumentReference/{note['id']}"))
    sources = set()
    for resource_type in TYPES:
        for finding in base.generated(resource_type):
            assert finding["meta"]["tag"] == GENERATED["tag"]
            (source,) = extension(finding["modifierExtension"], "source-document-reference")
            sources.add((f"{resource_type}/{finding['id']}", source["valueReference"]["reference"]))
    assert named == sources
    assert {reference.split("/")[0] for reference, _ in named} == set(TYPES)


def test_a_linkage_ties_a_note_to_all_its_findings(base) -> None:
    items = Counter(item["type"] for linkage in base.generated("Linkage") for item in linkage["item"])
    assert items["source"] == len(base.generated("Linkage")) > 100
    assert items["alternate"] == sum(len(base.generated(t)) for t in TYPES)


def test_some_notes_are_refused_and_give_no_findings(base) -> None:
    refused = 0
    for note in base.of("DocumentReference"):
        (reading,) = extension(note["extension"], "aws-cm/")
        (status,) = extension(reading["extension"], "aws-cm/status/")
        assert (status["valueString"] == "SUCCESS") == (len(note["extension"]) == 2)
        refused += status["valueString"] == "VALIDATION_ERROR"
    assert 0 < refused < len(base.of("DocumentReference")) / 10


def test_what_a_note_denies_is_found_all_the_same(base) -> None:
    denying = {
        f"DocumentReference/{n['id']}" for n in base.of("DocumentReference") if "not prescribed Advil" in text(n)
    }
    found = {
        extension(m["modifierExtension"], "source-document-reference")[0]["valueReference"]["reference"]
        for m in base.generated("MedicationStatement")
        if "[Advil]" in m["medicationCodeableConcept"]["text"]
    }
    assert found
    assert found <= denying


def test_size_and_hash_are_those_of_the_text(base) -> None:
    for note in base.of("DocumentReference"):
        attachment = note["content"][0]["attachment"]
        content = text(note).encode()
        assert attachment["size"] == len(content)
        assert base64.b64decode(attachment["hash"]) == hashlib.sha1(content, usedforsecurity=False).digest()


def test_scores_lie_on_both_sides_of_the_threshold(base) -> None:
    scores = [
        [e["valueDecimal"] for e in c["modifierExtension"] if "valueDecimal" in e] for c in base.generated("Condition")
    ]
    assert all(len(pair) == 2 and all(0 <= score <= 1 for score in pair) for pair in scores)
    assert {min(pair) >= 0.7 for pair in scores} == {True, False}
