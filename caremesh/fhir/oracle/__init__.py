"""A second opinion on every view: a slow, obvious interpreter that shares nothing with the compiler but the parser.

It follows the processing algorithm of SQL on FHIR on plain Python lists. Tests hold the compiled SQL against it; adding
a function or an operator is one line in its table here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from caremesh.fhir.definition import SelectDefinition, ViewDefinition, read_definition
from caremesh.fhir.fhirpath import parse
from caremesh.fhir.model import Column
from caremesh.fhir.oracle.items import Item, Number, OracleError, parse_resource
from caremesh.fhir.oracle.operators import truth
from caremesh.fhir.oracle.output import finish
from caremesh.fhir.oracle.paths import Scope, evaluate
from caremesh.fhir.oracle.rows import Row, process
from caremesh.fhir.views import parse_view

__all__ = ["OracleError", "interpret", "parse_resource"]


def interpret(text: str, resources: Iterable[dict[str, Any]], *, where: str) -> list[dict[str, Any]]:
    """Give the rows of a view (its JSON text) over parsed resources; `where` is the view's file.

    Decimals are as written only in resources that `parse_resource` parsed. Raises ViewError for a view that is not
    valid, and OracleError for data that a column or a path of the view cannot hold.
    """
    columns = parse_view(text, where=where).columns
    definition = read_definition(text, where=where)
    constants = {c.name: _constant(c.kind, c.value) for c in definition.constant}
    return [
        _finish(row, columns)
        for resource in resources
        if resource.get("resourceType") == definition.resource
        for row in _rows(definition, Item(definition.resource, resource), constants)
    ]


def _rows(definition: ViewDefinition, root: Item, constants: dict[str, Item]) -> list[Row]:
    scope = Scope(root, root, constants)
    if not _is_wanted(definition, scope):
        return []
    return process(SelectDefinition(select=definition.select), scope)


def _is_wanted(definition: ViewDefinition, scope: Scope) -> bool:
    error, wanted = None, True
    for condition in definition.where:
        try:
            wanted = truth(evaluate(parse(condition.path), scope)) is True and wanted
        except OracleError as found:
            error = found
    if error:
        raise OracleError(error.message, avoidable=error.avoidable or not wanted)
    return wanted


def _finish(row: Row, columns: tuple[Column, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in columns:
        cell = row[column.name]
        if isinstance(cell, OracleError):
            raise cell
        found[column.name] = finish(column, cell)
    return found


def _constant(written: str, value: Any) -> Item:
    fhir_type = written[0].lower() + written[1:]
    return Item(fhir_type, Number(repr(value)) if fhir_type == "decimal" else value)
