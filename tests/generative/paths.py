"""Random FHIRPath that is valid for a type and likely to find something in the items at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar

from hypothesis import strategies as st

from caremesh.errors import ViewError
from caremesh.fhir import load_types, parse_view
from caremesh.fhir.oracle.items import Items, children, family, text_of, values
from tests.generative.resources import AVOIDED, URLS, value_of

T = TypeVar("T")
# Element names, each with the type that it has there.
Steps: TypeAlias = tuple[tuple[str, str], ...]
# How SQL holds a value, which decides what column types it can have.
Form: TypeAlias = Literal["struct", "text", "boolean", "integer", "double"]

WHOLE = ("integer", "positiveInt", "unsignedInt")
DATED = ("date", "dateTime", "instant")
REFERRED = ("Patient", "Group", "Organization", "Practitioner")
RESERVED = ("contains", "in", "is", "as", "div", "mod", "and", "or", "xor", "implies")


def is_known(path: str) -> bool:
    """Whether the compiler takes a path of Patient: some operators and functions may come later, or never."""
    try:
        parse_view(json.dumps({"resource": "Patient", "select": [{"column": [{"name": "c", "path": path}]}]}), where="")
    except ViewError:
        return False
    return True


EQUIVALENT = tuple(o for o in ("~", "!~") if is_known(f"id {o} 'x'"))
COUNTS = tuple(f for f in ("count",) if is_known("name.count()"))


@dataclass(frozen=True)
class Found:
    """A path, what it gives by its type, and the items it finds in the examples at hand."""

    text: str
    type: str
    form: Form
    many: bool = False
    items: Items = field(default_factory=list)
    root: bool = False
    # An element of the resource, or items of one; not computed.
    plain: bool = True

    def then(self, step: str, **changes: Any) -> Found:
        """The path with one more step, behind a dot or a bracket."""
        text = step if self.text == "$this" and step[0] != "[" else f"{self.text}{'' if step[0] == '[' else '.'}{step}"
        return replace(self, text=text, root=False, **changes)


def family_of(fhir_type: str) -> str:
    """Which values a type can be compared with."""
    if fhir_type in (*WHOLE, "decimal"):
        return "number"
    if fhir_type in DATED:
        return "dated"
    return fhir_type if fhir_type in ("boolean", "time") else "text"


def form_of(fhir_type: str) -> Form:
    """How SQL holds an element of a type."""
    if not load_types().is_primitive(fhir_type):
        return "struct"
    return "double" if fhir_type == "decimal" else "text"


def quote(text: str) -> str:
    """A string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"'{escaped}'"


@cache
def _offers(fhir_type: str) -> tuple[tuple[str, str], ...]:
    """The elements of a type that a path may go to, with each of their types."""
    types = load_types()
    return tuple(
        (name, inner)
        for name in types.element_names(fhir_type)
        if name not in AVOIDED and (element := types.element(fhir_type, name))
        for inner in element.types
        if types.is_primitive(inner) or types.element_names(inner)
    )


@cache
def _keys(fhir_type: str) -> dict[str, tuple[str, str]]:
    """The offers of a type by the name that JSON has for them."""
    types = load_types()
    return {
        element.json_name(inner): (name, inner)
        for name, inner in _offers(fhir_type)
        if (element := types.element(fhir_type, name))
    }


def _ways(fhir_type: str, items: Items, depth: int) -> list[Steps]:
    """Every way down to a value that some item states."""
    keys, found = _keys(fhir_type), []
    stated = {key for i in items if isinstance(i.value, dict) for key in i.value if key in keys}
    for name, inner in sorted(keys[key] for key in stated):
        below = [c for i in items for c in children(i, name) if c.type == inner]
        if load_types().is_primitive(inner):
            found.append(((name, inner),))
        elif depth > 1:
            found += [((name, inner), *rest) for rest in _ways(inner, below, depth - 1)]
    return found


