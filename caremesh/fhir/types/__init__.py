"""FHIR R4 types: which elements a type has, what they hold, and whether they repeat.

`r4.json.gz` is built by `scripts/build_fhir_types.py` from HL7's own definitions (CC0-1.0). A part that is defined
inside another type goes by its path there (`Patient.contact`), and so does an element that borrows such a definition.
"""

from __future__ import annotations

import difflib
import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Element:
    """One element of a type; it is a choice (`value[x]`) when `choice` is true, and then has several types."""

    name: str
    types: tuple[str, ...]
    repeats: bool
    choice: bool

    def json_name(self, fhir_type: str) -> str:
        """The name in JSON when the element holds this type: `valueQuantity` for a choice."""
        return self.name + fhir_type[0].upper() + fhir_type[1:] if self.choice else self.name


@dataclass(frozen=True)
class FhirTypes:
    """All types of one FHIR version."""

    resources: frozenset[str]
    primitives: frozenset[str]
    # As they are stated in `r4.json.gz`: few of them are looked up in one run.
    elements: Mapping[str, Mapping[str, str]]
    # What each type specialises: `code` to `string`, `Age` to `Quantity`, `Patient` to `DomainResource`.
    parents: Mapping[str, str]

    def is_primitive(self, fhir_type: str) -> bool:
        """Whether values of this type are plain JSON values."""
        return fhir_type in self.primitives

    def is_type(self, name: str) -> bool:
        """Whether there is a type of that name, be it abstract (`Resource`)."""
        return name in self.parents or name in self.parents.values() or name in self.primitives

    def is_kind_of(self, fhir_type: str, other: str) -> bool:
        """Whether a type is another one, or specialises it: every `code` is a `string`."""
        kind: str | None = fhir_type
        while kind not in (None, other):
            kind = self._parent(kind or "")
        return kind == other

    def element(self, fhir_type: str, name: str) -> Element | None:
        """The element of that name, or None; parts of primitive types are those of `Element`."""
        stated = self.elements.get(self._holder(fhir_type), {})
        found = next((n for n in (name, f"{name}[x]") if n in stated), None)
        return _element(found, stated[found]) if found and not name.endswith("[x]") else None

    def element_names(self, fhir_type: str) -> tuple[str, ...]:
        """The names of all elements of a type, sorted."""
        return tuple(sorted(stated.removesuffix("[x]") for stated in self.elements.get(self._holder(fhir_type), {})))

    def has_element_named(self, name: str) -> bool:
        """Whether any type has an element of that name."""
        return any(self.element(fhir_type, name) for fhir_type in self.elements)

    def _parent(self, fhir_type: str) -> str | None:
        holder, _, nested = fhir_type.partition(".")
        if nested:
            return "BackboneElement" if holder in self.resources else "Element"
        return self.parents.get(fhir_type)

    def _holder(self, fhir_type: str) -> str:
        return "Element" if self.is_primitive(fhir_type) else fhir_type


@cache
def load_types() -> FhirTypes:
    """Read the FHIR R4 types that ship with CareMesh."""
    packed = Path(__file__).with_name("r4.json.gz").read_bytes()
    stated = json.loads(gzip.decompress(packed))
    return FhirTypes(
        resources=frozenset(stated["resources"]),
        # integer64 came with R5; views may already name it as a column type.
        primitives=frozenset(stated["primitives"]) | {"integer64"},
        elements=stated["elements"],
        parents=stated["parents"],
    )


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known names come near a name that is not known; else list them all, or the first of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "one of: " + ", ".join(names[:40]) + (", …" if len(names) > 40 else "")


def _element(name: str, text: str) -> Element:
    return Element(
        name=name.removesuffix("[x]"),
        types=tuple(text.removesuffix("*").split("|")),
        repeats=text.endswith("*"),
        choice=name.endswith("[x]"),
    )
