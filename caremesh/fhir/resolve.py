"""Syntax tree and FHIR types → typed expression."""

from __future__ import annotations

from caremesh.fhir.fhirpath import Ast, Binary, External, FhirPathError, Index, Literal, Member, Negative, This
from caremesh.fhir.fhirpath import Call as CallSyntax
from caremesh.fhir.functions import Call, call_function
from caremesh.fhir.model import Constant, Expression, RowIndex
from caremesh.fhir.operators import find_operator
from caremesh.fhir.scope import Scope, item, member, plain
from caremesh.fhir.types import suggest

ROW_INDEX = "rowIndex"


def resolve(ast: Ast, scope: Scope) -> Expression:
    """Give a path its types and cardinalities; raise FhirPathError where FHIR or this compiler has no such thing."""
    if isinstance(ast, This):
        return scope.focus
    if isinstance(ast, Member):
        return member(scope, resolve(ast.base, scope), ast.name, ast.position)
    if isinstance(ast, CallSyntax):
        base = resolve(ast.base, scope)
        return call_function(Call(scope, base, ast.name, ast.arguments, ast.position, resolve))
    if isinstance(ast, Index):
        return _index(ast, scope)
    if isinstance(ast, Binary):
        return _binary(ast, scope)
    if isinstance(ast, Negative):
        return _binary(Binary("-", Literal("integer", "0", ast.position), ast.operand, ast.position), scope)
    if isinstance(ast, External):
        return _external(ast, scope)
    return _literal(ast)


def constant(fhir_type: str, value: object) -> Constant:
    """A constant of a FHIR type, from its JSON value or its text; raise ValueError where they do not fit."""
    if fhir_type == "boolean":
        if not isinstance(value, bool):
            raise ValueError("true or false is due")
        return Constant(type=fhir_type, form="boolean", value=value)
    if fhir_type in ("integer", "positiveInt", "unsignedInt", "integer64"):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("a whole number is due")
        return Constant(type=fhir_type, form="integer", value=value)
    if fhir_type == "decimal":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number is due")
        return Constant(type=fhir_type, form="double", value=float(value))
    if not isinstance(value, str):
        raise ValueError("text is due")
    return Constant(type=fhir_type, form="text", value=value)


def _literal(ast: Literal) -> Constant:
    if ast.kind == "empty":
        return Constant(type="string", form="text", value=None)
    if ast.kind == "boolean":
        return constant("boolean", ast.text == "true")
    if ast.kind == "integer":
        return constant("integer", int(ast.text))
    if ast.kind == "decimal":
        return constant("decimal", float(ast.text))
    return constant(ast.kind, ast.text)


def _external(ast: External, scope: Scope) -> Expression:
    if ast.name == ROW_INDEX:
        return RowIndex(type="integer", form="integer", variable=scope.index)
    if ast.name not in scope.constants:
        raise FhirPathError(
            f"%{ast.name} is no constant of this view",
            position=ast.position,
            hint=suggest(ast.name, [ROW_INDEX, *scope.constants]),
        )
    return scope.constants[ast.name]


def _binary(ast: Binary, scope: Scope) -> Expression:
    if ast.operator in ("is", "as"):
        base = resolve(ast.left, scope)
        return call_function(Call(scope, base, ast.operator, (ast.right,), ast.position, resolve))
    build = find_operator(ast.operator, ast.position)
    left, right = (plain(resolve(side, scope), ast.position) for side in (ast.left, ast.right))
    return build(ast.operator, left, right, ast.position)


def _index(ast: Index, scope: Scope) -> Expression:
    found = resolve(ast.index, scope)
    if not isinstance(found, Constant) or found.form != "integer" or not isinstance(found.value, int):
        raise FhirPathError(
            "an index is a whole number or a constant", position=ast.position, hint="name[0], name[%position]"
        )
    return item(plain(resolve(ast.base, scope), ast.position), found.value)
