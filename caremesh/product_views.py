"""A product's views, compiled: one for each FHIR type that its rows come from, and all with the contract's columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from caremesh.errors import ContractError, ViewError
from caremesh.fhir import DUCKDB, CompiledView, Dialect, compile_view, parse_view
from caremesh.id_spaces import SOURCE_COLUMN
from caremesh.products import Product

Columns = Sequence[tuple[str, str]]


def compile_product(product: Product, dialect: Dialect = DUCKDB) -> tuple[CompiledView, ...]:
    """Compile a product's views in the contract's order; each gives the contract's columns but for the source.

    The product's rows are those of all of them together, so each view needs a FHIR type of its own. Raises ViewError
    for an invalid view, ContractError where the views or the contract disagree.
    """
    if not product.view_files:
        raise ContractError(
            f"{product.id} has no view", where=str(product.contract_file), hint="it is a derived product"
        )
    compiled = tuple(_compile(file, dialect) for file in product.view_files)
    _refuse_one_type_twice(product, compiled)
    for view, file in zip(compiled[1:], product.view_files[1:], strict=True):
        _refuse_other_columns(product, compiled[0], view, file)
    _refuse_source_column(product, compiled)
    stated = [(c.name, c.sql_type) for c in product.columns if c.name != SOURCE_COLUMN]
    if (given := _columns(compiled[0])) != stated:
        raise ContractError(
            f"the view does not give the contract's columns: {_first_difference(given, stated, 'the contract says')}",
            where=str(product.view_files[0]),
            hint=f"make it agree with {product.contract_file.name}: same names, types and order",
        )
    return compiled


def find_view_faults(product: Product) -> Iterator[ViewError | ContractError]:
    """Yield what is wrong with each view of a product, else how its views and its contract disagree."""
    if not product.view_files:
        return
    try:
        compile_product(product)
    except (ViewError, ContractError) as error:
        of_views = [fault for file in product.view_files if (fault := _fault_of(file))]
        yield from of_views or (error,)


def _fault_of(file: Path) -> ViewError | None:
    try:
        _compile(file, DUCKDB)
    except ViewError as error:
        return error
    return None


def _compile(file: Path, dialect: Dialect) -> CompiledView:
    return compile_view(parse_view(file.read_text(encoding="utf-8"), where=str(file)), dialect)


def _columns(view: CompiledView) -> Columns:
    return [(c.name, c.sql_type) for c in view.columns]


def _refuse_other_columns(product: Product, first: CompiledView, view: CompiledView, file: Path) -> None:
    if (given := _columns(view)) != (expected := _columns(first)):
        name = product.view_files[0].name
        raise ContractError(
            f"{file.name} and {name} do not give the same columns: "
            f"{_first_difference(given, expected, f'{name} gives')}",
            where=str(file),
            hint="the views of one product give the same names, types and order",
        )


def _refuse_source_column(product: Product, compiled: tuple[CompiledView, ...]) -> None:
    for view, file in zip(compiled, product.view_files, strict=True):
        if any(c.name == SOURCE_COLUMN for c in view.columns):
            raise ContractError(
                f"the view has a column {SOURCE_COLUMN}, which the platform fills",
                where=str(file),
                hint="call the view's column otherwise; the contract states both",
            )


def _refuse_one_type_twice(product: Product, compiled: tuple[CompiledView, ...]) -> None:
    seen: dict[str, Path] = {}
    for view, file in zip(compiled, product.view_files, strict=True):
        if view.resource in seen:
            raise ContractError(
                f"{seen[view.resource].name} and {file.name} are both views of {view.resource}",
                where=str(product.contract_file),
                hint="one view for each FHIR type; join them with unionAll",
            )
        seen[view.resource] = file


def _first_difference(given: Columns, expected: Columns, says: str) -> str:
    for index, (left, right) in enumerate(zip(given, expected, strict=False)):
        if left != right:
            return f"column {index} is {' '.join(left)}, {says} {' '.join(right)}"
    return f"{len(given)} columns, {says} {len(expected)}"
