"""The operators on collections: `in`, `contains` and `|`."""

from __future__ import annotations

from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.model import Emit, Expression, Filter, Form, Operation, Variable
from caremesh.fhir.operands import common_family, compare, native, native_list
from caremesh.fhir.scope import one

# The type of a list that holds several types of one family.
MIXED = {"text": "string", "number": "decimal", "time": "dateTime", "boolean": "boolean"}


def is_in(_operator: str, left: Expression, right: Expression, position: int) -> Expression:
    """Whether a list holds a value; empty for no value, false for no list."""
    family, wanted = common_family(left, right, position), native(one(left, position))
    item = Variable(type=right.type, form=right.form, place=right.place, name="y")
    same = compare("=", family, native(item), wanted)
    if not right.many:
        found = compare("=", family, native(right), wanted)
        return _known(wanted, lambda _, x, f: f"case when {x} is not null then coalesce({f}, false) end", found)
    criterion = Filter(
        type=right.type, form=right.form, many=True, base=right, variable="y", criterion=same, place=right.place
    )
    return _known(wanted, lambda d, x, ys: f"case when {x} is not null then {d.not_empty(ys)} end", criterion)


def _known(wanted: Expression, emit: Emit, found: Expression) -> Expression:
    # Only for want of a value is it empty: nothing to look in is an answer.
    return Operation(type="boolean", form="boolean", emit=emit, operands=(wanted, found), needs_all=wanted.strict)


def contains(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    """`in` from the other side."""
    return is_in(operator, right, left, position)


def union_of(_operator: str, left: Expression, right: Expression, position: int) -> Expression:
    """The values of both sides, each once, in the order in which they were found."""
    family = common_family(left, right, position)
    sides = [native_list(left), native_list(right)]
    forms = {s.form for s in sides}
    form: Form = sides[0].form if len(forms) == 1 else "double"
    fhir_type = (
        left.type if left.type == right.type else {"number": "decimal", "time": "dateTime"}.get(family, "string")
    )

    def emit(dialect: Dialect, *lists: str) -> str:
        typed = [
            x if s.form == form else dialect.transform(x, "v", dialect.cast("v", "double"))
            for s, x in zip(sides, lists, strict=True)
        ]
        every = dialect.flatten(dialect.array(typed))
        return dialect.let(every, "u", dialect.distinct_times if family == "time" else dialect.distinct)

    return Operation(type=fhir_type, form=form, many=True, operands=tuple(sides), emit=emit)
