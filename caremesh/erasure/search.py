"""The search for all that belongs to one person, over files of lines: until a pass over them finds nothing new.

What one line says decides about every version of a resource. Where versions name different patients, the newest one
counts: a result that was moved to the right patient is that patient's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from caremesh.fhir.belongings import (
    OUTLIVING,
    Belongings,
    Identifier,
    Key,
    find_binaries,
    find_targets,
    read_identifier,
)
from caremesh.fhir.cleansing import embedded_resources, parse_resource
from caremesh.sources.erasing import read_lines
from caremesh.sources.sieve import Version, version_of

_Place = tuple[Version, int, int]


@dataclass(frozen=True)
class SearchedFile:
    """A file of lines, and the type of the resources in it; files are searched in the order of their exports."""

    path: Path
    resource_type: str


@dataclass
class Found:
    """What was found: hers; what became somebody else's; other Patient records that are linked with hers."""

    belongings: Belongings
    contested: set[Key] = field(default_factory=set)
    linked: set[Key] = field(default_factory=set)


def search(subject: Key, files: Sequence[SearchedFile], *, seeds: Iterable[Key] = ()) -> Found:
    """Find all that belongs to a patient; `seeds` are resources that are known to be hers."""
    known = (subject, *seeds)
    contested: set[Key] = set()
    shared: set[Identifier] = set()
    while True:
        attempt = _Attempt(subject, Found(Belongings(k for k in known if k not in contested), contested), shared)
        if attempt.finish(files):
            return attempt.found


@dataclass
class _Attempt:
    """One search, which ends early where something turns out not to be hers alone."""

    subject: Key
    found: Found
    shared: set[Identifier]
    newest: dict[Key, tuple[_Place, bool]] = field(default_factory=dict)

    def finish(self, files: Sequence[SearchedFile]) -> bool:
        """Pass over the files until nothing is added; False where all has to begin anew."""
        while True:
            before = (len(self.found.belongings.keys), len(self.found.belongings.identifiers))
            doubts = (len(self.found.contested), len(self.shared))
            for order, file in enumerate(files):
                self._search(order, file)
            self.found.contested.update(
                key for key, (_, is_anothers) in self.newest.items() if is_anothers and key != self.subject
            )
            if doubts != (len(self.found.contested), len(self.shared)):
                return False
            if before == (len(self.found.belongings.keys), len(self.found.belongings.identifiers)):
                return True

    def _search(self, order: int, file: SearchedFile) -> None:
        for line in read_lines(file.path):
            if not self.found.belongings.may_be_in(line.text):
                continue
            resource = parse_resource(line.text)
            if resource is None:
                continue
            for each in (resource, *embedded_resources(resource)):
                if each.get("resourceType") != "Bundle":
                    self._look(each, (version_of(each), order, line.number))

    def _look(self, resource: dict[str, Any], place: _Place) -> None:
        belongings = self.found.belongings
        key = (str(resource.get("resourceType")), str(resource.get("id")))
        whose = belongings.whose(resource)
        if key[0] == "Patient":
            self._look_at_patient(key, resource)
        if whose != "hers" and key not in belongings.keys:
            # A document that somebody else's record points to is not hers alone.
            claimed = {("Binary", name) for name in find_binaries(resource)}
            self.found.contested.update(claimed & belongings.keys)
            return
        if key in self.found.contested or key[0] in OUTLIVING:
            return
        if isinstance(resource.get("id"), str):
            belongings.add(key)
            self.newest[key] = max(self.newest.get(key, (place, False)), (place, whose == "another's"))
        for name in find_binaries(resource):
            if ("Binary", name) not in self.found.contested:
                belongings.add(("Binary", name))

    def _look_at_patient(self, key: Key, patient: dict[str, Any]) -> None:
        stated = patient.get("identifier")
        identifiers = {i for item in (stated if isinstance(stated, list) else ()) if (i := read_identifier(item))}
        others = {(t.type or "", t.id or "") for t in find_targets(patient.get("link")) if t.type == "Patient"}
        if key == self.subject:
            for identifier in identifiers - self.shared:
                self.found.belongings.identify(identifier)
            self.found.linked.update(others - {key})
        else:
            self.shared.update(identifiers & self.found.belongings.identifiers)
            self.found.linked.update([key] if self.subject in others else [])