class Paths:
    """Draws paths; collects the constants that they use."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.constants: list[dict[str, Any]] = []
        # Whether only steps to elements are drawn from now on, and nothing computed.
        self.plain = False
        # Most examples take care that one value stands where one is due; the others may raise.
        self.careless = self.chance(8)
        self.known: dict[tuple[Any, ...], list[Steps]] = {}

    def chance(self, percent: int) -> bool:
        """True in about so many cases of a hundred; shrinks to false."""
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def pick(self, options: Sequence[T]) -> T:
        """One of these; shrinks to the first."""
        return self.draw(st.sampled_from(options))

    # Navigation

    def step(self, base: Found, *, wants: Callable[[str], bool] = lambda _: True) -> Found:
        """`base.name`, of a type that is wanted; elements that the examples state come first."""
        offered = [offer for offer in _offers(base.type) if wants(offer[1])]
        stated = [o for o in offered if any(c.type == o[1] for i in base.items for c in children(i, o[0]))]
        usual = [o for o in offered if o[0] not in ("id", "extension")]
        name, inner = self.pick(stated if stated and not self.chance(8) else usual or offered)
        return self.member(base, name, inner)

    def member(self, base: Found, name: str, inner: str) -> Found:
        """`base.name`, with its type picked where it is a choice."""
        element = self._element(base.type, name)
        quoted = f"`{name}`" if name in RESERVED or self.chance(2) else name
        step = f"{quoted}.ofType({inner})" if element.choice else quoted
        prefix = f"{base.type}." if base.root and self.chance(3) else ""
        items = [c for i in base.items for c in children(i, name) if c.type == inner]
        many = base.many or element.repeats
        return base.then(prefix + step, type=inner, form=form_of(inner), many=many, items=items)

    def _element(self, fhir_type: str, name: str) -> Any:
        return load_types().element(fhir_type, name)

    def primitive(self, base: Found, wants: Callable[[str], bool] = lambda _: True) -> Found | None:
        """A path to plain values of a wanted type, stated ones before all; None where none was found in a few steps."""
        stated = [steps for steps in self.leaves(base) if wants(steps[-1][1])]
        if stated and not self.chance(8):
            return self.follow(base, self.pick(self._usual(stated)))
        found = base
        for _ in range(4):
            if found.form != "struct":
                break
            found = self.narrow(self.step(found, wants=lambda t: not self.primitive_type(t) or wants(t)))
        if found.form == "struct":
            leaf = lambda t: self.primitive_type(t) and wants(t)  # noqa: E731
            if not any(leaf(inner) for _, inner in _offers(found.type)):
                return None
            found = self.narrow(self.step(found, wants=leaf))
        return found if wants(found.type) else None

    def _usual(self, stated: list[Steps]) -> list[Steps]:
        # Extensions have so many values that little else would be looked at.
        plain = [steps for steps in stated if all(name != "extension" for name, _ in steps)]
        return plain if plain and not self.chance(25) else stated

    def follow(self, base: Found, steps: Steps) -> Found:
        """The path of these steps, perhaps with some of the items picked on the way."""
        found = base
        for name, inner in steps:
            found = self.member(found, name, inner)
            narrowed = self.narrow(found)
            # After another kind of step, such as extension(), the rest does not fit any more.
            found = narrowed if narrowed.type == found.type else found
        return found

    def leaves(self, base: Found) -> list[Steps]:
        """The ways from a place to the plain values that the examples state."""
        key = (base.type, *(id(i.value) for i in base.items))
        if key not in self.known:
            self.known[key] = [s for s in _ways(base.type, base.items, 5) if self.primitive_type(s[-1][1])]
        return self.known[key]

    def primitive_type(self, fhir_type: str) -> bool:
        """Whether values of this type are plain JSON values."""
        return load_types().is_primitive(fhir_type)

    def narrow(self, found: Found) -> Found:
        """Perhaps pick some of the items."""
        if self.plain or not self.chance(20):
            return found
        if found.form == "struct" and self.chance(25):
            return self.extension(found)
        if found.many:
            return self.pick((self.first, self.index, self.where))(found)
        return self.where(found) if self.chance(30) else found

    def first(self, found: Found) -> Found:
        """The first value."""
        return found.then("first()", many=False, items=values(found.items)[:1])

    def index(self, found: Found) -> Found:
        """The item at a position."""
        position = self.draw(st.integers(0, 2))
        text = self.constant("integer", position) if self.chance(10) else str(position)
        return found.then(f"[{text}]", many=False, items=[i for i in found.items if i.placed][position:][:1])

    def where(self, found: Found) -> Found:
        """The items that meet a criterion."""
        focus = replace(found, text="$this", many=False, root=False)
        return found.then(f"where({self.criterion(focus, depth=1)})")

    def extension(self, found: Found) -> Found:
        """The extensions of an element with a URL."""
        items = [e for i in found.items for e in children(i, "extension")]
        url = self.pick(URLS)
        return found.then(f"extension('{url}')", type="Extension", form="struct", many=True, items=items)

    def single(self, found: Found) -> Found:
        """The path where one value is due; now and then several values are left to be an error."""
        return self.first(found) if found.many and not (self.careless and self.chance(50)) else found

    # Values

    def constant(self, fhir_type: str, value: Any) -> str:
        """`%name` for a value, which the view must then state."""
        name = f"k{len(self.constants)}"
        self.constants.append({"name": name, f"value{fhir_type[0].upper()}{fhir_type[1:]}": value})
        return f"%{name}"

    def literal(self, found: Found) -> str:
        """A literal or constant to compare a path with, often with the very value that it finds."""
        stated = [i for i in values(found.items) if family(i) == family_of(found.type)]
        drawn = self.draw(value_of(found.type))
        text = text_of(self.pick(stated)) if stated and self.chance(70) else drawn
        text = text if isinstance(text, str) else json.dumps(text)
        kind = family_of(found.type)
        if kind != "number" and self.chance(15):
            return self.constant(found.type, text == "true" if kind == "boolean" else text)
        return self._written(kind, getattr(drawn, "written", text) if kind == "number" and not stated else text)

    def _written(self, kind: str, text: str) -> str:
        if kind == "text":
            return quote(text)
        if kind == "dated":
            kept = text[: self.pick((len(text), len(text), 4, 7, 10))]
            # The same moment, written otherwise.
            zones = ("Z", "+00:00") if "." in kept else ("Z", "+00:00", ".0Z")
            return f"@{kept.replace('Z', self.pick(zones))}"
        return f"@T{text}" if kind == "time" else text

    def values_of(self, base: Found, kind: str) -> Found | None:
        """A path to plain values that can be compared with a kind."""
        return self.primitive(base, lambda t: family_of(t) == kind and t != "xhtml")

    # Conditions

    def criterion(self, base: Found, *, depth: int) -> str:
        """One boolean."""
        if base.form != "struct":
            return self._of_value(base)
        kinds = ("compare", "exists", "lists", "member", "logic", "compare", "lists", "truth", "not", "type", *COUNTS)
        kind = self.pick(kinds if depth > 0 else ("exists", "compare", "truth"))
        if kind == "exists":
            return self._exists(base, depth)
        if kind == "truth":
            found = self.values_of(base, "boolean")
            return self.single(found).text if found else "true"
        if kind == "logic":
            operator = self.pick(("and", "or", "xor", "implies"))
            return f"({self.criterion(base, depth=depth - 1)}) {operator} ({self.criterion(base, depth=depth - 1)})"
        if kind == "not":
            return f"({self.criterion(base, depth=depth - 1)}).not()"
        if kind == "count":
            return f"{self.walk(base).text}.count() {self.pick(('=', '>', '<='))} {self.draw(st.integers(0, 3))}"
        return self._typed(base) if kind == "type" else self._compared(base, kind)

    def _typed(self, base: Found) -> str:
        """Which type a choice element holds."""
        elements = [self._element(base.type, n) for n in load_types().element_names(base.type)]
        # The fifty types of an extension's value make views that take an engine a second to plan.
        choices = [e.name for e in elements if e.choice and len(e.types) < 20]
        if not choices:
            return f"{self.walk(base).text}.exists()"
        name = self.pick(choices)
        stated = [c.type for i in base.items for c in children(i, name)]
        wanted = self.pick(stated or self._element(base.type, name).types)
        if self.chance(25):
            wanted = load_types().parents[wanted]
        return f"{base.then(name).text} is {wanted}"

    def _of_value(self, base: Found) -> str:
        if base.type == "boolean" and self.chance(50):
            return "$this"
        if family_of(base.type) == "boolean":
            return f"$this {self.pick(('=', '!='))} {self.literal(base)}"
        return f"$this {self.pick(('=', '!=', '<', '>=', *EQUIVALENT[:1]))} {self.literal(base)}"

    def _exists(self, base: Found, depth: int) -> str:
        found = self.walk(base)
        if found.many and depth > 0 and self.chance(20):
            inner = self.criterion(replace(found, text="$this", many=False, root=False), depth=0)
            return f"{found.text}.exists({inner})"
        return f"{found.text}.{self.pick(('exists()', 'empty()'))}"

    def walk(self, base: Found) -> Found:
        """A path of one to three steps to anything."""
        stated = self.leaves(base)
        if stated and not self.chance(10):
            steps = self.pick(self._usual(stated))
            return self.follow(base, steps[: self.draw(st.integers(1, len(steps)))])
        found = self.step(base)
        for _ in range(self.draw(st.integers(0, 2))):
            found = self.narrow(self.step(found)) if found.form == "struct" else found
        return found

    def _compared(self, base: Found, kind: str) -> str:
        dated = self.primitive(base, lambda t: t in DATED) if self.chance(25) else None
        left = dated or self.primitive(base, lambda t: t != "xhtml")
        if left is None:
            return "true"
        family = family_of(left.type)
        right = self.values_of(base, family) if self.chance(25) else None
        if kind == "member":
            operator = self.pick(("in", "contains"))
            sides = (self.single(left).text, right.text) if right else (self.literal(left), left.text)
            return " ".join((sides[0], operator, sides[1]) if operator == "in" else (sides[1], operator, sides[0]))
        if kind == "lists":
            other = right.text if right else self.literal(left)
            return f"{left.text} {self.pick(('=', '!=', *EQUIVALENT))} {other}"
        other = self.single(right).text if right else self.literal(left)
        operators = ("=", "!=") if family == "boolean" else ("=", "<", "!=", ">", "<=", ">=", *EQUIVALENT[:1])
        return f"{self.single(left).text} {self.pick(operators)} {other}"

    # Computed values

    def text(self, base: Found) -> Found | None:
        """A computed text."""
        left = self.values_of(base, "text")
        if left is None:
            return None
        if self.chance(20):
            parted = f"{self.single(left).text}.split({quote(self.pick(('a', '/', ' ')))})"
            return replace(left, text=parted, type="string", many=True, plain=False, items=[])
        if self.chance(40):
            joined = f"{left.text}.join({quote(self.pick((',', '', ', ', chr(39))))})"
            return replace(left, text=joined, type="string", many=False, plain=False)
        right = self.values_of(base, "text") if self.chance(50) else None
        other = self.single(right).text if right else self.literal(left)
        operator = self.pick(("+", "&"))
        return Found(f"({self.single(left).text} {operator} {other})", "string", "text", plain=False)

    def number(self, base: Found) -> Found | None:
        """A computed number."""
        if COUNTS and self.chance(25):
            return Found(f"{self.walk(base).text}.count()", "integer", "integer", plain=False)
        left = self.values_of(base, "number")
        if left is None:
            return None
        right = self.values_of(base, "number") if self.chance(40) else None
        other = self.single(right).text if right else self.literal(left)
        operator = self.pick(("+", "-", "*", "/", "div", "mod"))
        text = f"({self.single(left).text} {operator} {other})"
        of_wholes = left.type in WHOLE and (right.type in WHOLE if right else other.lstrip("-").isdigit())
        whole = operator == "div" or (operator != "/" and of_wholes)
        text = f"(-{text})" if self.chance(5) else text
        return Found(text, "integer" if whole else "decimal", "integer" if whole else "double", plain=False)

    def boundary(self, base: Found) -> Found | None:
        """A boundary of a date, time or decimal."""
        found = self.primitive(base, lambda t: t in (*DATED, "time", "decimal"))
        if found is None:
            return None
        return self.single(found).then(self.pick(("lowBoundary()", "highBoundary()")), many=False, plain=False)

    def key(self, base: Found) -> Found | None:
        """The key of the resource, or of a reference."""
        if base.root and self.chance(30):
            return base.then("getResourceKey()", type="id", form="text")
        found = base
        for _ in range(3):
            if found.type == "Reference" or found.form != "struct":
                break
            found = self.step(found, wants=lambda t: not self.primitive_type(t) or t == "Reference")
        if found.type != "Reference":
            return None
        wanted = self.pick(("", *REFERRED[: 1 + self.draw(st.integers(0, 3))]))
        return found.then(f"getReferenceKey({wanted})", type="string", form="text", items=[], plain=False)

    def union(self, base: Found) -> Found | None:
        """The distinct values of two paths."""
        left = self.primitive(base, lambda t: t != "xhtml")
        right = left and self.primitive(base, lambda t: t == left.type)
        if left is None or right is None:
            return None
        return replace(
            left, text=f"({left.text} | {right.text})", many=True, plain=False, items=left.items + right.items
        )
