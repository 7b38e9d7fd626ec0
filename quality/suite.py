"""The checks of a contract: what a candidate release must keep to, and the Great Expectations suite that counts it.

    contract ── expectations_of ──▶ Check, Check, …          what is checked; needs no Great Expectations
             ── build_suite ──────▶ ExpectationSuite         the same checks, but for the column types

The column types are no expectation: Great Expectations cannot read types through DuckDB, so `quality.shape` reads
them from the Parquet schema. Limits are rows ("at most 5 may break it"), Great Expectations knows shares only
(`mostly`): the suite counts, `quality.gate` holds the counts against the limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from caremesh.errors import ContractError
from caremesh.products import Product, Rule, Severity, SqlType
from caremesh.quoting import quote_name, quote_text

if TYPE_CHECKING:
    import great_expectations as gx

CheckKind = Literal["columns", "types", "not_null", "unique", "key", "valid_values", "pattern", "row_count", "sql"]

_ROW_SOURCE = "\0"  # stands for the table until it is known how the caller names it; no contract can hold it
_BIND_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


@dataclass(frozen=True)
class Check:
    """One thing that a candidate release must keep to.

    `limit` is how many rows may break it; for `row_count` it is the least number of rows.
    """

    name: str
    kind: CheckKind
    column: str | None
    severity: Severity
    description: str
    limit: int = 0


def expectations_of(product: Product) -> tuple[Check, ...]:
    """List the checks of a contract: its columns and types, keys, required and unique columns, then its rules.

    Raises ContractError where two checks have one name: a verdict could not tell them apart.
    """
    checks = (*_shape_checks(product), *_column_checks(product), *_rule_checks(product))
    names = [c.name for c in checks]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ContractError(
            f"two checks are called {', '.join(twice)}",
            where=str(product.contract_file),
            hint="give each rule under quality a name of its own",
        )
    return checks


def build_suite(product: Product) -> gx.ExpectationSuite:
    """Translate a contract's checks into a Great Expectations suite; each expectation's meta names its check."""
    import great_expectations as gx

    rules = {r.name: r for r in product.rules}
    return gx.ExpectationSuite(
        name=f"{product.id}.v{product.version}",
        expectations=[
            _expectation(check, rules.get(check.name), product)
            for check in expectations_of(product)
            if check.kind != "types"
        ],
    )


def violations_query(rule: Rule, product: Product, *, source: str) -> str:
    """The SQL of a pattern or sql rule: one row holding the number 1 for each row that breaks it, never a value of it.

    In the rule's own SQL `{object}` is the table, by its name, and `{property}` the rule's column.
    """
    table = quote_name(product.name)
    column = quote_name(rule.column) if rule.column else ""
    if rule.kind == "pattern":
        # Null is allowed: regexp_matches gives null for it, and so does the negation.
        text = quote_text(rule.pattern)
        body = f"select 1 from {table} where not regexp_matches(cast({column} as varchar), {text})"
    else:
        query = rule.query.strip().rstrip(";").replace("{object}", table).replace("{property}", column)
        # The line break ends a comment that the rule may end with; ceil keeps 0.5 from passing as 0.
        body = f"select 1 from range(cast(ceil(({query}\n)) as bigint))"
    # DuckDB would build the whole table in memory first, were the expression materialized.
    return f"with {table} as not materialized (select * from {source}) {body}"


def _shape_checks(product: Product) -> Iterator[Check]:
    count = len(product.columns)
    columns = f"The columns are the contract's {count}, in its order."
    types = "Each column has the type that the contract states."
    yield Check(name="columns", kind="columns", column=None, severity="critical", description=columns)
    yield Check(name="column_types", kind="types", column=None, severity="critical", description=types)


def _column_checks(product: Product) -> Iterator[Check]:
    key = product.key
    one = f"No two rows have the same {' and '.join(key)}."
    only = key[0] if len(key) == 1 else None
    # Rows with a null in their key are counted by the not-null checks below, not here.
    yield Check(name="primary_key", kind="key", column=only, severity="critical", description=one)
    for column in product.columns:
        if column.required or column.name in key:
            yield _critical(column.name, "not_null", "required", f"Every row has a {column.name}.")
        if column.unique and column.name != only:
            yield _critical(column.name, "unique", "unique", f"No two rows share a {column.name}; null is allowed.")


def _critical(column: str, kind: CheckKind, suffix: str, description: str) -> Check:
    return Check(name=f"{column}_{suffix}", kind=kind, column=column, severity="critical", description=description)


def _rule_checks(product: Product) -> Iterator[Check]:
    for rule in product.rules:
        yield Check(
            name=rule.name,
            kind=rule.kind,
            column=rule.column,
            severity=rule.severity,
            description=rule.description or _meaning(rule),
            limit=rule.limit,
        )


def _meaning(rule: Rule) -> str:
    if rule.kind == "valid_values":
        return f"{rule.column} is null or one of: {', '.join(rule.valid_values)}."
    if rule.kind == "pattern":
        return f"{rule.column} is null or matches {rule.pattern}"
    if rule.kind == "not_null":
        return f"{rule.column} is not null."
    if rule.kind == "row_count":
        return f"There are at least {rule.limit:,} rows."
    return f"This gives {rule.limit:,} or less: {' '.join(rule.query.split())}"


def _expectation(check: Check, rule: Rule | None, product: Product) -> Any:
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
    if check.kind == "key" and check.column is None:
        return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(product.key), **common)
    if check.kind in ("key", "unique"):
        return gxe.ExpectColumnValuesToBeUnique(column=check.column, **common)
    if check.kind == "not_null":
        return gxe.ExpectColumnValuesToNotBeNull(column=check.column, **common)
    if check.kind == "row_count":
        return gxe.ExpectTableRowCountToBeBetween(min_value=check.limit, **common)
    assert rule is not None
    if check.kind == "valid_values":
        return gxe.ExpectColumnValuesToBeInSet(column=check.column, value_set=_typed(rule, product), **common)
    return gxe.UnexpectedRowsExpectation(unexpected_rows_query=_batch_query(rule, product), **common)


def _batch_query(rule: Rule, product: Product) -> str:
    """The rule's SQL, spelled so that neither Great Expectations nor SQLAlchemy sees parameters in it."""
    query = violations_query(rule, product, source=_ROW_SOURCE).replace("{", "{{").replace("}", "}}")
    return _BIND_PARAMETER.sub(r"\\:", query).replace(_ROW_SOURCE, "{batch}")


def _typed(rule: Rule, product: Product) -> list[Any]:
    """The valid values, read as values of the column's type."""
    sql_type = next(c.sql_type for c in product.columns if c.name == rule.column)
    try:
        return [_READERS[sql_type](value) for value in rule.valid_values]
    except (ValueError, KeyError):
        raise ContractError(
            f"{rule.name}: a valid value is no {sql_type}",
            where=str(product.contract_file),
            hint=f"state validValues as {sql_type}, as {rule.column} is one",
        ) from None


_READERS: dict[SqlType, Callable[[str], Any]] = {
    "varchar": str,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
    "integer": int,
    "bigint": int,
    "double": float,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
}
