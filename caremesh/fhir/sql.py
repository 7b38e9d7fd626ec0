"""Typed expression → SQL. Each node writes itself from the SQL of its parts; the dialect spells what differs."""

from __future__ import annotations

from functools import singledispatch

from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.model import (
    ROOT,
    Constant,
    Each,
    Expression,
    Field,
    Filter,
    Guard,
    Item,
    Operation,
    RowIndex,
    Variable,
)


@singledispatch
def to_sql(expression: Expression, _dialect: Dialect) -> str:
    """Write an expression as SQL."""
    raise TypeError(f"no SQL for {type(expression).__name__}")


@to_sql.register
def _(expression: Variable, _dialect: Dialect) -> str:
    if expression.name == ROOT:
        raise TypeError("the resource as a whole is no SQL value")
    return expression.name


@to_sql.register
def _(expression: Field, dialect: Dialect) -> str:
    name = dialect.quote(expression.name)
    if isinstance(expression.base, Variable) and expression.base.name == ROOT:
        return name  # the fields of the resource are the columns of src
    return f"{to_sql(expression.base, dialect)}.{name}"


@to_sql.register
def _(expression: Each, dialect: Dialect) -> str:
    items = dialect.transform(to_sql(expression.base, dialect), expression.variable, to_sql(expression.body, dialect))
    return dialect.flatten(items) if expression.body.many else dialect.compact(items)


@to_sql.register
def _(expression: Filter, dialect: Dialect) -> str:
    return dialect.filter(to_sql(expression.base, dialect), expression.variable, to_sql(expression.criterion, dialect))


@to_sql.register
def _(expression: Guard, dialect: Dialect) -> str:
    return f"case when {to_sql(expression.criterion, dialect)} then {to_sql(expression.value, dialect)} end"


@to_sql.register
def _(expression: Item, dialect: Dialect) -> str:
    items = to_sql(expression.base, dialect)
    if expression.index is not None:
        return dialect.item(items, expression.index + 1)
    return dialect.item(dialect.compact(items) if expression.base.has_nulls else items, 1)


@to_sql.register
def _(expression: Constant, dialect: Dialect) -> str:
    return dialect.literal(expression.value)


@to_sql.register
def _(expression: RowIndex, _dialect: Dialect) -> str:
    return expression.variable if expression.variable != ROOT else "0"


@to_sql.register
def _(expression: Operation, dialect: Dialect) -> str:
    return expression.emit(dialect, *(to_sql(o, dialect) for o in expression.operands))
