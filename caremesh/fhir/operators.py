"""The FHIRPath operators of a view: one entry of OPERATORS each, and what their operands must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from caremesh.fhir.fhirpath import FhirPathError
from caremesh.fhir.model import FORM_TYPES, Constant, Emit, Expression, Form, Operation
from caremesh.fhir.scope import one, plain, values

Build = Callable[[str, Expression, Expression, int], Expression]

FAMILIES = {
    **dict.fromkeys(["integer", "positiveInt", "unsignedInt", "integer64", "decimal"], "number"),
    **dict.fromkeys(["date", "dateTime", "instant", "time"], "time"),
    "boolean": "boolean",
}


def find_operator(operator: str, position: int) -> Build:
    """Look an operator up; raise FhirPathError where a view cannot use it."""
    if operator not in OPERATORS:
        hint = f"one of: {' '.join(OPERATORS)}"
        raise FhirPathError(f"operator {operator!r} is not supported yet", position=position, hint=hint)
    return OPERATORS[operator]


def to_boolean(found: Expression, position: int) -> Expression:
    """The value as one boolean; raise FhirPathError where it has another type."""
    found = plain(found, position)
    if found.type != "boolean":
        raise FhirPathError(
            f"a boolean is due; the path gives {found.type}", position=position, hint="compare it, or add .exists()"
        )
    return _native(one(found, position))


def equal(left: Expression, right: Expression, position: int) -> Expression:
    """`left = right`: empty when a side is empty, false when they differ in number."""
    family = _family(left, right, position)
    if left.many and right.many:
        return _boolean(lambda d, a, b: d.same_lists(values(d, left, a), values(d, right, b)), left, right)
    if right.many:
        left, right = right, left
    if not left.many:
        return _compare("=", family, _native(left), _native(right))
    return _boolean(
        lambda d, xs, y: d.let(values(d, left, xs), "v", lambda v: d.same_single(v, d.group(y))), left, right
    )


def _equal(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    same = equal(left, right, position)
    return same if operator == "=" else _boolean(lambda _, x: f"not ({x})", same)


def _order(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    family = _family(left, right, position)
    if family == "boolean":
        raise FhirPathError("booleans have no order", position=position)
    return _compare(operator, family, _native(one(left, position)), _native(one(right, position)))


def _logic(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    # SQL's and, or are three-valued like those of FHIRPath: null is empty.
    operands = to_boolean(left, position), to_boolean(right, position)
    return Operation(type="boolean", form="boolean", operands=operands, emit=lambda _, a, b: f"({a} {operator} {b})")


def _arithmetic(operator: str, left: Expression, right: Expression, position: int) -> Expression:
    family = _family(left, right, position)
    operands = _native(one(left, position)), _native(one(right, position))
    if family == "text" and operator == "+":
        return Operation(
            type="string", form="text", operands=operands, needs_all=True, emit=lambda _, a, b: f"({a} || {b})"
        )
    if family != "number":
        raise FhirPathError(f"operator {operator!r} does not take {left.type}", position=position)
    whole = operator != "/" and all(o.form == "integer" for o in operands)
    form: Form = "integer" if whole else "double"
    # Division by zero is empty in FHIRPath, and never whole-number division.
    emit: Emit = lambda d, a, b: (  # noqa: E731
        f"({d.cast(a, 'double')} / nullif({b}, 0))" if operator == "/" else f"({a} {operator} {b})"
    )
    return Operation(type="integer" if whole else "decimal", form=form, operands=operands, needs_all=True, emit=emit)


def _compare(operator: str, family: str, left: Expression, right: Expression) -> Expression:
    if family == "boolean":
        return _boolean(lambda d, a, b: f"{d.group(a)} {operator} {d.group(b)}", left, right)
    if family != "time":
        return _boolean(lambda _, a, b: f"{a} {operator} {b}", left, right)
    return _boolean(
        lambda d, a, b: d.let(a, "v", lambda v: d.let(b, "w", lambda w: d.compare_times(operator, v, w))), left, right
    )


def _family(left: Expression, right: Expression, position: int) -> str:
    families = []
    for side in (left, right):
        if side.form == "struct":
            raise FhirPathError(f"{side.type} cannot be compared or computed with", position=position)
        families.append(FAMILIES.get(side.type, "text"))
    empty = [isinstance(s, Constant) and s.value is None for s in (left, right)]
    if families[0] != families[1] and not any(empty):
        raise FhirPathError(f"{left.type} and {right.type} do not go together", position=position)
    return families[1] if empty[0] else families[0]


def _native(found: Expression) -> Expression:
    # Elements are read as text; only here, where a value is computed with, does the text become a boolean or a number.
    if found.form != "text" or found.type not in FAMILIES or FAMILIES[found.type] == "time":
        return found
    forms: dict[str, Form] = {"boolean": "boolean", "decimal": "double"}
    form = forms.get(found.type, "integer")
    wanted = FORM_TYPES[form]
    return Operation(
        type=found.type,
        form=form,
        operands=(found,),
        needs_all=True,
        emit=lambda d, x: d.let(x, "v", lambda v: d.parse(v, wanted, f"a {found.type} cannot be read")),
    )


def _boolean(emit: Emit, *operands: Expression) -> Expression:
    return Operation(type="boolean", form="boolean", operands=operands, needs_all=True, emit=emit)


OPERATORS: Mapping[str, Build] = {
    **dict.fromkeys(["=", "!="], _equal),
    **dict.fromkeys(["<", ">", "<=", ">="], _order),
    **dict.fromkeys(["and", "or"], _logic),
    **dict.fromkeys(["+", "-", "*", "/"], _arithmetic),
}
