"""Where an expression stands, and the moves from one expression to the next: fields, items, one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.fhirpath import FhirPathError
from caremesh.fhir.model import (
    FORM_TYPES,
    ROOT,
    Constant,
    Each,
    Expression,
    Field,
    Form,
    Guard,
    Item,
    Operation,
    Place,
    Variable,
)
from caremesh.fhir.types import Element, FhirTypes, suggest

Step = Callable[[Expression], Expression]


class UnknownElementError(FhirPathError):
    """A type has no element of that name."""

    def __init__(self, fhir_type: str, name: str, *, position: int, known: Iterable[str]) -> None:
        """Keep the name beside what is wrong with it."""
        super().__init__(f"{fhir_type} has no element {name!r}", position=position, hint=suggest(name, known))
        self.name = name


@dataclass(frozen=True)
class Scope:
    """What a path can see: `$this`, the constants, and the iteration that `%rowIndex` counts."""

    types: FhirTypes
    resource: str
    focus: Expression
    constants: Mapping[str, Constant]
    index: str = ROOT
    # How many lists the path is inside of. Lambdas are named by it, so that equal paths give equal SQL.
    depth: int = 1
    # Decimals whose text is wanted as written, by their path: what a first reading of the view noted, and the notes.
    exact: frozenset[tuple[str, ...]] = frozenset()
    noted: set[tuple[str, ...]] = field(default_factory=set)
    # How many levels a repeat may still go down; None outside of any.
    levels_left: int | None = None
    # One counter for a whole view, so that no two variables share a name.
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def at(self, focus: Expression) -> Scope:
        """The same scope with another `$this`."""
        return replace(self, focus=focus, depth=self.depth + 1)

    def item_of(self, items: Expression) -> Variable:
        """The variable of a lambda over a list."""
        return Variable(type=items.type, form=items.form, place=items.place, name=f"x_{self.depth}")

    def counting(self, index: str) -> Scope:
        """The same scope, where `%rowIndex` is this variable."""
        return replace(self, index=index)

    def fresh(self, *letters: str) -> tuple[str, ...]:
        """Variable names with one new number, which nothing else uses: FHIR names hold no underscore and digits."""
        number = next(self.numbers)
        return tuple(f"{letter}_{number}" for letter in letters)

    def form(self, fhir_type: str) -> Literal["struct", "text", "double"]:
        """How SQL holds an element of a type as it was read."""
        if not self.types.is_primitive(fhir_type):
            return "struct"
        return "double" if fhir_type == "decimal" else "text"


@dataclass(frozen=True, kw_only=True)
class Choice(Expression):
    """A choice element (`value[x]`) whose type is not picked yet; never leaves the resolver."""

    base: Expression
    element: Element


def member(scope: Scope, base: Expression, name: str, position: int) -> Expression:
    """`base.name`; raise FhirPathError where the type has no such element."""
    base = plain(base, position)
    if isinstance(base, Variable) and base.name == ROOT and name == base.type:
        return base  # a path may start with the resource's own type: Patient.name
    element = scope.types.element(base.type, name)
    if element is None:
        raise UnknownElementError(base.type, name, position=position, known=scope.types.element_names(base.type))
    if base.form != "struct":
        base = _sibling(base, position)
    if element.choice:
        return Choice(type=name, form="struct", many=base.many, base=base, element=element)
    return over(scope, base, lambda b: child(scope, b, element, element.types[0]))


def child(scope: Scope, base: Expression, element: Element, fhir_type: str) -> Field:
    """The field of one struct that holds an element, when it holds this type."""
    form = scope.form(fhir_type)
    name = element.json_name(fhir_type)
    place = Place(base.place, name, element.repeats, form)
    if place.path in scope.exact:
        form, place = "text", replace(place, reading="exact")
    return Field(type=fhir_type, form=form, many=element.repeats, place=place, base=base, name=name)


def over(scope: Scope, base: Expression, step: Step) -> Expression:
    """Take a step, that gives nothing for nothing, from each item of `base`."""
    if isinstance(base, Guard):
        return guard(base.criterion, over(scope, base.value, step))
    if not base.many:
        return step(base)
    if isinstance(base, Each) and not base.body.many:
        return _each(base.base, base.variable, step(base.body))  # one walk over the list, not two
    variable = scope.item_of(base)
    return _each(base, variable.name, step(variable))


def as_written(scope: Scope, base: Expression) -> bool:
    """Note that a decimal is wanted as it was written, for the next reading of the view; false where it is computed."""
    if base.place is None:
        return False
    scope.noted.add(base.place.path)
    return True


def guard(criterion: Expression, value: Expression) -> Guard:
    """The value where the criterion is true."""
    return Guard(type=value.type, form=value.form, many=value.many, place=value.place, criterion=criterion, value=value)


def root_of(base: Expression) -> Expression:
    """The resource itself, of a path that gives it under conditions."""
    return root_of(base.value) if isinstance(base, Guard) else base


def presence_of_root(base: Expression) -> Expression:
    """True, under the conditions of a path that gives the resource itself."""
    return guard(base.criterion, presence_of_root(base.value)) if isinstance(base, Guard) else boolean(True)


def item(base: Expression, index: int | None) -> Expression:
    """The item at a position of `base`, or the first value where the index is None."""
    if isinstance(base, Guard):
        return guard(base.criterion, item(base.value, index))
    if not base.many:
        return base if index in (0, None) else guard(boolean(False), base)
    return Item(type=base.type, form=base.form, place=base.place, base=base, index=index)


def one(base: Expression, position: int) -> Expression:
    """`base` as one value; more than one is an error of the data, raised when the SQL runs."""
    base = plain(base, position)
    if not base.many:
        return base
    return Operation(
        type=base.type,
        form=base.form,
        place=base.place,
        needs_all=True,
        operands=(base,),
        emit=lambda d, xs: d.let(values(d, base, xs), "v", lambda v: _first_or_fail(d, v, base.form)),
    )


def _first_or_fail(dialect: Dialect, xs: str, form: Form) -> str:
    message = "path: more than one value where one is due"
    if form == "struct":
        fault = dialect.fault_of_any_type(message)
        return f"(case when {dialect.size(xs)} > 1 then {fault} else {dialect.item(xs, 1)} end)"
    return dialect.first_or_fail(xs, message, FORM_TYPES[form])


def plain(base: Expression, position: int) -> Expression:
    """Refuse a choice element whose type is not picked."""
    if isinstance(base, Choice):
        raise FhirPathError(
            f"{base.type} has several types",
            position=position,
            hint=f"pick one: {base.type}.ofType({'), ofType('.join(base.element.types[:12])})",
        )
    return base


def boolean(value: bool) -> Constant:
    """A boolean that the compiler knows."""
    return Constant(type="boolean", form="boolean", value=value)


def values(dialect: Dialect, base: Expression, sql: str) -> str:
    """The items of a list that are values: without the nulls of a JSON array."""
    return dialect.compact(sql) if base.has_nulls else sql


def _each(base: Expression, variable: str, body: Expression) -> Each:
    return Each(type=body.type, form=body.form, many=True, place=body.place, base=base, variable=variable, body=body)


def _sibling(base: Expression, position: int) -> Expression:
    # FHIR JSON keeps the id and the extensions of a primitive beside it: birthDate and _birthDate.
    if isinstance(base, Each):
        return _each(base.base, base.variable, _sibling(base.body, position))
    if isinstance(base, Item) and isinstance(base.base, Field) and base.index is not None:
        return item(_sibling(base.base, position), base.index)
    if isinstance(base, Guard):
        return guard(base.criterion, _sibling(base.value, position))
    if not isinstance(base, Field):
        raise FhirPathError(
            "extensions of filtered or computed values are not supported",
            position=position,
            hint="take them from the element itself, such as birthDate.extension('…') or given.extension('…')",
        )
    name = f"_{base.name}"
    place = Place(base.base.place, name, base.many, "struct")
    return Field(type="Element", form="struct", many=base.many, place=place, base=base.base, name=name)
