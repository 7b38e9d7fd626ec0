"""The branches of a unionAll: they must name the same columns, and hold them the same way in SQL."""

from __future__ import annotations

from dataclasses import replace

from caremesh.fhir.model import FORM_TYPES, Column, Emit, Expression, Form, Level, Operation, Repeat, Select


def describe(branch: Select) -> tuple[str, ...]:
    """What must be equal in all branches: the name, type and cardinality of each column, in order."""
    return tuple(
        f"{c.name} ({c.fhir_type} as {c.sql_type}{' collection' if c.collection else ''})" for c in branch.all_columns
    )


def unify(branches: tuple[Select, ...]) -> tuple[Select, ...]:
    """Give each column one form in all branches: one reads `active` as text where another computes a boolean."""
    targets: dict[str, tuple[Form, bool]] = {}
    for columns in zip(*(b.all_columns for b in branches), strict=True):
        targets[columns[0].name] = (_common_form(columns), any(c.value.many for c in columns))
    return tuple(_convert(b, targets) for b in branches)


def _common_form(columns: tuple[Column, ...]) -> Form:
    forms = {c.value.form for c in columns}
    if len(forms) == 1:
        return columns[0].value.form
    return "double" if forms == {"integer", "double"} else "text"


def _convert(select: Select, targets: dict[str, tuple[Form, bool]]) -> Select:
    return replace(
        select,
        repeat=select.repeat and _convert_repeat(select.repeat, targets),
        columns=tuple(replace(c, value=_hold(c.value, *targets[c.name])) for c in select.columns),
        selects=tuple(_convert(s, targets) for s in select.selects),
        union=tuple(_convert(s, targets) for s in select.union),
    )


def _convert_repeat(repeat: Repeat, targets: dict[str, tuple[Form, bool]]) -> Repeat:
    levels = tuple(_convert_level(level, targets) for level in repeat.levels)
    columns = tuple(replace(c, value=_hold(c.value, *targets[c.name])) for c in repeat.columns)
    return replace(repeat, levels=levels, columns=columns)


def _convert_level(level: Level, targets: dict[str, tuple[Form, bool]]) -> Level:
    below = tuple(_convert_level(inner, targets) for inner in level.levels)
    return replace(level, body=_convert(level.body, targets), levels=below)


def _hold(value: Expression, form: Form, many: bool) -> Expression:
    if value.form != form:
        wanted = FORM_TYPES[form]
        if value.many:
            value = _operation(value, form, True, lambda d, xs: d.transform(xs, "v", d.cast("v", wanted)))
        else:
            value = _operation(value, form, False, lambda d, x: d.cast(x, wanted))
    if many and not value.many:
        value = _operation(value, form, True, lambda d, x: d.compact(d.array([x])))
    return value


def _operation(value: Expression, form: Form, many: bool, emit: Emit) -> Operation:
    return Operation(type=value.type, form=form, many=many, operands=(value,), needs_all=True, emit=emit)
