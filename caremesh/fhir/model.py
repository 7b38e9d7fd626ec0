"""The typed model of a view: frozen nodes that refuse impossible combinations when they are made.

An expression has a FHIR type, a cardinality (`many`) and a `form`: how SQL holds its value. Lists never contain
absent values; they may contain the nulls of a JSON array of primitives (`given: ["A", null]`), which keep their
position (`[1]`, forEach, collection columns) but are no values (`first()`, `exists()`, `join()`, single columns).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Form: TypeAlias = Literal["struct", "text", "boolean", "integer", "double"]

Emit: TypeAlias = Callable[..., str]

# The SQL type of a computed value by its form; structs are never computed.
FORM_TYPES: dict[Form, str] = {"text": "varchar", "boolean": "boolean", "integer": "bigint", "double": "double"}

# How a spot of the JSON is read; an exact one is a decimal whose text is wanted as it was written.
Reading: TypeAlias = Literal["struct", "text", "double", "exact"]

ROOT = ""


@dataclass(frozen=True)
class Place:
    """A spot in the resource's JSON: `component[].code.coding[]`, one link per name."""

    parent: Place | None
    name: str
    repeats: bool
    reading: Reading

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the resource down to here."""
        return (*(self.parent.path if self.parent else ()), self.name)


@dataclass(frozen=True, kw_only=True)
class Expression:
    """What every typed expression knows of itself."""

    type: str
    form: Form
    many: bool = False
    place: Place | None = None

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions that this one is made of."""
        return ()

    @property
    def strict(self) -> bool:
        """Whether the value is empty for sure when the focus is empty."""
        return False

    @property
    def has_nulls(self) -> bool:
        """Whether a list may contain the nulls of a JSON array of primitives."""
        return False


@dataclass(frozen=True, kw_only=True)
class Variable(Expression):
    """One item that an iteration or a criterion looks at; the resource itself where `name` is ROOT."""

    name: str

    def __post_init__(self) -> None:
        """Refuse a variable that is a list."""
        _require(not self.many, "a variable holds one item")

    @property
    def strict(self) -> bool:
        """An empty focus is an empty variable."""
        return self.name != ROOT


@dataclass(frozen=True, kw_only=True)
class Field(Expression):
    """A part of one struct."""

    base: Expression
    name: str

    def __post_init__(self) -> None:
        """Refuse a field of a list or of a plain value."""
        _require(self.base.form == "struct" and not self.base.many, "a field needs one struct")

    @property
    def parts(self) -> tuple[Expression, ...]:
        """Its struct."""
        return (self.base,)

    @property
    def strict(self) -> bool:
        """A part of nothing is nothing."""
        return self.base.strict

    @property
    def has_nulls(self) -> bool:
        """Only JSON arrays of primitives may hold nulls."""
        return self.many and self.form != "struct"


@dataclass(frozen=True, kw_only=True)
class Each(Expression):
    """The body's values for every item of a list, as one flat list without absent values."""

    base: Expression
    variable: str
    body: Expression

    def __post_init__(self) -> None:
        """Refuse to go over something that is no list."""
        _require(self.base.many and self.many, "only a list has items")

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The list and the body."""
        return (self.base, self.body)

    @property
    def strict(self) -> bool:
        """An empty list has no items."""
        return self.base.strict

    @property
    def has_nulls(self) -> bool:
        """Nulls come from the lists that were joined; absent single values are left out."""
        return self.body.many and self.body.has_nulls


@dataclass(frozen=True, kw_only=True)
class Filter(Expression):
    """The items of a list for which the criterion is true."""

    base: Expression
    variable: str
    criterion: Expression

    def __post_init__(self) -> None:
        """Refuse a criterion that is no single boolean."""
        _require(self.base.many and self.many, "only a list has items")
        _require_boolean(self.criterion)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The list and the criterion."""
        return (self.base, self.criterion)

    @property
    def strict(self) -> bool:
        """An empty list has no items."""
        return self.base.strict

    @property
    def has_nulls(self) -> bool:
        """A filter keeps the nulls that meet the criterion."""
        return self.base.has_nulls


@dataclass(frozen=True, kw_only=True)
class Guard(Expression):
    """A value (one, or a list) where the criterion is true, else nothing."""

    criterion: Expression
    value: Expression

    def __post_init__(self) -> None:
        """Refuse a criterion that is no single boolean."""
        _require_boolean(self.criterion)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The criterion and the value."""
        return (self.criterion, self.value)

    @property
    def strict(self) -> bool:
        """It gives at most its value."""
        return self.value.strict

    @property
    def has_nulls(self) -> bool:
        """It gives at most its value."""
        return self.value.has_nulls


@dataclass(frozen=True, kw_only=True)
class Item(Expression):
    """One item of a list: the one at `index` (from 0), or the first that has a value."""

    base: Expression
    index: int | None

    def __post_init__(self) -> None:
        """Refuse to pick from something that is no list."""
        _require(self.base.many and not self.many, "only a list has items")

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The list."""
        return (self.base,)

    @property
    def strict(self) -> bool:
        """An empty list has no items."""
        return self.base.strict


