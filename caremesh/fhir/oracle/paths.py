"""A FHIRPath syntax tree and an item that it looks at → a list of items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from caremesh.fhir.fhirpath import Ast, Binary, External, Index, Literal, Member, Negative, This
from caremesh.fhir.fhirpath import Call as CallSyntax
from caremesh.fhir.oracle.functions import FUNCTIONS, Call
from caremesh.fhir.oracle.items import Item, Items, Number, OracleError, as_focus, children, only, values
from caremesh.fhir.oracle.operators import OPERATORS, truth

# What one side must be for the other to decide nothing.
DECIDED_BY_LEFT = {"and": False, "or": True, "implies": False}
DECIDED_BY_RIGHT = {"and": False, "or": True, "implies": True}


@dataclass(frozen=True)
class Scope:
    """What a path can see: `$this`, the resource, the constants of the view, and `%rowIndex`."""

    focus: Item
    root: Item
    constants: Mapping[str, Item]
    index: int = 0

    def at(self, item: Item) -> Scope:
        """The same scope with another `$this`."""
        return replace(self, focus=as_focus(item))


def evaluate(ast: Ast, scope: Scope) -> Items:
    """Give the items of a path; raise OracleError where the data gives several and one is due."""
    match ast:
        case This():
            return [scope.focus]
        case Member():
            return _member(ast, scope)
        case CallSyntax():
            items = evaluate(ast.base, scope)
            call = Call(items, ast.arguments, lambda argument, item: evaluate(argument, scope.at(item)), scope.focus)
            return FUNCTIONS[ast.name](call)
        case Index():
            return _index(ast, scope)
        case Binary(operator="is" | "as"):
            return evaluate(CallSyntax(ast.left, ast.operator, (ast.right,), ast.position), scope)
        case Binary():
            return _binary(ast, scope)
        case Negative():
            return OPERATORS["-"]([Item("integer", 0)], evaluate(ast.operand, scope))
        case External(name="rowIndex"):
            return [Item("integer", scope.index)]
        case External():
            return [scope.constants[ast.name]]
        case Literal():
            return _literal(ast)


def _member(ast: Member, scope: Scope) -> Items:
    base = evaluate(ast.base, scope)
    if isinstance(ast.base, This) and base[0] is scope.root and ast.name == scope.root.type:
        return base  # a path may start with the resource's own type: Patient.name
    return [child for item in base for child in children(item, ast.name)]


def _index(ast: Index, scope: Scope) -> Items:
    items = [i for i in evaluate(ast.base, scope) if i.placed]
    number = only(evaluate(ast.index, scope))
    return [as_focus(i) for i in items[number.value :][:1]] if number else []


def _binary(ast: Binary, scope: Scope) -> Items:
    sides = [_attempt(side, scope) for side in (ast.left, ast.right)]
    left, right = sides
    if isinstance(left, OracleError):
        raise _judge(left, right, DECIDED_BY_RIGHT.get(ast.operator))
    if isinstance(right, OracleError):
        raise _judge(right, left, DECIDED_BY_LEFT.get(ast.operator))
    return OPERATORS[ast.operator](left, right)


def _attempt(side: Ast, scope: Scope) -> Items | OracleError:
    try:
        return evaluate(side, scope)
    except OracleError as error:
        return error


def _judge(error: OracleError, other: Items | OracleError, decisive: bool | None) -> OracleError:
    """The error to raise for a failed side: one that an engine may avoid where the other side decides alone."""
    if isinstance(other, OracleError):
        return error
    # Nothing, and a divisor of zero, make most operators give nothing, whatever the failed side would be.
    decided = not values(other) or other[0].value == 0 if decisive is None else truth(other) is decisive
    return OracleError(error.message, avoidable=error.avoidable or decided)


def _literal(ast: Literal) -> Items:
    match ast.kind:
        case "empty":
            return []
        case "boolean":
            return [Item("boolean", ast.text == "true")]
        case "integer":
            return [Item("integer", int(ast.text))]
        case "decimal":
            return [Item("decimal", Number(ast.text))]
        case kind:
            return [Item(kind, ast.text)]
