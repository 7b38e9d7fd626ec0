"""The FHIRPath operators on lists of items: https://hl7.org/fhirpath/N1/#operations. One entry of a table each."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from caremesh.fhir.oracle.items import Item, Items, Number, OracleError, boolean, family, native, only, values
from caremesh.fhir.oracle.times import compare, read_moment

Operator = Callable[[Items, Items], Items]
LARGEST = 2**63 - 1


def equal(left: Items, right: Items) -> bool | None:
    """`=`: None where a side is empty, or where the precision of a date leaves it open."""
    ours, theirs = values(left), values(right)
    if not ours or not theirs:
        return None
    if len(ours) != len(theirs):
        return False
    return _all_of([_same(a, b) for a, b in zip(ours, theirs, strict=True)])


def _all_of(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _same(left: Item, right: Item) -> bool | None:
    if family(left) != family(right):
        return False
    if family(left) in ("dated", "time"):
        order = _order(left, right)
        return None if order is None else order == 0
    return bool(native(left) == native(right))


def _order(left: Item, right: Item) -> int | None:
    if family(left) != family(right):
        raise OracleError("values of different types have no order")
    if family(left) in ("dated", "time"):
        return compare(*(read_moment(native(side), family(side)) for side in (left, right)))
    mine, theirs = native(left), native(right)
    return int(mine > theirs) - int(mine < theirs)


def _ordered(holds: Callable[[int, int], bool]) -> Operator:
    def apply(left: Items, right: Items) -> Items:
        ours, theirs = only(left), only(right)
        if ours is None or theirs is None:
            return []
        order = _order(ours, theirs)
        return boolean(None if order is None else holds(order, 0))

    return apply


def equivalent(left: Items, right: Items) -> bool:
    """`~`: the same number of items, each of which has its like on the other side."""
    ours, theirs = values(left), values(right)
    for item in ours:
        like = next((i for i, other in enumerate(theirs) if _alike(item, other)), None)
        if like is None:
            return False
        del theirs[like]
    return not theirs


def _alike(left: Item, right: Item) -> bool:
    if family(left) != family(right):
        return False
    if family(left) == "number":
        return _alike_numbers(left, right)
    if family(left) == "text":
        return _folded(native(left)) == _folded(native(right))
    return _same(left, right) is True


def _folded(text: str) -> str:
    return "".join(" " if c in "\t\r\n" else c for c in text).lower()


def _alike_numbers(left: Item, right: Item) -> bool:
    sides = [Decimal(repr(float(native(side)))).normalize() for side in (left, right)]
    # Both are rounded to the places that the less precise one has.
    places = max(min(0, int(side.as_tuple().exponent)) for side in sides)
    rounded = [side.quantize(Decimal(1).scaleb(places), rounding=ROUND_HALF_UP) for side in sides]
    return rounded[0] == rounded[1]


def contains(items: Items, wanted: Items) -> bool | None:
    """`items contains wanted`: None where nothing is looked for."""
    item = only(wanted)
    return None if item is None else any(_same(item, other) is True for other in values(items))


def union(left: Items, right: Items) -> Items:
    """`|`: the values of both sides, each once, in the order they come."""
    found: Items = []
    for item in values([*left, *right]):
        if not any(_same(item, other) is True for other in found):
            found.append(item)
    return found


def truth(items: Items) -> bool | None:
    """One boolean, or None for nothing."""
    item = only(items)
    return None if item is None else bool(native(item))


def _logical(decide: Callable[[bool | None, bool | None], bool | None]) -> Operator:
    return lambda left, right: boolean(decide(truth(left), truth(right)))


def both(left: bool | None, right: bool | None) -> bool | None:
    """Three-valued `and`."""
    return _all_of([left, right])


def either(left: bool | None, right: bool | None) -> bool | None:
    """Three-valued `or`."""
    return negate(both(negate(left), negate(right)))


def negate(value: bool | None) -> bool | None:
    """Three-valued `not`."""
    return None if value is None else not value


def _differ(left: bool | None, right: bool | None) -> bool | None:
    return None if left is None or right is None else left != right


def add(left: Items, right: Items) -> Items:
    """`+`: a sum of numbers, or the joined text of strings."""
    ours, theirs = only(left), only(right)
    if ours and theirs and family(ours) == family(theirs) == "text":
        return [Item("string", native(ours) + native(theirs))]
    return _number(operator.add)(left, right)


def join_text(left: Items, right: Items) -> Items:
    """`&`: the joined text, where nothing counts as the empty text."""
    sides = [only(left), only(right)]
    return [Item("string", "".join(native(side) for side in sides if side))]


def _number(compute: Callable[[Any, Any], Any]) -> Operator:
    def apply(left: Items, right: Items) -> Items:
        ours, theirs = only(left), only(right)
        if ours is None or theirs is None:
            return []
        if family(ours) != "number" or family(theirs) != "number":
            raise OracleError("only numbers can be computed with")
        found = compute(native(ours), native(theirs))
        return [] if found is None else [_as_item(found)]

    return apply


def _as_item(number: Any) -> Item:
    if isinstance(number, int):
        if abs(number) > LARGEST:
            raise OracleError("a whole number is too large")
        return Item("integer", number)
    return Item("decimal", Number(repr(number)))


def _divide(left: Any, right: Any) -> Any:
    return None if right == 0 else float(left) / float(right)


def _whole_division(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return math.trunc(left / right)


def _remainder(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return left - right * _whole_division(left, right)
    return math.fmod(left, right)


OPERATORS: Mapping[str, Operator] = {
    "=": lambda left, right: boolean(equal(left, right)),
    "!=": lambda left, right: boolean(negate(equal(left, right))),
    "~": lambda left, right: boolean(equivalent(left, right)),
    "!~": lambda left, right: boolean(not equivalent(left, right)),
    "<": _ordered(operator.lt),
    ">": _ordered(operator.gt),
    "<=": _ordered(operator.le),
    ">=": _ordered(operator.ge),
    "and": _logical(both),
    "or": _logical(either),
    "xor": _logical(_differ),
    "implies": _logical(lambda left, right: either(negate(left), right)),
    "in": lambda left, right: boolean(contains(right, left)),
    "contains": lambda left, right: boolean(contains(left, right)),
    "|": union,
    "+": add,
    "-": _number(operator.sub),
    "*": _number(operator.mul),
    "/": _number(_divide),
    "div": _number(_whole_division),
    "mod": _number(_remainder),
    "&": join_text,
}
