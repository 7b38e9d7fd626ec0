"""What the interpreter computes with: lists of items, each a plain Python value with its FHIR type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, TypeAlias

from caremesh.errors import ViewError
from caremesh.fhir.types import FhirTypes, load_types

WHOLE = ("integer", "positiveInt", "unsignedInt", "integer64")
DATED = ("date", "dateTime", "instant")


class OracleError(ViewError):
    """The data gives a path something that it cannot hold; what SQL raises when it runs.

    `avoidable` says that an engine may give rows all the same: the failing part decides nothing, and no rule says that
    it must be looked at.
    """

    def __init__(self, message: str, *, avoidable: bool = False) -> None:
        """Keep what was found; never row content."""
        super().__init__(message)
        self.avoidable = avoidable


class Number(float):
    """A decimal that still knows how it was written: 1.10, 1e3."""

    written: str

    def __new__(cls, written: str) -> Number:
        """Read a number as JSON or FHIRPath writes it."""
        made = super().__new__(cls, written)
        made.written = written
        return made


@dataclass(frozen=True)
class Item:
    """One value.

    `value` is a dict for a complex type and None where JSON has null or only a `_name` sibling; `element` is that
    sibling. `placed` is false for what can be asked for its extensions, but is no item of its list.
    """

    type: str
    value: Any
    element: Any = None
    placed: bool = True


Items: TypeAlias = list[Item]


def parse_resource(line: str) -> dict[str, Any]:
    """Parse one resource, with its decimals as they were written."""
    parsed: dict[str, Any] = json.loads(line, parse_float=Number)
    return parsed


def values(items: Iterable[Item]) -> Items:
    """The items that are values: without the nulls of a JSON array."""
    return [i for i in items if i.value is not None]


def as_focus(item: Item) -> Item:
    """The item as `$this`: a null keeps its place in its list only, not in what is computed from it."""
    return item if item.value is not None else replace(item, placed=False)


def only(items: Sequence[Item], message: str = "path: more than one value where one is due") -> Item | None:
    """The one value there is, or None; raise OracleError where there are several."""
    found = values(items)
    if len(found) > 1:
        raise OracleError(message)
    return found[0] if found else None


def children(item: Item, name: str) -> Items:
    """`item.name`; nothing where the type has no such element."""
    types = load_types()
    element = types.element(item.type, name)
    holder = item.value if isinstance(item.value, dict) else item.element
    if element is None or not isinstance(holder, dict):
        return []
    return [
        child
        for fhir_type in element.types
        for child in _read(holder, element.json_name(fhir_type), fhir_type, element.repeats, types)
    ]


def _read(holder: dict[str, Any], key: str, fhir_type: str, repeats: bool, types: FhirTypes) -> Items:
    value, sibling = holder.get(key), None
    if types.is_primitive(fhir_type):
        sibling = holder.get(f"_{key}")
    if not repeats:
        known = value is not None or sibling is not None
        return [Item(fhir_type, value, sibling, placed=value is not None)] if known else []
    pairs = zip_longest(value or [], sibling or [])
    places = len(value or [])
    return [Item(fhir_type, v, s, placed=index < places) for index, (v, s) in enumerate(pairs)]


def boolean(value: bool | None) -> Items:
    """A boolean, or nothing for the unknown."""
    return [] if value is None else [Item("boolean", value)]


def text_of(item: Item) -> str:
    """The value as JSON writes it, without the quotes of a string."""
    value = item.value
    if isinstance(value, Number):
        return value.written
    return value if isinstance(value, str) else json.dumps(value)


def family(item: Item) -> str:
    """Which values an item can be compared with: number, boolean, dated, time or text."""
    if item.type in (*WHOLE, "decimal"):
        return "number"
    if item.type in DATED:
        return "dated"
    return item.type if item.type in ("boolean", "time") else "text"


def native(item: Item) -> Any:
    """The value to compute with: bool, int, float or str; raise OracleError where JSON has another kind of value."""
    if item.type in WHOLE:
        return _whole(item)
    if item.type == "decimal":
        return float(item.value)
    if item.type == "boolean" and text_of(item) not in ("true", "false"):
        raise OracleError("a boolean cannot be read")
    return text_of(item) == "true" if item.type == "boolean" else text_of(item)


def _whole(item: Item) -> int:
    if not re.fullmatch(r"-?[0-9]+", text_of(item)):
        raise OracleError(f"a {item.type} cannot be read")
    return int(text_of(item))
