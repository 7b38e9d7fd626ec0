"""Strategies for resources: random ones, made from the FHIR types, and official examples with something changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from caremesh.fhir import load_types
from caremesh.fhir.oracle import parse_resource
from caremesh.fhir.oracle.items import Number
from caremesh.fhir.types import Element
from tests.generative.corpus import read_corpus

KINDS = (
    "Patient",
    "Observation",
    "QuestionnaireResponse",
    "Claim",
    "Encounter",
    "Condition",
    "MedicationRequest",
    "Questionnaire",
    "PlanDefinition",
    "ExplanationOfBenefit",
    "Immunization",
    "DiagnosticReport",
)
URLS = ("u", "http://e.org/x")
EXTENSION_TYPES = (
    "decimal",
    "dateTime",
    "integer",
    "string",
    "time",
    "date",
    "boolean",
    "Coding",
    "Reference",
    "Quantity",
)
EXTENSION_TYPES += ("instant", "code")
REFERENCES = (
    "Patient/p1",
    "Patient/r1",
    "Patient/p1/_history/2",
    "Group/g1",
    "Organization/a b",
    "https://example.org/fhir/Patient/p1",
    "#c1",
    "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7",
    "Patient?identifier=http://x|1",
    "Patient/",
    "Patient/p1/_history/",
    "Patient/p1/name/x",
    "patient/p1",
)
TEXTS = (
    "a",
    "b",
    "A",
    "a b",
    "é",
    "it's",
    'x"y',
    "1",
    "true",
    "a/b",
    "\\n",
    "ß",
    "😀",
    "日本",
    "a\tb",
    "line\nbreak",
    "%x",
    "{}",
)
DATES = ("2020", "2020-05", "2020-05-17", "2019-12-31", "2020-02-29", "1900-02")
CLOCKS = ("10:00:00", "10:00:00.5", "10:00:00.50", "23:30:00", "00:00:00.000", "12:34:56.789123")
ZONES = ("Z", "+02:00", "-05:00", "+00:00", "+14:00", "")
NUMBERS = (
    "0",
    "1",
    "2",
    "5",
    "1.0",
    "1.10",
    "2.50",
    "-1.5",
    "0.1",
    "0.2",
    "1e3",
    "1E-2",
    "-0.0",
    "100",
    "12.500",
    "0.3",
)
WHOLE = (0, 1, 2, 3, -1, 100, 2147483647)

MOMENTS = tuple(f"2020-05-17T{clock}{zone}" for clock in CLOCKS for zone in ZONES)
VALUES: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": WHOLE,
    "unsignedInt": WHOLE[:4],
    "positiveInt": WHOLE[1:4],
    "decimal": NUMBERS,
    "date": DATES,
    "dateTime": (*DATES, "2020-05-18T00:30:00+02:00", *MOMENTS),
    "instant": tuple(m for m in MOMENTS if not m[-1].isdigit() or m[-3] == ":"),
    "time": CLOCKS,
    "id": ("r1", "r2", "p1", "a-b.c"),
    "base64Binary": ("YQ==", "YWI="),
    "code": ("a", "b", "official", "final", "phone"),
}
# What no view reads, or what would make resources large without making them interesting.
AVOIDED = frozenset(["contained", "text", "modifierExtension", "implicitRules", "resourceType"])


def value_of(fhir_type: str) -> st.SearchStrategy[Any]:
    """A plain value of a primitive type; decimals keep the way they are written."""
    values = st.sampled_from(VALUES.get(fhir_type, TEXTS))
    return values.map(lambda n: parse_resource(f"[{n}]")[0]) if fhir_type == "decimal" else values  # type: ignore[index]


@st.composite
def resources(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """One resource of a type."""
    examples = read_corpus().get(kind, ())
    if examples and draw(st.integers(0, 3)) == 3:
        return _changed(draw, parse_resource(draw(st.sampled_from(examples))))
    maker = _Maker(draw)
    made = maker.node(kind, depth=4, most=6)
    if draw(st.booleans()):
        # Lists of every kind of value, which most types have few of.
        fhir_type = draw(st.sampled_from(EXTENSION_TYPES))
        made["extension"] = [maker.extension(fhir_type) for _ in range(draw(st.integers(2, 4)))]
    return {"resourceType": kind, "id": draw(value_of("id")), **{k: v for k, v in made.items() if k != "id"}}


@st.composite
def alike(draw: st.DrawFn, kind: str) -> list[dict[str, Any]]:
    """One to three resources of a type; most are changed copies of the first, so that a path finds something in all."""
    found = [draw(resources(kind))]
    for _ in range(draw(st.integers(0, 2))):
        found.append(draw(resources(kind)) if draw(st.integers(0, 3)) == 3 else _changed(draw, found[0]))
    return found


def encode(resource: Any) -> str:
    """One line of JSON, with decimals as they were written."""
    if isinstance(resource, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{encode(v)}" for k, v in resource.items()) + "}"
    if isinstance(resource, list):
        return "[" + ",".join(map(encode, resource)) + "]"
    return resource.written if isinstance(resource, Number) else json.dumps(resource, ensure_ascii=False)


@cache
def _names(fhir_type: str, deeper: bool) -> tuple[str, ...]:
    """The elements that a random object may have; only plain ones where it must not go deeper."""
    types = load_types()
    return tuple(
        name
        for name in types.element_names(fhir_type)
        if name not in AVOIDED
        and (element := types.element(fhir_type, name))
        and all(types.is_primitive(t) or (deeper and types.element_names(t)) for t in element.types)
    )


@dataclass(frozen=True)
class _Maker:
    draw: st.DrawFn

    def node(self, fhir_type: str, *, depth: int, most: int = 4) -> dict[str, Any]:
        """An object of a complex type, with some of its elements."""
        if fhir_type == "Reference":
            return {"reference": self.draw(st.sampled_from(REFERENCES)), **self._some(fhir_type, depth=1, most=1)}
        if fhir_type == "Extension":
            return self._extension(depth)
        return self._some(fhir_type, depth=depth, most=most)

    def _some(self, fhir_type: str, *, depth: int, most: int) -> dict[str, Any]:
        least = 3 if most > 4 else 1
        found: dict[str, Any] = {}
        names = st.lists(st.sampled_from(_names(fhir_type, depth > 1)), unique=True, min_size=least, max_size=most)
        for name in self.draw(names):
            element = load_types().element(fhir_type, name)
            assert element is not None
            found |= self._element(element, self.draw(st.sampled_from(element.types)), depth)
        return found

    def _element(self, element: Element, fhir_type: str, depth: int) -> dict[str, Any]:
        key = element.json_name(fhir_type)
        if load_types().is_primitive(fhir_type):
            return self._primitive(key, fhir_type, element.repeats)
        if not element.repeats:
            return {key: self.node(fhir_type, depth=depth - 1)}
        size = self.draw(st.sampled_from((1, 2, 2, 3, 0)))
        return {key: [self.node(fhir_type, depth=depth - 1) for _ in range(size)]}

    def _primitive(self, key: str, fhir_type: str, repeats: bool) -> dict[str, Any]:
        if not repeats:
            value, sibling = self._value(fhir_type)
            return {key: value} | ({f"_{key}": sibling} if sibling else {})
        pairs = [self._value(fhir_type) for _ in range(self.draw(st.sampled_from((2, 1, 3, 0))))]
        siblings = [s for _, s in pairs]
        return {key: [v for v, _ in pairs]} | ({f"_{key}": siblings} if any(siblings) else {})

    def _value(self, fhir_type: str) -> tuple[Any, Any]:
        """A value and its sibling; one of them may be null."""
        form = self.draw(st.sampled_from(("value",) * 6 + ("null", "both", "sibling")))
        value = self.draw(value_of(fhir_type)) if form in ("value", "both") else None
        return value, {"extension": [self._extension(1)]} if form in ("both", "sibling") else None

    def _extension(self, depth: int) -> dict[str, Any]:
        if depth > 1 and self.draw(st.booleans()):
            nested = [self._extension(depth - 1) for _ in range(self.draw(st.integers(1, 2)))]
            return {"url": self.draw(st.sampled_from(URLS)), "extension": nested}
        return self.extension(self.draw(st.sampled_from(EXTENSION_TYPES)))

    def extension(self, fhir_type: str) -> dict[str, Any]:
        """An extension with a value of a type."""
        element = load_types().element("Extension", "value")
        assert element is not None
        return {"url": self.draw(st.sampled_from(URLS))} | self._element(element, fhir_type, 2)


@dataclass(frozen=True)
class _Spot:
    """One element of a resource that can be changed."""

    holder: dict[str, Any]
    key: str
    element: Element
    type: str


def _spots(node: dict[str, Any], fhir_type: str) -> Iterator[_Spot]:
    types = load_types()
    for name in types.element_names(fhir_type):
        element = types.element(fhir_type, name)
        assert element is not None
        for inner in element.types if name not in AVOIDED else ():
            key = element.json_name(inner)
            if key in node:
                yield _Spot(node, key, element, inner)
                value = node[key]
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, dict) and not types.is_primitive(inner):
                        yield from _spots(child, inner)


def _changed(draw: st.DrawFn, resource: dict[str, Any]) -> dict[str, Any]:
    changed = {k: v for k, v in copy.deepcopy(resource).items() if k not in ("text", "contained")}
    for _ in range(draw(st.integers(0, 4))):
        spots = list(_spots(changed, changed["resourceType"]))
        if spots:
            _change(draw, draw(st.sampled_from(spots)))
    return changed


def _change(draw: st.DrawFn, spot: _Spot) -> None:
    """Delete an element, or put another value, a null, one more item or a sibling there."""
    if draw(st.booleans()):
        del spot.holder[spot.key]
    elif not load_types().is_primitive(spot.type):
        if isinstance(spot.holder[spot.key], list):
            spot.holder[spot.key].append(_Maker(draw).node(spot.type, depth=2))
    else:
        spot.holder.pop(f"_{spot.key}", None)
        spot.holder.update(_Maker(draw)._primitive(spot.key, spot.type, spot.element.repeats))
