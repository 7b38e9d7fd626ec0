"""What belongs to one person: her resources and identifiers, whose a resource is, and which texts name any of them.

A resource is hers where its own subject is she (`subject`, `patient`, …: SUBJECTS), or something of hers, whomever else
it names. Where it states no subject, it is hers if it names her and no other patient; and where it names no patient at
all, if all that it is about (TOPICS, else all it refers to) is hers. What outlives a person (OUTLIVING) is never hers.

A text names what is hers by `Type/id`, by `urn:uuid:id`, or by the mere id where that is long (LONG): short ones, such
as `1` or `p001`, stand in other people's data for other things.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from caremesh.fhir.types import load_types

Key = tuple[str, str]
"""Type and id of a resource."""

Identifier = tuple[str, str]
"""System and value of an identifier."""

Whose = Literal["hers", "another's", "shared", "nobody's"]

LONG = 16
"""From so many characters an id is told by itself; a shorter one only together with its type."""

SUBJECTS = ("subject", "patient", "beneficiary", "for", "individual", "candidate")
"""The elements by which FHIR R4 resources say whose they are."""

TOPICS = ("target", "item", "focus")
"""The elements by which resources without a subject say what they are about: Provenance, Linkage, MessageHeader."""

OUTLIVING = frozenset(
    (
        *("Organization", "OrganizationAffiliation", "Practitioner", "PractitionerRole", "Location", "Endpoint"),
        *("HealthcareService", "Group", "Medication", "MedicationKnowledge", "Substance", "InsurancePlan"),
        *("CatalogEntry", "ResearchStudy", "Measure", "Library", "Questionnaire", "PlanDefinition"),
        *("ActivityDefinition", "DeviceDefinition", "CodeSystem", "ValueSet", "ConceptMap", "StructureDefinition"),
        *("CapabilityStatement", "SearchParameter", "OperationDefinition", "NamingSystem"),
    )
)
"""Types that are about no one person, and are never removed: what they say of her is taken out of them."""

_RUN = re.compile(r"[A-Za-z0-9.\-]+")
_TYPE_BEFORE = re.compile(r"([A-Za-z]+)/$")
_REFERENCE = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.\-]+)(?:/_history/[^/]*)?(?:#.*)?$")
_URN = re.compile(r"urn:(?:uuid|oid):(?P<id>[A-Za-z0-9.\-]+)$")
_CONDITIONAL = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)\?identifier=(?P<system>[^|&]*)\|(?P<value>[^&]*)$")
_LOGICAL = {"identifier", "type", "display", "id", "extension"}
_URN_START = ("urn:uuid:", "urn:oid:")


@dataclass(frozen=True)
class Target:
    """What a reference points to, as far as it says: by type and id, or by an identifier."""

    type: str | None
    id: str | None = None
    identifier: Identifier | None = None


class Belongings:
    """What is known to be a person's; it grows while her resources are searched for."""

    def __init__(self, keys: Iterable[Key], identifiers: Iterable[Identifier] = ()) -> None:
        """Begin with some of her resources and identifiers."""
        self.keys: set[Key] = set()
        self.identifiers: set[Identifier] = set()
        self._types: dict[str, set[str]] = {}
        self._long: dict[int, set[str]] = {}
        for key in keys:
            self.add(key)
        for identifier in identifiers:
            self.identify(identifier)

    def add(self, key: Key) -> None:
        """Take in a resource of hers."""
        self.keys.add(key)
        self._types.setdefault(key[1], set()).add(key[0])
        self._tell_by(key[1])

    def identify(self, identifier: Identifier) -> None:
        """Take in an identifier that nobody else has."""
        self.identifiers.add(identifier)
        if _RUN.fullmatch(identifier[1]):
            self._tell_by(identifier[1])

    def may_be_in(self, text: str) -> bool:
        """Whether a line could name anything of hers: a quick look, which spares most lines a closer one."""
        if "\\u" in text:
            return True
        runs = set(_RUN.findall(text))
        if not runs.isdisjoint(self._types):
            return True
        # What is as long as a known id is that id or is none; within longer runs one may stand anywhere.
        if any(run[-1] == "." and run.rstrip(".") in self._types for run in runs) or any(map(self._is_long, runs)):
            return True
        return any(value in text for _, value in self.identifiers)

    def are_named_in(self, text: str) -> bool:
        """Whether a text names anything of hers."""
        return any(self._names(text, run.start(), run.group()) for run in _RUN.finditer(text))

    def whose(self, resource: Mapping[str, Any]) -> Whose:
        """Whose a resource is, by what it says and not by its id."""
        kind = resource.get("resourceType")
        if kind == "Patient":
            return "hers" if ("Patient", resource.get("id")) in self.keys else "another's"
        if kind in OUTLIVING:
            return "nobody's"
        subjects = [resource[name] for name in SUBJECTS if resource.get(name)]
        targets = list(find_targets(subjects or resource))
        patients = [t for t in targets if self._is_patient(t)]
        if patients:
            owned = [self.own(t) for t in patients]
            return "hers" if all(owned) else "shared" if any(owned) else "another's"
        if subjects:
            is_hers = all(self.own(t) for t in targets) if targets else self._is_contained_in(resource)
            return "hers" if is_hers else "nobody's"
        topics = [t for name in TOPICS for t in find_targets(resource.get(name))] or targets
        about = [t for t in topics if t.type not in OUTLIVING]
        return "hers" if about and all(self.own(t) for t in about) else "nobody's"

    def own(self, target: Target) -> bool:
        """Whether a reference points to something of hers."""
        if target.identifier is not None:
            return target.identifier in self.identifiers
        if target.type is None:
            return target.id in self._types
        return (target.type, target.id) in self.keys

    def _is_contained_in(self, resource: Mapping[str, Any]) -> bool:
        """Whether a resource carries her record within itself, as the one that it is about."""
        contained = resource.get("contained")
        return any(self._is_her_record(c) for c in (contained if isinstance(contained, list) else ()))

    def _is_her_record(self, record: Any) -> bool:
        if not isinstance(record, dict) or record.get("resourceType") != "Patient":
            return False
        stated = record.get("identifier")
        identifiers = {read_identifier(i) for i in (stated if isinstance(stated, list) else ())}
        return ("Patient", record.get("id")) in self.keys or bool(identifiers & self.identifiers)

    def _is_patient(self, target: Target) -> bool:
        if target.type is None and target.id is not None:
            return "Patient" in self._types.get(target.id, ())
        return target.type == "Patient" or target.identifier in self.identifiers

    def _tell_by(self, text: str) -> None:
        if len(text) >= LONG:
            self._long.setdefault(len(text), set()).add(text)

    def _is_long(self, run: str) -> bool:
        """Whether a long id stands in a run of characters of which ids are made, be it in the midst of it."""
        for length, known in self._long.items():
            if len(run) >= length and any(run[i : i + length] in known for i in range(len(run) - length + 1)):
                return True
        return False

    def _names(self, text: str, start: int, run: str) -> bool:
        token = run if run in self._types else run.rstrip(".")
        if token not in self._types:
            return self._is_long(run)
        before = text[max(0, start - 64) : start]
        typed = _TYPE_BEFORE.search(before)
        if typed and typed[1] in load_types().resources:
            return typed[1] in self._types[token]
        return before.lower().endswith(_URN_START) or self._is_long(run)


