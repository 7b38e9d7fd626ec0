"""A strategy for views: every construct of SQL on FHIR, over paths that are likely to find something."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from caremesh.fhir import load_types
from caremesh.fhir.oracle.items import Item, Items, children
from tests.generative.paths import DATED, WHOLE, Form, Found, Paths, family_of
from tests.generative.resources import KINDS, alike, encode

# Names that SQL, the compiler or the resource's own columns use, beside ordinary ones.
NAMES = ("id", "a", "b", "order", "group", "v", "x_1", "e_1", "i_1", "c_1", "k_1", "w_1", "name", "q", "src", "TT", "u")
NAMES += ("status", "item", "Value", "l_e_1", "t", "r_a", "select", "d", "f", "g", "h", "j", "k", "l", "m", "n", "o")
VALUES = ("plain",) * 5 + ("condition",) * 2 + ("text", "number", "boundary", "key", "union", "index", "literal")
PROBES = ("condition",) * 8 + ("text", "number", "number", "boundary", "boundary", "key", "union")
LITERALS = {"string": "'x'", "boolean": "true", "integer": "7", "decimal": "1.5"}


@st.composite
def examples(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A view as JSON text, and one to three lines of resources."""
    kind = draw(st.sampled_from(KINDS))
    found = draw(alike(kind))
    view = _Views(draw).view(kind, [Item(kind, resource) for resource in found])
    return json.dumps(view), [encode(resource) for resource in found]


