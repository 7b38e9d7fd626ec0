"""A repeat as SQL: one list of rows, put together from a list of items for each place where the repeat finds some.

The list of a place is made from the list of the place above it. Lambdas are not nested as deep as the items are:
engines take several times longer to plan a query with each lambda inside a lambda. Where the repeat stands in no lambda
itself, each depth is a query of its own, so that a list is written and computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from caremesh.fhir.columns import raw_type
from caremesh.fhir.dialects.base import Dialect, subquery
from caremesh.fhir.model import Expression, Level, Repeat, RowIndex, Select, expressions
from caremesh.fhir.sql import to_sql

Product = Callable[[Select, Dialect], str]

TOO_DEEP = "repeat: items are nested deeper than its levels"


@dataclass(frozen=True)
class _Place:
    """A level, the SQL of the list of everything that stands there, and of what stands beyond the last level.

    `items` is how others name the list: a column of the query at `depth`, or its SQL again.
    """

    level: Level
    depth: int
    written: str
    items: str
    beyond: tuple[str, ...]


@dataclass(frozen=True)
class _Above:
    """What a place is made from: the place above it, whose items have this name in the path."""

    items: str
    element: str
    depth: int


def repeat_list(repeat: Repeat, dialect: Dialect, product: Product) -> str:
    """The rows of a repeat as one list; `product` writes the rows of one item."""
    if not repeat.levels:
        columns = dialect.struct_type([(c.name, raw_type(c, dialect)) for c in repeat.columns])
        return f"cast({dialect.array([])} as {dialect.list_type(columns)})"
    return _rows_of(repeat, list(_find_places(repeat, dialect, staged=False)), dialect, product)


def staged_repeat(source: str, repeat: Repeat, dialect: Dialect, product: Product) -> tuple[str, str]:
    """A query over `source` with a column for the list of each place, and the list of rows made from those columns."""
    places = list(_find_places(repeat, dialect, staged=True))
    for depth in sorted({p.depth for p in places}):
        lists = ",\n".join(f"  {p.written} as {p.items}" for p in places if p.depth == depth)
        source = subquery(f"select\n  *,\n{lists}\nfrom {source}")
    return source, _rows_of(repeat, places, dialect, product)


def _find_places(repeat: Repeat, dialect: Dialect, *, staged: bool) -> Iterator[_Place]:
    find = _keyed_places if _counts(repeat) else _places
    return find(repeat.levels, None, dialect, staged)


def _rows_of(repeat: Repeat, places: Sequence[_Place], dialect: Dialect, product: Product) -> str:
    if _counts(repeat):
        return _counted_rows(repeat, places, dialect, product)
    parts = [
        dialect.flatten(dialect.transform(p.items, p.level.element, product(p.level.body, dialect))) for p in places
    ]
    return dialect.flatten(dialect.array([*parts, *_faults(places, dialect)]))


def as_list(path: Expression, dialect: Dialect) -> str:
    """What a path finds, as a list also where it is one value."""
    items = to_sql(path, dialect)
    return items if path.many else dialect.compact(dialect.array([items]))


def _places(levels: Sequence[Level], above: _Above | None, dialect: Dialect, staged: bool) -> Iterator[_Place]:
    for level in levels:
        written = _below(level.path, above, dialect)
        here = _Above(f"p_{level.element}" if staged else written, level.element, above.depth + 1 if above else 1)
        beyond = tuple(_below(path, here, dialect) for path in level.beyond)
        yield _Place(level, here.depth, written, here.items, beyond)
        yield from _places(level.levels, here, dialect, staged)


def _below(path: Expression, above: _Above | None, dialect: Dialect) -> str:
    """What a path finds below the items of a list."""
    found = as_list(path, dialect)
    return dialect.flatten(dialect.transform(above.items, above.element, found)) if above else found


def _faults(places: Sequence[_Place], dialect: Dialect) -> Iterator[str]:
    for place in places:
        for items in place.beyond:
            yield f"case when {dialect.not_empty(items)} then {dialect.fault_of_any_type(TOO_DEEP)} end"


def _counted_rows(repeat: Repeat, places: Sequence[_Place], dialect: Dialect, product: Product) -> str:
    """With %rowIndex: an item's position is the number of items whose key, made of the positions above it, is less."""
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


def _keyed_places(levels: Sequence[Level], above: _Above | None, dialect: Dialect, staged: bool) -> Iterator[_Place]:
    """Places whose items are pairs: a key that sorts them depth first, and the item."""
    for number, level in enumerate(levels):
        found = as_list(level.path, dialect)
        above_key = "a[1] || " if above else ""
        key = f"{above_key}'{number}' || lpad(cast(n as varchar), 8, '0')"
        if above:
            found = dialect.item(dialect.transform(dialect.array(["a[2]"]), above.element, found), 1)
        pairs = dialect.transform_indexed(found, "x", "n", f"row({key}, x)")
        written = dialect.flatten(dialect.transform(above.items, "a", pairs)) if above else pairs
        here = _Above(f"p_{level.element}" if staged else written, level.element, above.depth + 1 if above else 1)
        plain = replace(here, items=dialect.transform(here.items, "s", "s[2]"))
        beyond = tuple(_below(path, plain, dialect) for path in level.beyond)
        yield _Place(level, here.depth, written, here.items, beyond)
        yield from _keyed_places(level.levels, here, dialect, staged)


def _counts(repeat: Repeat) -> bool:
    used = (e for level in _all(repeat.levels) for e in expressions(level.body))
    return any(isinstance(e, RowIndex) and e.variable == repeat.index for e in used)


def _all(levels: Sequence[Level]) -> Iterator[Level]:
    for level in levels:
        yield level
        yield from _all(level.levels)
