"""A select tree as SQL: a chain of unnests where that says it, else one list of rows.

The processing algorithm of SQL on FHIR gives a list of rows per resource. Most views are a plain chain of forEach;
for those every iteration is one unnest, the fastest form on every engine. A union, and a forEachOrNull whose nested
iterations may drop its rows, are built as one list of structs by list functions, and unnested once: engines refuse a
union inside a lateral join, and a list can say `no rows? then one row of nulls` as the algorithm does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from caremesh.fhir.columns import raw_type
from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.levels import as_list, repeat_list, staged_repeat
from caremesh.fhir.model import Column, Iteration, RowIndex, Select, expressions
from caremesh.fhir.sql import to_sql


@dataclass(frozen=True)
class Rows:
    """What to select from, and the raw SQL of every column, by name."""

    source: str
    columns: dict[str, str]


def add_select(rows: Rows, select: Select, dialect: Dialect, within: Iteration | None = None) -> Rows:
    """Add the rows and columns of a select, as the processing algorithm does: a cross join with those before.

    `within` is the iteration that the select stands in the focus of.
    """
    if select.repeat and select.repeat.levels:
        source, found = staged_repeat(rows.source, select.repeat, dialect, _product)
        return _add_list(replace(rows, source=source), select, found, f"w_{len(rows.columns)}", dialect)
    if select.repeat or (select.iteration and _needs_list(select)):
        return _add_list(rows, select, rows_list(select, dialect), f"w_{len(rows.columns)}", dialect)
    if select.iteration:
        within = select.iteration
        rows = _add_unnest(rows, select, within, dialect)
    own = {c.name: _raw(c, within, dialect) for c in select.columns}
    rows = replace(rows, columns=rows.columns | own)
    for nested in select.selects:
        rows = add_select(rows, nested, dialect, within)
    if select.union:
        union = _union_of(select)
        rows = _add_list(rows, union, rows_list(union, dialect), f"w_{len(rows.columns)}", dialect)
    return rows


def rows_list(select: Select, dialect: Dialect) -> str:
    """The rows of a select as one list of structs, with a field per column."""
    if select.repeat:
        return repeat_list(select.repeat, dialect, _product)
    if select.iteration is None:
        return _product(select, dialect)
    iteration = select.iteration
    items, body = _items(iteration, dialect), _product(select, dialect)
    if _counts(select, iteration):
        found = dialect.flatten(dialect.transform_indexed(items, iteration.element, iteration.index, body))
    else:
        found = dialect.flatten(dialect.transform(items, iteration.element, body))
    if not iteration.or_null:
        return found
    nothing = dialect.array([_null_row(select.all_columns, dialect)])
    return dialect.let(found, "v", lambda v: f"case when {dialect.not_empty(v)} then {v} else {nothing} end")


def _product(select: Select, dialect: Dialect) -> str:
    """All combinations of the rows of the parts: own columns, nested selects, union."""
    flat, parts = _hoist(select)
    fields = {c.name: to_sql(c.value, dialect) for c in flat}
    lists = [(f"r_{part.all_columns[0].name}", part) for part in parts]
    for name, part in lists:
        fields |= {c.name: f"{name}.{dialect.quote(c.name)}" for c in part.all_columns}
    found = dialect.array([_row(select.all_columns, fields, dialect)])
    for name, part in reversed(lists):
        branches = [rows_list(b, dialect) for b in (part.union if _is_union(part) else (part,))]
        items = branches[0] if len(branches) == 1 else dialect.flatten(dialect.array(branches))
        found = dialect.flatten(dialect.transform(items, name, found))
    return found


def _hoist(select: Select) -> tuple[list[Column], list[Select]]:
    """The columns that stand in the focus of a select, and the parts that give rows of their own."""
    columns, parts = list(select.columns), []
    for nested in select.selects:
        if nested.iteration or nested.repeat:
            parts.append(nested)
        else:
            more, deeper = _hoist(nested)
            columns += more
            parts += deeper
    if select.union:
        parts.append(_union_of(select))
    return columns, parts


def _union_of(select: Select) -> Select:
    """A select's union alone, as a part that gives rows of its own."""
    return Select(union=select.union)


def _is_union(part: Select) -> bool:
    return part.iteration is None and part.repeat is None


def _row(columns: Sequence[Column], fields: dict[str, str], dialect: Dialect) -> str:
    return dialect.row([(c.name, fields[c.name], raw_type(c, dialect)) for c in columns])


def _null_row(columns: Sequence[Column], dialect: Dialect) -> str:
    def null(column: Column) -> str:
        value = "null"
        if column.is_index:
            # A union may have made a list of it.
            value = dialect.array(["0"]) if column.value.many else "0"
        return f"cast({value} as {raw_type(column, dialect)})"

    return _row(columns, {c.name: null(c) for c in columns}, dialect)


def _add_unnest(rows: Rows, select: Select, iteration: Iteration, dialect: Dialect) -> Rows:
    index = iteration.index if _counts(select, iteration) else None
    items = _items(iteration, dialect)
    source = dialect.unnest(rows.source, items, iteration.element, index=index, or_null=iteration.or_null)
    return replace(rows, source=source)


def _add_list(rows: Rows, select: Select, items: str, name: str, dialect: Dialect) -> Rows:
    source = dialect.unnest(rows.source, items, name, index=None, or_null=False)
    fields = {c.name: f"{name}.{dialect.quote(c.name)}" for c in select.all_columns}
    return Rows(source, rows.columns | fields)


def _items(iteration: Iteration, dialect: Dialect) -> str:
    return as_list(iteration.path, dialect)


def _raw(column: Column, iteration: Iteration | None, dialect: Dialect) -> str:
    sql = to_sql(column.value, dialect)
    if iteration is None or not iteration.or_null:
        return sql
    if column.is_index:
        return f"coalesce({sql}, 0)"
    # In the row of nulls every column is null, literals and exists() too.
    return sql if column.value.strict else f"case when {iteration.index} is not null then {sql} end"


def _counts(select: Select, iteration: Iteration) -> bool:
    """Whether the position of the items is needed: for %rowIndex, or to tell the row of nulls."""
    if any(isinstance(e, RowIndex) and e.variable == iteration.index for e in expressions(select)):
        return True
    return iteration.or_null and any(not c.value.strict for c in _hoist(select)[0])


def _needs_list(select: Select) -> bool:
    assert select.iteration is not None
    return select.iteration.or_null and any(_is_union(part) or part.may_drop for part in _hoist(select)[1])