class _Views:
    def __init__(self, draw: st.DrawFn) -> None:
        self.paths = Paths(draw)
        self.draw = draw
        self.names = 0
        self.repeats = 0
        self.first_name = draw(st.integers(0, len(NAMES) - 1))

    def view(self, kind: str, items: Items) -> dict[str, Any]:
        root = Found("$this", kind, "struct", items=items, root=True)
        view: dict[str, Any] = {"resourceType": "ViewDefinition", "resource": kind}
        if self.paths.chance(40):
            view["select"] = [self.probes(root)]
        else:
            view["select"] = [self.select(root, depth=2) for _ in range(self.paths.pick((1, 1, 2)))]
        if self.paths.chance(25):
            view["where"] = [{"path": self.paths.criterion(root, depth=2)}]
        if self.paths.constants:
            view["constant"] = self.paths.constants
        return view

    def name(self) -> str:
        self.names += 1
        turn, place = divmod(self.first_name + self.names, len(NAMES))
        return NAMES[place] + (f"_{self.names}" if turn and self.names >= len(NAMES) - 1 else "")

    # Selects

    def probes(self, root: Found) -> dict[str, Any]:
        """A flat select with many computed columns, since a wide view costs an engine little more than a narrow one."""
        select: dict[str, Any] = {}
        inner = self.iteration(select, root)
        return select | {"column": [self.column(inner, PROBES) for _ in range(self.draw(st.integers(2, 12)))]}

    def select(self, focus: Found, *, depth: int) -> dict[str, Any]:
        """A select with columns, nested selects and a union, below an iteration or none."""
        select: dict[str, Any] = {}
        inner = self.iteration(select, focus)
        columns = [self.column(inner) for _ in range(self.paths.pick((2, 1, 3, 0, 4)))]
        if columns:
            select["column"] = columns
        if depth and (self.paths.chance(30) or not columns):
            select["select"] = [self.select(inner, depth=depth - 1) for _ in range(self.paths.pick((1, 1, 2)))]
        if depth and self.paths.chance(25):
            select["unionAll"] = self.union(inner, self.same_columns(), depth=depth)
        if not select.keys() & {"column", "select", "unionAll"}:
            select["column"] = [self.column(inner)]
        return select

    def same_columns(self) -> list[dict[str, Any]]:
        """What the branches of a union agree on: the names, types and cardinalities of their columns."""
        found = []
        for _ in range(self.paths.pick((1, 2, 3))):
            column = {"name": self.name(), "type": self.paths.pick(("string", "boolean", "integer", "decimal"))}
            found.append(column | ({"collection": True} if self.paths.chance(25) else {}))
        return found

    def union(self, focus: Found, columns: list[dict[str, Any]], *, depth: int) -> list[dict[str, Any]]:
        return [self.branch(focus, columns, depth=depth) for _ in range(self.paths.pick((2, 1, 3)))]

    def branch(self, focus: Found, columns: list[dict[str, Any]], *, depth: int) -> dict[str, Any]:
        select: dict[str, Any] = {}
        inner = self.iteration(select, focus)
        if depth and self.paths.chance(15):
            return select | {"unionAll": self.union(inner, columns, depth=depth - 1)}
        filled = [column | {"path": self.path_of_type(inner, column)} for column in columns]
        return select | ({"select": [{"column": filled}]} if self.paths.chance(10) else {"column": filled})

    def path_of_type(self, focus: Found, column: dict[str, Any]) -> str:
        """A path whose values a column of this type takes."""
        kind = column["type"]
        if focus.form != "struct":
            return focus.text if kind == "string" and focus.form == "text" else LITERALS[kind]
        if kind == "boolean" and not self.paths.plain and self.paths.chance(50):
            return self.paths.criterion(focus, depth=1)
        if kind == "integer" and not column.get("collection") and self.paths.chance(50):
            return "%rowIndex"
        wanted = WHOLE if kind == "integer" else ("decimal",) if kind == "decimal" else ()
        family = "text" if kind == "string" else kind
        found = self.paths.primitive(focus, lambda t: t in wanted or (t != "xhtml" and family_of(t) == family))
        if found is None or self.paths.chance(10):
            return LITERALS[kind]
        return found.text if column.get("collection") else self.paths.single(found).text

    def iteration(self, select: dict[str, Any], focus: Found) -> Found:
        """Perhaps add an iteration to a select; give the focus below it."""
        kind = self.paths.pick(("none", "none", "forEach", "forEachOrNull", "repeat"))
        if focus.form != "struct" or kind == "none":
            return focus
        if kind == "repeat":
            return self.repeat(select, focus) or focus
        return self.iterate(select, kind, focus)

    def iterate(self, select: dict[str, Any], kind: str, focus: Found) -> Found:
        found = self.paths.walk(focus)
        select[kind] = found.text
        return replace(found, text="$this", many=False, root=False)

    def repeat(self, select: dict[str, Any], focus: Found) -> Found | None:
        """Repeat one element that holds itself, or a pair of paths that meet in it; None where there is none."""
        types = load_types()
        offered = []
        for name in types.element_names(focus.type):
            element = types.element(focus.type, name)
            if element and not element.choice and name != "contained":
                inner = types.element(element.types[0], name)
                if inner and inner.types == element.types and not types.is_primitive(inner.types[0]):
                    offered.append(name)
        # Repeats multiply: each unrolls to dozens of places, and those of a repeat below stand in all of them.
        if not offered or not self.paths.chance(20 if self.repeats else 35 if offered == ["extension"] else 100):
            return None
        name = self.paths.pick(offered)
        element = types.element(focus.type, name)
        assert element is not None
        paths = [name]
        if element.types[0] == "QuestionnaireResponse.item" and not self.repeats and self.paths.chance(50):
            paths.append("answer.item")
        select["repeat"] = paths
        self.repeats += 1
        # What is computed in each of so many places makes SQL that an engine takes minutes to plan.
        self.paths.plain = self.repeats > 1 or len(paths) > 1
        items = [i for item in focus.items for i in self._nodes(item, paths)]
        return Found("$this", element.types[0], "struct", items=items)

    def _nodes(self, item: Item, paths: list[str]) -> Items:
        found: Items = []
        for path in paths:
            nodes = [item]
            for name in path.split("."):
                nodes = [c for n in nodes for c in children(n, name)]
            found += [d for n in nodes for d in (n, *self._nodes(n, paths))]
        return found

    # Columns

    def column(self, focus: Found, kinds: tuple[str, ...] = VALUES) -> dict[str, Any]:
        found = self.value(focus, kinds)
        column: dict[str, Any] = {"name": self.name(), "path": found.text}
        if self.paths.chance(70 if found.many else 5):
            column["collection"] = True
        elif found.many:
            column["path"] = self.paths.single(found).text
        return column | self.typed(found)

    def value(self, focus: Found, kinds: tuple[str, ...]) -> Found:
        paths = self.paths
        if focus.form != "struct":
            return focus
        kind = "plain" if paths.plain else paths.pick(kinds)
        if kind == "index":
            return Found("%rowIndex", "integer", "integer", plain=False)
        if kind == "condition":
            return Found(paths.criterion(focus, depth=2), "boolean", "boolean", plain=False)
        if kind == "literal":
            fhir_type = paths.pick(tuple(LITERALS))
            form: Form = "text" if fhir_type == "string" else "double" if fhir_type == "decimal" else fhir_type
            return Found(LITERALS[fhir_type], fhir_type, form, plain=False)
        computed = {
            "text": paths.text,
            "number": paths.number,
            "boundary": paths.boundary,
            "key": paths.key,
            "union": paths.union,
            "plain": lambda base: paths.primitive(base, lambda t: t != "xhtml"),
        }[kind](focus)
        return computed or Found("id", "string", "text")

    def typed(self, found: Found) -> dict[str, Any]:
        """A type, or a tag with an SQL type, that the value can have."""
        if not self.paths.chance(30):
            return {"type": found.type} if self.paths.chance(40) else {}
        tags: tuple[str, ...] = ()
        if found.type in DATED and found.form == "text":
            tags = ("DATE", "TIMESTAMP", "VARCHAR")
            tags += ("TIMESTAMP WITH TIME ZONE",) if found.type == "instant" else ()
        elif found.type in WHOLE:
            tags = ("BIGINT", "DOUBLE", "VARCHAR")
        elif found.type == "decimal" and found.plain:
            tags = ("VARCHAR", "DECIMAL(20,3)", "DOUBLE")
        return {"tag": [{"name": "ansi/type", "value": self.paths.pick(tags)}]} if tags else {}


def sample(count: int, *, number: int = 0) -> list[tuple[str, list[str]]]:
    """So many examples, the same for a seed: a view as JSON text, and the lines of its resources."""
    found: list[tuple[str, list[str]]] = []

    @seed(number)
    @settings(
        max_examples=2 * count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(examples())
    def collect(example: tuple[str, list[str]]) -> None:
        found.append(example)

    collect()
    return found[:count]
