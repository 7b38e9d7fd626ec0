"""A repeat as SQL: one list of rows, put together from a list of items for each place where the repeat finds some.

The list of a place is made from the list of the place above it. Lambdas are not nested as deep as the items are:
engines take several times longer to plan a query with each lambda inside a lambda.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from caremesh.fhir.columns import raw_type
from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.model import Expression, Level, Repeat, RowIndex, Select, expressions
from caremesh.fhir.sql import to_sql

Product = Callable[[Select, Dialect], str]

TOO_DEEP = "items of a repeat are nested deeper than its levels"


@dataclass(frozen=True)
class _Place:
    """A level, and the SQL of the list of everything that stands there; or of what stands beyond the last level."""

    level: Level
    items: str
    beyond: tuple[str, ...]


def repeat_list(repeat: Repeat, dialect: Dialect, product: Product) -> str:
    """The rows of a repeat; `product` writes the rows of one item."""
    if not repeat.levels:
        columns = dialect.struct_type([(c.name, raw_type(c, dialect)) for c in repeat.columns])
        return f"cast({dialect.array([])} as {dialect.list_type(columns)})"
    if _counts(repeat):
        return _counted_list(repeat, dialect, product)
    places = list(_places(repeat.levels, None, dialect))
    parts = [
        dialect.flatten(dialect.transform(p.items, p.level.element, product(p.level.body, dialect))) for p in places
    ]
    return dialect.flatten(dialect.array([*parts, *_faults(places, dialect)]))


def as_list(path: Expression, dialect: Dialect) -> str:
    """What a path finds, as a list also where it is one value."""
    items = to_sql(path, dialect)
    return items if path.many else dialect.compact(dialect.array([items]))


def _places(levels: Sequence[Level], above: tuple[str, str] | None, dialect: Dialect) -> Iterator[_Place]:
    for level in levels:
        items = _below(level.path, above, dialect)
        here = (items, level.element)
        yield _Place(level, items, tuple(_below(path, here, dialect) for path in level.beyond))
        yield from _places(level.levels, here, dialect)


def _below(path: Expression, above: tuple[str, str] | None, dialect: Dialect) -> str:
    """What a path finds below the items of a list, by the name that they have in the path."""
    found = as_list(path, dialect)
    return dialect.flatten(dialect.transform(*above, found)) if above else found


def _faults(places: Sequence[_Place], dialect: Dialect) -> Iterator[str]:
    for place in places:
        for items in place.beyond:
            yield f"case when {dialect.not_empty(items)} then {dialect.fault_of_any_type(TOO_DEEP)} end"


def _counted_list(repeat: Repeat, dialect: Dialect, product: Product) -> str:
    """With %rowIndex: an item's position is the number of items whose key, made of the positions above it, is less."""
    places = list(_keyed_places(repeat.levels, None, dialect))
    every_key = dialect.flatten(dialect.array([dialect.transform(p.items, "s", "s[1]") for p in places]))

    def rows(place: _Place, keys: str) -> str:
        position = dialect.size(dialect.filter(keys, "k", "k < s[1]"))
        body = dialect.transform(dialect.array([position]), repeat.index, product(place.level.body, dialect))
        named = dialect.transform(dialect.array(["s[2]"]), place.level.element, dialect.flatten(body))
        return dialect.flatten(dialect.transform(place.items, "s", dialect.flatten(named)))

    faults = list(_faults(places, dialect))
    return dialect.let(
        every_key, "ks", lambda ks: dialect.flatten(dialect.array([*(rows(p, ks) for p in places), *faults]))
    )


def _keyed_places(levels: Sequence[Level], above: tuple[str, str] | None, dialect: Dialect) -> Iterator[_Place]:
    """Places whose items are pairs: a key that sorts them depth first, and the item."""
    for number, level in enumerate(levels):
        found = as_list(level.path, dialect)
        above_key = "a[1] || " if above else ""
        key = f"{above_key}'{number}' || lpad(cast(n as varchar), 8, '0')"
        if above:
            found = dialect.item(dialect.transform(dialect.array(["a[2]"]), above[1], found), 1)
        pairs = dialect.transform_indexed(found, "x", "n", f"row({key}, x)")
        items = dialect.flatten(dialect.transform(above[0], "a", pairs)) if above else pairs
        here = (items, level.element)
        beyond = tuple(
            _below(path, (dialect.transform(items, "s", "s[2]"), level.element), dialect) for path in level.beyond
        )
        yield _Place(level, items, beyond)
        yield from _keyed_places(level.levels, here, dialect)


def _counts(repeat: Repeat) -> bool:
    used = (e for level in _all(repeat.levels) for e in expressions(level.body))
    return any(isinstance(e, RowIndex) and e.variable == repeat.index for e in used)


def _all(levels: Sequence[Level]) -> Iterator[Level]:
    for level in levels:
        yield level
        yield from _all(level.levels)