def find_targets(value: Any) -> Iterator[Target]:
    """What all references within a value point to; those into the same resource (`#x`) are left out."""
    if isinstance(value, list):
        for item in value:
            yield from find_targets(item)
    elif isinstance(value, dict):
        if is_reference(value):
            target = read_reference(value)
            if target:
                yield target
        else:
            for item in value.values():
                yield from find_targets(item)


def is_reference(value: Mapping[str, Any]) -> bool:
    """Whether an element is a FHIR Reference, literal or logical."""
    return isinstance(value.get("reference"), str) or (
        isinstance(value.get("identifier"), dict) and value.keys() <= _LOGICAL
    )


def read_reference(reference: Mapping[str, Any]) -> Target | None:
    """What a Reference points to; None where nothing outside its resource can be told."""
    stated = reference.get("reference")
    if isinstance(stated, str):
        if found := _REFERENCE.search(stated):
            return Target(found["type"], found["id"])
        if found := _URN.match(stated):
            return Target(None, found["id"])
        if found := _CONDITIONAL.search(stated):
            return Target(found["type"], identifier=(found["system"], found["value"]))
    identifier = read_identifier(reference.get("identifier"))
    kind = reference.get("type")
    return Target(kind if isinstance(kind, str) else None, identifier=identifier) if identifier else None


def find_binaries(value: Any) -> Iterator[str]:
    """The ids of the Binary resources that any text within a value points to: by a reference, or as an attachment."""
    if isinstance(value, str):
        found = _REFERENCE.search(value)
        if found and found["type"] == "Binary":
            yield found["id"]
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            yield from find_binaries(item)


def read_identifier(value: Any) -> Identifier | None:
    """System and value of an Identifier; None where it lacks one of them."""
    if not isinstance(value, dict):
        return None
    system, stated = value.get("system"), value.get("value")
    return (system, stated) if isinstance(system, str) and isinstance(stated, str) and system and stated else None
