"""The FHIRPath operators of a view: one entry of OPERATORS each, and what their operands must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from caremesh.fhir.dialects.base import Dialect
from caremesh.fhir.fhirpath import FhirPathError
from caremesh.fhir.membership import contains, is_in, union_of
from caremesh.fhir.model import Emit, Expression, Form, Operation
from caremesh.fhir.operands import common_family, compare, native, native_list, to_boolean, truth
from caremesh.fhir.scope import one

Build = Callable[[str, Expression, Expression, int], Expression]

LOGIC = {"and": "({} and {})", "or": "({} or {})", "xor": "(({}) <> ({}))", "implies": "(not ({}) or {})"}


def find_operator(operator: str, position: int) -> Build:
    """Look an operator up; raise FhirPathError where a view cannot use it."""
    if operator not in OPERATORS:
        hint = f"one of: {' '.join(OPERATORS)} is as"
        raise FhirPathError(f"operator {operator!r} is not supported", position=position, hint=hint)
    return OPERATORS[operator]


def equal(left: Expression, right: Expression, position: int) -> Expression:
    """`left = right`: empty when a side is empty, false when they differ in number."""
    family = common_family(left, right, position)
    if not (left.many or right.many):
        return compare("=", family, native(left), native(right))
    return truth(
        lambda d, a, b: d.let(
            a, "v", lambda v: d.let(b, "w", lambda w: d.same_times(v, w) if family == "time" else d.same_lists(v, w))
        ),
        native_list(left),
        native_list(right),
    )


def _equal(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    same = equal(left, right, position)
    return same if operator == "=" else truth(lambda _, x: f"not ({x})", same)


def _order(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    family = common_family(left, right, position)
    if family == "boolean":
        raise FhirPathError("booleans have no order", position=position)
    return compare(operator, family, native(one(left, position)), native(one(right, position)))


def _logic(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    # SQL's and, or are three-valued like those of FHIRPath: null is empty.
    operands = to_boolean(left, position), to_boolean(right, position)
    written = {"and": "({} and {})", "or": "({} or {})", "xor": "(({}) <> ({}))", "implies": "(not ({}) or {})"}[
        operator
    ]
    return Operation(type="boolean", form="boolean", operands=operands, emit=lambda _, a, b: written.format(a, b))


def _plus(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    if common_family(left, right, position) == "text":
        return _text(lambda _, a, b: f"({a} || {b})", one(left, position), one(right, position), needs_all=True)
    return _arithmetic(operator, left, right, position)


def _concatenate(_operator: str, left: Expression, right: Expression, position: int) -> Expression:
    # Unlike `+`, it takes nothing for an empty text.
    if common_family(left, right, position) != "text":
        raise FhirPathError(f"operator '&' does not take {left.type}", position=position, hint="texts only")
    return _text(
        lambda _, a, b: f"(coalesce({a}, '') || coalesce({b}, ''))",
        one(left, position),
        one(right, position),
        needs_all=False,
    )


def _arithmetic(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    if common_family(left, right, position) != "number":
        raise FhirPathError(f"operator {operator!r} does not take {left.type}", position=position)
    operands = native(one(left, position)), native(one(right, position))
    whole = operator != "/" and all(o.form == "integer" for o in operands)
    form: Form = "integer" if whole or operator == "div" else "double"
    return Operation(
        type="integer" if form == "integer" else "decimal",
        form=form,
        operands=operands,
        needs_all=True,
        emit=lambda d, a, b: _arithmetic_sql(d, operator, a, b, whole=whole),
    )


def _arithmetic_sql(dialect: Dialect, operator: str, left: str, right: str, *, whole: bool) -> str:
    """Divisions give nothing for a divisor of zero; div and mod round towards zero."""
    if operator == "/":
        return f"({dialect.cast(left, 'double')} / nullif({right}, 0))"
    if operator == "mod":
        return f"({left} % nullif({right}, 0))"
    if operator == "div":
        return (
            dialect.whole_quotient(left, f"nullif({right}, 0)")
            if whole
            else dialect.cast(dialect.truncate(f"{left} / nullif({right}, 0)"), "bigint")
        )
    return f"({left} {operator} {right})"


def _text(emit: Emit, *operands: Expression, needs_all: bool) -> Expression:
    return Operation(type="string", form="text", emit=emit, operands=operands, needs_all=needs_all)


OPERATORS: Mapping[str, Build] = {
    **dict.fromkeys(["=", "!="], _equal),
    **dict.fromkeys(["<", ">", "<=", ">="], _order),
    **dict.fromkeys(["and", "or", "xor", "implies"], _logic),
    "+": _plus,
    "&": _concatenate,
    **dict.fromkeys(["-", "*", "/", "div", "mod"], _arithmetic),
    "in": is_in,
    "contains": contains,
    "|": union_of,
}
