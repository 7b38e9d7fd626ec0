"""The FHIRPath functions on lists of items: one entry of a table each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from caremesh.fhir.fhirpath import Ast, Member, This
from caremesh.fhir.oracle.items import Item, Items, Number, as_focus, boolean, children, native, only, text_of, values
from caremesh.fhir.oracle.operators import negate, truth
from caremesh.fhir.oracle.times import boundary
from caremesh.fhir.types import load_types


@dataclass(frozen=True)
class Call:
    """What a function stands on, what it was given, and how to look at an argument from one item."""

    items: Items
    arguments: tuple[Ast, ...]
    evaluate: Callable[[Ast, Item], Items]
    focus: Item

    def argument(self, otherwise: str = "") -> str:
        """The first argument as text."""
        found = self.evaluate(self.arguments[0], self.focus) if self.arguments else []
        return text_of(found[0]) if found else otherwise


def type_name(argument: Ast) -> str:
    """An argument that names a type, without its namespace: `Patient`, `FHIR.Patient`."""
    if not isinstance(argument, Member) or not isinstance(argument.base, This | Member):
        raise TypeError("parse_view accepts the name of a type only")
    return argument.name


def _single(call: Call) -> Items:
    item = only(call.items)
    return [item] if item else []


def _is(call: Call) -> Items:
    wanted = type_name(call.arguments[0])
    return [Item("boolean", load_types().is_kind_of(i.type, wanted)) for i in _single(call)]


def _as(call: Call) -> Items:
    return [i for i in _single(call) if i.type == type_name(call.arguments[0])]


def _where(call: Call) -> Items:
    return [i for i in call.items if truth(call.evaluate(call.arguments[0], as_focus(i))) is True]


def _exists(call: Call) -> Items:
    return boolean(bool(values(_where(call) if call.arguments else call.items)))


def _extension(call: Call) -> Items:
    url = call.argument()
    extensions = [e for item in call.items for e in children(item, "extension")]
    return [e for e in extensions if [text_of(u) for u in values(children(e, "url"))] == [url]]


def _join(call: Call) -> Items:
    found = values(call.items)
    return [Item("string", call.argument().join(native(i) for i in found))] if found else []


def _reference_key(call: Call) -> Items:
    wanted = type_name(call.arguments[0]) if call.arguments else "[A-Z][A-Za-z]*"
    references = [r for item in call.items for r in values(children(item, "reference"))]
    matches = [re.fullmatch(rf"{wanted}/([^/]+)(?:/_history/[^/]+)?", native(r)) for r in references]
    return [Item("string", match.group(1)) for match in matches if match]


def _boundary(call: Call, *, low: bool) -> Items:
    item = only(call.items)
    if item is None:
        return []
    if item.type in ("date", "dateTime", "instant", "time"):
        return [Item(item.type, boundary(native(item), item.type, low=low))]
    with localcontext(prec=100):
        written = Decimal(text_of(item))
        half = Decimal(5).scaleb(int(written.as_tuple().exponent) - 1)
        return [Item("decimal", Number(str(written - half if low else written + half)))]


FUNCTIONS: Mapping[str, Callable[[Call], Items]] = {
    "where": _where,
    "exists": _exists,
    "empty": lambda call: boolean(not values(call.items)),
    "not": lambda call: boolean(negate(truth(call.items))),
    "count": lambda call: [Item("integer", len(values(call.items)))],
    "first": lambda call: values(call.items)[:1],
    "ofType": lambda call: [i for i in call.items if i.type == type_name(call.arguments[0])],
    "is": _is,
    "as": _as,
    "extension": _extension,
    "join": _join,
    "split": lambda call: [Item("string", p) for i in _single(call) for p in native(i).split(call.argument())],
    "getResourceKey": lambda call: [k for item in call.items for k in children(item, "id")],
    "getReferenceKey": _reference_key,
    "lowBoundary": lambda call: _boundary(call, low=True),
    "highBoundary": lambda call: _boundary(call, low=False),
}
