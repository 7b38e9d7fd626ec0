"""What operators take: which values go together, and how a value read as text becomes one to compute with."""

from __future__ import annotations

from caremesh.fhir.fhirpath import FhirPathError
from caremesh.fhir.model import FORM_TYPES, Constant, Each, Emit, Expression, Form, Operation, Variable
from caremesh.fhir.scope import one, plain, values

FAMILIES = {
    **dict.fromkeys(["integer", "positiveInt", "unsignedInt", "integer64", "decimal"], "number"),
    **dict.fromkeys(["date", "dateTime", "instant", "time"], "time"),
    "boolean": "boolean",
}


def to_boolean(found: Expression, position: int) -> Expression:
    """The value as one boolean; raise FhirPathError where it has another type."""
    found = plain(found, position)
    if is_nothing(found):
        return Constant(type="boolean", form="boolean", value=None)
    if found.type != "boolean":
        raise FhirPathError(
            f"a boolean is due; the path gives {found.type}", position=position, hint="compare it, or add .exists()"
        )
    return native(one(found, position))


def compare(operator: str, family: str, left: Expression, right: Expression) -> Expression:
    """Compare two single values of one family."""
    if family == "boolean":
        return truth(lambda d, a, b: f"{d.group(a)} {operator} {d.group(b)}", left, right)
    if family != "time":
        return truth(lambda _, a, b: f"{a} {operator} {b}", left, right)
    return truth(
        lambda d, a, b: d.let(a, "v", lambda v: d.let(b, "w", lambda w: d.compare_times(operator, v, w))), left, right
    )


def common_family(left: Expression, right: Expression, position: int) -> str:
    """The family that both sides belong to; raise FhirPathError where they do not go together."""
    families = []
    for side in (left, right):
        if side.form == "struct":
            raise FhirPathError(f"{side.type} cannot be compared or computed with", position=position)
        families.append(FAMILIES.get(side.type, "text"))
    if [left.type, right.type].count("time") == 1 and families == ["time", "time"]:
        raise FhirPathError(f"{left.type} and {right.type} do not go together", position=position)
    empty = [is_nothing(side) for side in (left, right)]
    if families[0] != families[1] and not any(empty):
        raise FhirPathError(f"{left.type} and {right.type} do not go together", position=position)
    return families[1] if empty[0] else families[0]


def is_nothing(found: Expression) -> bool:
    """Whether this is the empty collection `{}`, which goes with every type."""
    return isinstance(found, Constant) and found.value is None


def native(found: Expression) -> Expression:
    """The value as a boolean or number, where it is one: elements are read as text, and only here become more."""
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
        emit=lambda d, x: d.let(x, "v", lambda v: d.parse(v, wanted, f"path: a value is no {found.type}")),
    )


def native_list(found: Expression) -> Expression:
    """The values of an expression, as a list without nulls, ready to be compared."""
    if not found.many:
        value = native(found)
        return _list(value, lambda d, x: d.compact(d.array([x])))
    item = Variable(type=found.type, form=found.form, place=found.place, name="y")
    value = native(item)
    if value is item:
        return _list(found, lambda d, xs: values(d, found, xs))
    return Each(type=found.type, form=value.form, many=True, base=found, variable="y", body=value)


def _list(found: Expression, emit: Emit) -> Expression:
    return Operation(type=found.type, form=found.form, many=True, operands=(found,), needs_all=True, emit=emit)


def truth(emit: Emit, *operands: Expression) -> Expression:
    """A boolean that is computed from operands, empty when one of them is."""
    return Operation(type="boolean", form="boolean", operands=operands, needs_all=True, emit=emit)