@dataclass(frozen=True, kw_only=True)
class Constant(Expression):
    """A literal, or a constant of the view."""

    value: str | bool | int | float | None


@dataclass(frozen=True, kw_only=True)
class RowIndex(Expression):
    """`%rowIndex`: the position, from 0, of the item of one iteration; always 0 outside of any."""

    variable: str


@dataclass(frozen=True, kw_only=True)
class Operation(Expression):
    """A function or operator: `emit(dialect, *operands)` writes it, the operands given as SQL."""

    emit: Emit
    operands: tuple[Expression, ...]
    needs_all: bool = False
    # Worth computing once where several columns need it.
    dear: bool = False

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The operands."""
        return self.operands

    @property
    def strict(self) -> bool:
        """Empty for an empty operand, when it needs them all."""
        return self.needs_all and any(o.strict for o in self.operands)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One output column and the expression that fills it."""

    name: str
    fhir_type: str
    sql_type: str
    collection: bool
    value: Expression
    # Whether the path is %rowIndex itself, which is 0 in the row of nulls; a union may convert the value.
    is_index: bool = False

    def __post_init__(self) -> None:
        """Refuse a column of structs."""
        _require(self.value.form != "struct", "a column holds plain values")


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """forEach or forEachOrNull: one row for each item of `path`, named `element`, its position `index`."""

    path: Expression
    element: str
    index: str
    or_null: bool


@dataclass(frozen=True, kw_only=True)
class Level:
    """One place where a repeat finds items: the rows of each item named `element`, then the levels below it.

    `beyond` are the paths that are not followed any further; what they find is an error.
    """

    path: Expression
    element: str
    body: Select
    levels: tuple[Level, ...]
    beyond: tuple[Expression, ...]


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """repeat: one row for each item at any level, depth first, counted by `index`; each level has these `columns`."""

    levels: tuple[Level, ...]
    index: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, kw_only=True)
class Select:
    """Columns, nested selects and a union, all below one iteration (or none); a repeat has them in its levels."""

    iteration: Iteration | None = None
    repeat: Repeat | None = None
    columns: tuple[Column, ...] = ()
    selects: tuple[Select, ...] = ()
    union: tuple[Select, ...] = ()

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Every column of the output, in its order: own, nested, then those of the union."""
        if self.repeat:
            return self.repeat.columns
        nested = tuple(c for s in self.selects for c in s.all_columns)
        return self.columns + nested + (self.union[0].all_columns if self.union else ())

    @property
    def may_drop(self) -> bool:
        """Whether it may give no row for a focus that is there."""
        if self.repeat:
            return True
        if self.iteration:
            return not self.iteration.or_null
        return any(s.may_drop for s in self.selects) or (bool(self.union) and all(s.may_drop for s in self.union))


@dataclass(frozen=True, kw_only=True)
class View:
    """A validated view: which resources, under which conditions, give which rows."""

    resource: str
    where: tuple[Expression, ...]
    select: Select

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column of the output, in its order."""
        return self.select.all_columns


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and everything that it is made of."""
    yield expression
    for part in expression.parts:
        yield from walk(part)


def free_variables(expression: Expression) -> frozenset[str]:
    """The names of the items that an expression looks at but does not go over itself."""
    if isinstance(expression, Variable):
        return frozenset([expression.name])
    if isinstance(expression, Each | Filter):
        base, body = expression.parts
        return free_variables(base) | (free_variables(body) - {expression.variable})
    return frozenset().union(*(free_variables(p) for p in expression.parts))


def expressions(select: Select) -> Iterator[Expression]:
    """Yield every expression below a select, its own iteration included."""
    if select.iteration:
        yield from walk(select.iteration.path)
    for column in select.columns:
        yield from walk(column.value)
    for below in (*select.selects, *select.union):
        yield from expressions(below)
    for level in select.repeat.levels if select.repeat else ():
        yield from _expressions_of_level(level)


def _expressions_of_level(level: Level) -> Iterator[Expression]:
    for path in (level.path, *level.beyond):
        yield from walk(path)
    yield from expressions(level.body)
    for below in level.levels:
        yield from _expressions_of_level(below)


def _require(condition: bool, message: str) -> None:
    # A broken rule here is a fault of the compiler, never of the view: those are refused before.
    if not condition:
        raise TypeError(message)


def _require_boolean(criterion: Any) -> None:
    _require(criterion.form == "boolean" and not criterion.many, "a criterion is one boolean")
