"""From the raw value of a column to what the table holds: one value or a list, of the column's SQL type."""

from __future__ import annotations

from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.model import FORM_TYPES, Column
from caremesh.fhir.scope import values


def raw_type(column: Column, dialect: Dialect) -> str:
    """The engine's type of a column's value before it is finished."""
    item = dialect.type_name(FORM_TYPES[column.value.form])
    return dialect.list_type(item) if column.value.many else item


def finish(column: Column, raw: str, dialect: Dialect) -> str:
    """Write the output value of a column from its raw value; what does not fit raises an error naming the column."""
    if column.collection:
        return _collection(column, raw, dialect)
    if not column.value.many:
        return _convert(column, raw, dialect)
    found = values(dialect, column.value, raw)
    only = _convert(column, dialect.item(found, 1), dialect)
    fault = dialect.fault(f"column {column.name}: more than one value", column.sql_type)
    return f"case when {dialect.size(found)} > 1 then {fault} else {only} end"


def _collection(column: Column, raw: str, dialect: Dialect) -> str:
    if not column.value.many:
        raw = dialect.compact(dialect.array([raw]))
    converted = _convert(column, "v", dialect)
    items = raw if converted == "v" else dialect.transform(raw, "v", converted)
    empty = f"cast({dialect.array([])} as {dialect.list_type(dialect.type_name(column.sql_type))})"
    return f"coalesce({items}, {empty})"


def _convert(column: Column, value: str, dialect: Dialect) -> str:
    form, wanted = column.value.form, column.sql_type
    if FORM_TYPES[form] == wanted:
        return value
    if form == "text":
        return dialect.parse(value, wanted, f"column {column.name}: a value is no {wanted}")
    return dialect.cast(value, wanted)
