"""The processing algorithm of SQL on FHIR, word for word, on plain lists.

https://sql-on-fhir.org/ig/StructureDefinition-ViewDefinition.html#processing-algorithm
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import TypeAlias

from caremesh.fhir.definition import SelectDefinition
from caremesh.fhir.fhirpath import External, parse
from caremesh.fhir.oracle.items import Item, Items, OracleError
from caremesh.fhir.oracle.paths import Scope, evaluate

# A column's items; or why it has none, which matters only if the row comes out.
Cell: TypeAlias = Items | OracleError
Row: TypeAlias = dict[str, Cell]


def process(select: SelectDefinition, scope: Scope) -> list[Row]:
    """Give the rows of a select structure for the node that is in focus."""
    rows: list[Row] = []
    for focus in _foci(select, scope):
        parts = [[{c.name: _cell(c.path, focus)}] for c in select.column]
        parts += [process(s, focus) for s in select.select]
        if select.unionAll:
            parts.append([row for u in select.unionAll for row in process(u, focus)])
        rows += [_merge(partial) for partial in product(*parts)]
    if select.forEachOrNull and not rows:
        return [dict(_null_cells(select))]
    return rows


def _merge(partial: tuple[Row, ...]) -> Row:
    return {name: cell for row in partial for name, cell in row.items()}


def _cell(path: str, scope: Scope) -> Cell:
    try:
        return evaluate(parse(path), scope)
    except OracleError as error:
        return error


def _foci(select: SelectDefinition, scope: Scope) -> list[Scope]:
    path = select.forEach or select.forEachOrNull
    if select.repeat:
        nodes = list(_descend(select.repeat, scope))
    elif path:
        nodes = _nodes(path, scope)
    else:
        return [scope]
    return [replace(scope.at(node), index=index) for index, node in enumerate(nodes)]


def _descend(paths: tuple[str, ...], scope: Scope) -> Iterator[Item]:
    for path in paths:
        for child in _nodes(path, scope):
            yield child
            yield from _descend(paths, scope.at(child))


def _nodes(path: str, scope: Scope) -> Items:
    try:
        return [i for i in evaluate(parse(path), scope) if i.placed]
    except OracleError as error:
        # A sibling without rows may keep an engine from ever looking at this path.
        raise OracleError(error.message, avoidable=True) from None


def _null_cells(select: SelectDefinition) -> Iterator[tuple[str, Cell]]:
    for column in select.column:
        counts = isinstance(tree := parse(column.path), External) and tree.name == "rowIndex"
        yield column.name, [Item("integer", 0)] if counts else []
    for nested in (*select.select, *select.unionAll[:1]):
        yield from _null_cells(nested)
