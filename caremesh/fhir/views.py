"""ViewDefinition JSON → the typed model of a view, or a ViewError that says what, where and what next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from caremesh.errors import ViewError
from caremesh.fhir.definition import (
    ColumnDefinition,
    ConstantDefinition,
    SelectDefinition,
    ViewDefinition,
    read_definition,
)
from caremesh.fhir.fhirpath import FhirPathError, parse
from caremesh.fhir.model import ROOT, Column, Constant, Expression, Iteration, Repeat, RowIndex, Select, Variable, View
from caremesh.fhir.operands import to_boolean
from caremesh.fhir.repeats import UnevenLevelsError, Unroller
from caremesh.fhir.resolve import constant, resolve
from caremesh.fhir.scope import Scope, UnknownElementError, as_written, plain, presence_of_root, root_of
from caremesh.fhir.types import load_types, suggest
from caremesh.fhir.union import describe, unify

SQL_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "integer64": "bigint",
    "decimal": "double",
}
# What the tag `ansi/type` may say, and the neutral name for it.
ANSI_TYPES = {
    "VARCHAR": "varchar",
    "CHARACTER VARYING": "varchar",
    "BOOLEAN": "boolean",
    "INT": "integer",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double",
    "DOUBLE PRECISION": "double",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
# What SQL can make of a value, by the way it is held.
CASTS = {
    "text": (
        "varchar",
        "boolean",
        "integer",
        "bigint",
        "double",
        "decimal",
        "date",
        "timestamp",
        "timestamp with time zone",
    ),
    "boolean": ("boolean", "varchar"),
    "integer": ("integer", "bigint", "double", "varchar"),
    "double": ("double",),
}
DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\(\s*(\d+)\s*,\s*(\d+)\s*\)")
DATED = ("date", "dateTime", "instant")


def parse_view(text: str, *, where: str, repeat_levels: int | None = None) -> View:
    """Read and validate a ViewDefinition; `where` (its file) opens the place that an error names.

    `repeat_levels` says how deep a repeat goes; by default as deep as the number of places stays bearable.
    """
    definition = read_definition(text, where=where)
    types = load_types()
    if definition.resource not in types.resources:
        hint = suggest(definition.resource, types.resources)
        raise ViewError(f"{definition.resource!r} is no FHIR R4 resource", where=f"{where}: $.resource", hint=hint)
    return _Reader(where, definition, repeat_levels).read()


@dataclass(frozen=True)
class _Reader:
    """Walks the definition and keeps the JSON path for the errors."""

    where: str
    definition: ViewDefinition
    repeat_levels: int | None

    def read(self) -> View:
        """Read the view; once more where that showed decimals that are wanted as written."""
        focus = Variable(type=self.definition.resource, form="struct", name=ROOT)
        scope = Scope(load_types(), self.definition.resource, focus, self.constants())
        view = self.view(scope)
        return self.view(replace(scope, exact=frozenset(scope.noted))) if scope.noted else view

    def view(self, scope: Scope) -> View:
        select = Select(
            selects=tuple(self.select(s, scope, f"$.select[{i}]") for i, s in enumerate(self.definition.select))
        )
        conditions = tuple(
            self.path(w.path, scope, f"$.where[{i}].path", lambda e: to_boolean(e, 1))
            for i, w in enumerate(self.definition.where)
        )
        self.check_columns(select)
        return View(resource=self.definition.resource, where=conditions, select=select)

    def refuse(self, message: str, place: str, hint: str | None = None) -> NoReturn:
        raise ViewError(message, where=f"{self.where}: {place}", hint=hint)

    def check_columns(self, select: Select) -> None:
        names = [c.name.lower() for c in select.all_columns]
        if not names:
            self.refuse("the view has no column", "$.select", hint='"column": [{"name": "id", "path": "id"}]')
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            self.refuse(f"columns stand twice: {', '.join(twice)}", "$.select", hint="give each its own name")

    def constants(self) -> dict[str, Constant]:
        found: dict[str, Constant] = {}
        for index, stated in enumerate(self.definition.constant):
            place = f"$.constant[{index}]"
            if stated.name in found or stated.name == "rowIndex":
                self.refuse(f"constant {stated.name!r} is already there", place)
            found[stated.name] = self.constant(stated, place)
        return found

    def constant(self, stated: ConstantDefinition, place: str) -> Constant:
        written, value = stated.kind, stated.value
        primitives = load_types().primitives
        known = {t[0].upper() + t[1:]: t for t in primitives}
        if written not in known:
            self.refuse(f"value{written} is no primitive", place, hint=suggest(written, known))
        try:
            return constant(known[written], value)
        except ValueError as error:
            self.refuse(str(error), f"{place}.value{written}")

    def path(
        self, text: str, scope: Scope, place: str, then: Callable[[Expression], Expression] = lambda found: found
    ) -> Expression:
        try:
            return then(plain(resolve(parse(text), scope), 1))
        except FhirPathError as error:
            self.refuse_path(text, error, place)

    def repeat_path(self, text: str, scope: Scope, place: str) -> Expression | None:
        """A path of a repeat; None where only this type lacks the element: not each path exists at each level."""
        try:
            return plain(resolve(parse(text), scope), 1)
        except UnknownElementError as error:
            if scope.types.has_element_named(error.name):
                return None
            self.refuse_path(text, error, place)
        except FhirPathError as error:
            self.refuse_path(text, error, place)

    def refuse_path(self, text: str, error: FhirPathError, place: str) -> NoReturn:
        self.refuse(f"{error.message} (character {error.position} of {text!r})", place, hint=error.hint)

    def select(self, stated: SelectDefinition, scope: Scope, place: str) -> Select:
        if stated.repeat:
            return Select(repeat=self.repeat(stated, scope, place))
        iteration, inner = self.iteration(stated, scope, place)
        return replace(self.body(stated, inner, place), iteration=iteration)

    def body(self, stated: SelectDefinition, scope: Scope, place: str) -> Select:
        """What stands below the iteration of a select."""
        nested = tuple(self.select(s, scope, f"{place}.select[{i}]") for i, s in enumerate(stated.select))
        branches = tuple(self.select(s, scope, f"{place}.unionAll[{i}]") for i, s in enumerate(stated.unionAll))
        columns = tuple(self.column(c, scope, f"{place}.column[{i}]") for i, c in enumerate(stated.column))
        return Select(columns=columns, selects=nested, union=self.union(branches, place) if branches else ())

    def repeat(self, stated: SelectDefinition, scope: Scope, place: str) -> Repeat:
        def find(text: str, at: Scope) -> Expression | None:
            return self.repeat_path(text, at, f"{place}.repeat[{stated.repeat.index(text)}]")

        unroller = Unroller(stated.repeat, find, lambda at: self.body(stated, at, place), describe)
        try:
            found = unroller.unroll(scope, levels=self.repeat_levels)
        except UnevenLevelsError:
            self.refuse("the columns differ in type from level to level", f"{place}.repeat", hint="one repeat for each")
        return found or Repeat(levels=(), index=scope.index, columns=tuple(self.void(stated, place)))

    def void(self, stated: SelectDefinition, place: str) -> Iterator[Column]:
        """The columns of a select whose repeat never finds anything: only their stated types are known."""
        for index, column in enumerate(stated.column):
            nothing = Constant(type="string", form="text", value=None)
            fhir_type = self.column_type(column, nothing, f"{place}.column[{index}]")
            sql_type = self.sql_type(column, fhir_type, f"{place}.column[{index}]")
            yield Column(
                name=column.name, fhir_type=fhir_type, sql_type=sql_type, collection=column.collection, value=nothing
            )
        for below in (*stated.select, *stated.unionAll[:1]):
            yield from self.void(below, place)

    def iteration(self, stated: SelectDefinition, scope: Scope, place: str) -> tuple[Iteration | None, Scope]:
        kind = "forEachOrNull" if stated.forEachOrNull else "forEach"
        text = stated.forEachOrNull or stated.forEach
        if text is None:
            return None, scope
        path = self.path(text, scope, f"{place}.{kind}")
        element, index = scope.fresh("e", "i")
        focus: Expression = Variable(type=path.type, form=path.form, place=path.place, name=element)
        if path.form == "struct" and path.place is None:
            # The resource is no value of its own in SQL: what is gone over is whether it is wanted.
            focus, path = root_of(path), presence_of_root(path)
        iteration = Iteration(path=path, element=element, index=index, or_null=stated.forEachOrNull is not None)
        return iteration, scope.at(focus).counting(index)

    def union(self, branches: tuple[Select, ...], place: str) -> tuple[Select, ...]:
        described = [describe(b) for b in branches]
        for index, branch in enumerate(described[1:], start=1):
            if branch != described[0]:
                self.refuse(
                    f"columns {', '.join(branch)} differ from those of the first branch: {', '.join(described[0])}",
                    f"{place}.unionAll[{index}]",
                    hint="same names, order, types and collection in every branch",
                )
        return unify(branches)

    def column(self, stated: ColumnDefinition, scope: Scope, place: str) -> Column:
        value = self.path(stated.path, scope, f"{place}.path")
        if value.form == "struct":
            names = [n for n in scope.types.element_names(value.type) if n not in ("id", "extension")]
            hint = f"add one of: {', '.join(names)}"
            self.refuse(f"a column holds plain values; the path gives {value.type}", f"{place}.path", hint=hint)
        fhir_type = self.column_type(stated, value, place)
        sql_type = self.sql_type(stated, fhir_type, place)
        wants_text = value.type == "decimal" and sql_type.startswith(("varchar", "decimal"))
        if not (wants_text and as_written(scope, value)) and sql_type.partition("(")[0] not in CASTS[value.form]:
            self.refuse(
                f"{value.type} as {sql_type} is not supported",
                place,
                hint=f"one of: {', '.join(CASTS[value.form])}",
            )
        return Column(
            name=stated.name,
            fhir_type=fhir_type,
            sql_type=sql_type,
            collection=stated.collection,
            value=value,
            is_index=isinstance(value, RowIndex),
        )

    def column_type(self, stated: ColumnDefinition, value: Expression, place: str) -> str:
        if stated.type is None:
            return value.type
        # The type may be written as a URL: http://hl7.org/fhir/StructureDefinition/code.
        name = stated.type.rpartition("/")[2]
        if not load_types().is_primitive(name):
            hint = suggest(name, load_types().primitives)
            self.refuse(f"type {stated.type!r} is no primitive FHIR type", f"{place}.type", hint=hint)
        return name

    def sql_type(self, stated: ColumnDefinition, fhir_type: str, place: str) -> str:
        tags = [(i, t) for i, t in enumerate(stated.tag) if t.name == "ansi/type"]
        if not tags:
            return SQL_TYPES.get(fhir_type, "varchar")
        index, tag = tags[0]
        stated_type = tag.value.upper().strip()
        if DECIMAL.fullmatch(stated_type):
            return DECIMAL.sub(r"decimal(\1,\2)", stated_type)
        found = ANSI_TYPES.get(stated_type.partition("(")[0].strip())
        if found is None:
            hint = suggest(tag.value.upper(), ANSI_TYPES)
            self.refuse(f"ansi/type {tag.value!r} is not supported", f"{place}.tag[{index}].value", hint=hint)
        if found.startswith(("date", "timestamp")) and fhir_type not in DATED:
            self.refuse(f"{fhir_type} is no date", f"{place}.tag[{index}].value", hint=f"one of: {', '.join(DATED)}")
        return found
