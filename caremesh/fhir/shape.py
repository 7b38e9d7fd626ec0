"""Shapes: the pruned tree of JSON containers that a view reads, and how a parsed line can contradict it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from caremesh.fhir.model import Place


@dataclass(frozen=True)
class Leaf:
    """A value without parts: read as text; a decimal as a number, or exactly as the number was written."""

    kind: Literal["text", "number", "exact"]


@dataclass(frozen=True)
class Array:
    """A JSON list whose items all have one shape."""

    item: Node


@dataclass(frozen=True)
class Struct:
    """A JSON object, with only the fields that are read, in a fixed order."""

    fields: tuple[tuple[str, Node], ...]


Node: TypeAlias = Struct | Array | Leaf


def mismatch(value: object, shape: Node) -> str | None:
    """Give the JSON path of the first place where `value` (parsed JSON) contradicts `shape`; None where nothing does.

    Only containers are held against the shape. Whether a plain value fits its leaf is for the engine to say, which also
    takes what FHIR would not write (`"1.5"` for a decimal): two judges with two opinions would be one too many.
    """
    return _find(value, shape, "$")


def _find(value: object, shape: Node, path: str) -> str | None:
    if value is None:
        return None
    if isinstance(shape, Struct):
        if not isinstance(value, dict):
            return path
        found = (_find(value.get(name), node, f"{path}.{name}") for name, node in shape.fields)
    elif isinstance(shape, Array):
        if not isinstance(value, list):
            return path
        found = (_find(item, shape.item, f"{path}[{i}]") for i, item in enumerate(value))
    else:
        return None
    return next((place for place in found if place is not None), None)


def exact_names(shape: Node) -> tuple[str, ...]:
    """The JSON names of the leaves that are read exactly as written."""
    if isinstance(shape, Array):
        return exact_names(shape.item)
    if isinstance(shape, Leaf):
        return ()
    found = {name for name, node in shape.fields if _item(node) == Leaf("exact")}
    return tuple(sorted(found.union(*(exact_names(node) for _, node in shape.fields))))


def with_numbers(shape: Struct) -> Struct:
    """The same shape with numbers as numbers, also those that are wanted exactly as written."""

    def plain(node: Node) -> Node:
        if isinstance(node, Array):
            return Array(plain(node.item))
        return with_numbers(node) if isinstance(node, Struct) else Leaf("text" if node.kind == "text" else "number")

    return Struct(tuple((name, plain(node)) for name, node in shape.fields))


def _item(node: Node) -> Node:
    return node.item if isinstance(node, Array) else node


def build_shape(places: Iterable[Place]) -> Struct:
    """Build the smallest tree that holds these places, and what every view needs of its resource."""
    tree: dict[str, _Branch] = {}
    for place in [*ALWAYS, *places]:
        _add(tree, place)
    return _struct(tree)


@dataclass
class _Branch:
    place: Place
    fields: dict[str, _Branch]


def _add(tree: dict[str, _Branch], place: Place) -> _Branch:
    holder = _add(tree, place.parent).fields if place.parent else tree
    return holder.setdefault(place.name, _Branch(place, {}))


def _struct(tree: dict[str, _Branch]) -> Struct:
    # Sorted, so that the order of columns in a view does not change the text of its SQL.
    return Struct(tuple((name, _node(tree[name])) for name in sorted(tree)))


def _node(branch: _Branch) -> Node:
    reading = branch.place.reading
    if reading == "struct":
        # A struct needs a field, also where only its presence is asked for; every FHIR element may have an id.
        item: Node = _struct(branch.fields or {"id": _Branch(Place(None, "id", False, "text"), {})})
    else:
        item = Leaf("number" if reading == "double" else reading)
    return Array(item) if branch.place.repeats else item


# What tells the resource and its identity.
ALWAYS = (Place(None, "resourceType", False, "text"), Place(None, "id", False, "text"))
