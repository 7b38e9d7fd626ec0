"""The Great Expectations suite that measures the checks of a contract.

    contract ── expectations_of ──▶ Check, Check, …          what is checked; needs no Great Expectations
             ── build_suite ──────▶ ExpectationSuite         the same checks, but for the column types

The column types are not among the expectations: Great Expectations cannot read types through DuckDB, so
`quality.shape` reads them from the Parquet schema. A contract's operators and units are not Great Expectations'
(`mostly`) either: the suite measures, and `quality.gate` holds what it measured against the conditions. Most checks are
one query that gives a number (`quality.measuring`), which is what `quality.expectation` looks at; and so is a key,
which Great Expectations looks for by joining the whole table with itself.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from caremesh.products import Product
from quality.check import Check, expectations_of
from quality.expectation import counting, number_expectation
from quality.measuring import Dialect, measuring_query, rule_of, typed_values

if TYPE_CHECKING:
    import great_expectations as gx

# In place of the table until it is known how the caller names it; `yaml_text` refuses a contract that holds it.
_ROW_SOURCE = "\0"
_BIND_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


def build_suite(product: Product, dialect: Dialect) -> gx.ExpectationSuite:
    """Translate a contract's checks into a Great Expectations suite; each expectation's meta names its check."""
    import great_expectations as gx

    return gx.ExpectationSuite(
        name=f"{product.id}.v{product.version}",
        expectations=[_expectation(c, product, dialect) for c in expectations_of(product) if c.kind != "types"],
    )


def _expectation(check: Check, product: Product, dialect: Dialect) -> Any:
    # By name, as Any: the package does not declare what it exports, and its models want types that Check leaves open.
    gxe: Any = import_module("great_expectations.expectations")
    # The name makes the description unique: a suite drops an expectation that equals another in all but its meta.
    common: dict[str, Any] = {
        "severity": check.severity,
        "description": f"{check.name}: {check.description}",
        "meta": {"check": check.name},
    }
    if check.kind == "columns":
        return gxe.ExpectTableColumnsToMatchOrderedList(column_list=[c.name for c in product.columns], **common)
    if query := measuring_query(check, product, source=_ROW_SOURCE, dialect=dialect):
        return number_expectation()(query=_batch_query(query), **common)
    if check.kind == "not_null":
        return counting("ExpectColumnValuesToNotBeNull")(column=check.column, **common)
    if check.kind == "row_count":
        return gxe.ExpectTableRowCountToBeBetween(min_value=0, **common)
    rule = rule_of(check, product)
    values = typed_values(rule.valid_values, rule, product)
    return counting("ExpectColumnValuesToBeInSet")(column=check.column, value_set=values, **common)


def _batch_query(query: str) -> str:
    """The SQL, spelled so that neither Great Expectations nor SQLAlchemy sees parameters in it."""
    spelled = query.replace("{", "{{").replace("}", "}}")
    return _BIND_PARAMETER.sub(r"\\:", spelled).replace(_ROW_SOURCE, "{batch}")
