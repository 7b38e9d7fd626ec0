"""A view and a dialect → the SQL, its columns and the shape of what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from caremesh.errors import ViewError
from caremesh.fhir.columns import finish
from caremesh.fhir.dialects.base import SIMPLE, Dialect, subquery
from caremesh.fhir.model import (
    ROOT,
    Expression,
    Field,
    Filter,
    Operation,
    Place,
    Select,
    Variable,
    View,
    expressions,
    free_variables,
    walk,
)
from caremesh.fhir.rows import Rows, add_select
from caremesh.fhir.shape import Struct, build_shape
from caremesh.fhir.sql import to_sql

LONGEST_STATEMENT = 262_144
"""So many bytes may a statement have: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html.

DuckDB would take more, but plans it for minutes, in memory that no limit bounds.
"""

SHORTEN = "put fewer columns and iterations inside a repeat of several paths, or part the view in two"
"""What to do about a view whose statement is longer."""

# Stands for a value while its uses are counted; no SQL contains it.
PROBE = "\x00"


@dataclass(frozen=True)
class ViewColumn:
    """One column of the output; `sql_type` is a neutral (Athena) name, that of the items for a collection."""

    name: str
    fhir_type: str
    sql_type: str
    collection: bool


@dataclass(frozen=True)
class CompiledView:
    """SQL over a relation `src` whose columns are the top-level fields of `shape`.

    `key_column` names the column that holds the id of the resource in each of its rows; None where no column does.
    """

    resource: str
    columns: tuple[ViewColumn, ...]
    shape: Struct
    query: str
    key_column: str | None = None


def compile_view(view: View, dialect: Dialect) -> CompiledView:
    """Write a view as SQL; the same view gives the same text. Raise ViewError where it gets too long to be planned."""
    query = _query(view, dialect)
    if len(query.encode()) > LONGEST_STATEMENT:
        raise ViewError(
            f"its SQL would be {len(query.encode()):,} bytes long; {LONGEST_STATEMENT:,} can be planned",
            hint=SHORTEN,
        )
    used = [*expressions(view.select), *(e for w in view.where for e in walk(w))]
    return CompiledView(
        resource=view.resource,
        columns=tuple(ViewColumn(c.name, c.fhir_type, c.sql_type, c.collection) for c in view.columns),
        shape=build_shape(e.place for e in used if e.place is not None),
        query=query,
        key_column=next(_key_columns(view.select), None),
    )


def _key_columns(select: Select) -> Iterator[str]:
    """Columns with the resource's id, beside or around all iterations: below one, a row of nulls has none."""
    if select.iteration or select.repeat:
        return
    yield from (c.name for c in select.columns if c.sql_type == "varchar" and not c.collection and _is_id(c.value))
    for inner in select.selects:
        yield from _key_columns(inner)


def _is_id(value: Expression) -> bool:
    """Whether a value is the resource's id and nothing else: under a condition it would be null in some rows."""
    return (
        isinstance(value, Field)
        and value.name == "id"
        and isinstance(value.base, Variable)
        and value.base.name == ROOT
        and value.place == Place(parent=None, name="id", repeats=False, reading="text")
    )


def _query(view: View, dialect: Dialect) -> str:
    conditions = [f"{dialect.quote('resourceType')} = {dialect.text(view.resource)}"]
    conditions += [to_sql(w, dialect) for w in view.where]
    joined = "\n  and ".join(f"({c})" for c in conditions) if len(conditions) > 1 else conditions[0]
    source = subquery(f"select *\nfrom src\nwhere {joined}")
    rows = add_select(Rows(source, {}), view.select, dialect)
    rows = _share(rows, view, dialect)
    rows = _stage(rows, view, dialect)
    outputs = [f"  {finish(c, rows.columns[c.name], dialect)} as {dialect.quote(c.name)}" for c in view.columns]
    return "select\n" + ",\n".join(outputs) + f"\nfrom {rows.source}"


def _share(rows: Rows, view: View, dialect: Dialect) -> Rows:
    """Compute what is dear and stands in several columns one level below, once for all of them."""
    texts = {to_sql(e, dialect) for e in expressions(view.select) if _is_dear(e) and not _inside_lambda(e)}
    names: dict[str, str] = {}
    columns = rows.columns
    # The longest first: what stands only inside of it is then shared with it.
    for text in sorted(texts, key=lambda t: (-len(t), t)):
        if sum(sql.count(text) for sql in columns.values()) > 1:
            name = f"k_{len(names) + 1}"
            names[name] = text
            columns = {column: sql.replace(text, name) for column, sql in columns.items()}
    return Rows(_with_values(rows.source, names), columns)


def _inside_lambda(expression: Expression) -> bool:
    return not all(name == ROOT or name.startswith("e_") for name in free_variables(expression))


def _is_dear(expression: Expression) -> bool:
    return isinstance(expression, Filter) or (isinstance(expression, Operation) and expression.dear)


def _stage(rows: Rows, view: View, dialect: Dialect) -> Rows:
    """Compute each value, that finishing writes more than once, one level below, so that it is computed once."""
    staged = {
        c.name: f"c_{number}"
        for number, c in enumerate(view.columns, start=1)
        if not SIMPLE.fullmatch(rows.columns[c.name]) and finish(c, PROBE, dialect).count(PROBE) > 1
    }
    source = _with_values(rows.source, {alias: rows.columns[name] for name, alias in staged.items()})
    return Rows(source, rows.columns | staged)


def _with_values(source: str, names: dict[str, str]) -> str:
    if not names:
        return source
    values = ",\n".join(f"  {sql} as {name}" for name, sql in names.items())
    return subquery(f"select\n  *,\n{values}\nfrom {source}")
