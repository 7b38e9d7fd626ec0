"""The checks of a contract: what a candidate release must keep to. Listing them needs no Great Expectations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from caremesh.products import Condition, Number, Product, Rule, Severity, Unit
from caremesh.products.check_names import COLUMNS_CHECK, KEY_CHECK, TYPES_CHECK, required_check, unique_check
from caremesh.products.conditions import NONE_AT_ALL, are_met

CheckKind = Literal[
    "columns",
    "types",
    "not_null",
    "unique",
    "key",
    "valid_values",
    "missing_values",
    "duplicates",
    "pattern",
    "row_count",
    "sql",
]

_NOT_BY_ROW = ("columns", "types", "row_count", "sql")


@dataclass(frozen=True)
class Check:
    """One thing that a candidate release must keep to: what it measures must meet all `conditions`, in its `unit`."""

    name: str
    kind: CheckKind
    column: str | None
    severity: Severity
    description: str
    conditions: tuple[Condition, ...] = NONE_AT_ALL
    unit: Unit = "rows"

    @property
    def counts_rows(self) -> bool:
        """Whether it measures how many rows break it; else the columns, the number of rows, or what a query gives."""
        return self.kind not in _NOT_BY_ROW

    @property
    def stated(self) -> str:
        """What is demanded, as the contract says it: "mustBeLessThan: 5 percent"."""
        unit = " percent" if self.unit == "percent" else ""
        return ", ".join(f"{c.stated}{unit}" for c in self.conditions)

    def is_kept(self, measured: Number | None, *, rows: int) -> bool:
        """Whether what was measured on a table of so many rows is what the check demands."""
        return are_met(self.conditions, self.unit, measured, rows=rows)


def expectations_of(product: Product) -> tuple[Check, ...]:
    """List the checks of a contract: its columns and types, keys, required and unique columns, then its rules.

    Each has a name of its own: `read_product` refuses a contract in which two would have the same.
    """
    return (*_shape_checks(product), *_column_checks(product), *_rule_checks(product))


def _shape_checks(product: Product) -> Iterator[Check]:
    count = len(product.columns)
    columns = f"The columns are the contract's {count}, in its order."
    types = "Each column has the type that the contract states."
    yield Check(name=COLUMNS_CHECK, kind="columns", column=None, severity="critical", description=columns)
    yield Check(name=TYPES_CHECK, kind="types", column=None, severity="critical", description=types)


def _column_checks(product: Product) -> Iterator[Check]:
    key = product.key
    one = f"No two rows have the same {' and '.join(key)}."
    only = key[0] if len(key) == 1 else None
    # Rows with a null in their key are counted by the not-null checks below, not here.
    yield Check(name=KEY_CHECK, kind="key", column=only, severity="critical", description=one)
    for column in product.columns:
        if column.required or column.name in key:
            yield _critical(column.name, "not_null", required_check(column.name), f"Every row has a {column.name}.")
        if column.unique and column.name != only:
            says = f"No two rows share a {column.name}; null is allowed."
            yield _critical(column.name, "unique", unique_check(column.name), says)


def _critical(column: str, kind: CheckKind, name: str, description: str) -> Check:
    return Check(name=name, kind=kind, column=column, severity="critical", description=description)


def _rule_checks(product: Product) -> Iterator[Check]:
    for rule in product.rules:
        yield Check(
            name=rule.name,
            kind=rule.kind,
            column=rule.column,
            severity=rule.severity,
            description=rule.description or _meaning(rule),
            conditions=rule.conditions,
            unit=rule.unit,
        )


def _meaning(rule: Rule) -> str:
    """The rule in words, for a contract that gives none."""
    demanded = " and ".join(c.words for c in rule.conditions)
    if rule.kind == "sql":
        return f"The result of this query is {demanded}: {' '.join(rule.query.split())}"
    if rule.kind == "row_count":
        return f"The number of rows is {demanded}."
    if rule.conditions == NONE_AT_ALL:
        return _soundness(rule)
    counted = "percentage" if rule.unit == "percent" else "number"
    return f"The {counted} of rows that break this is {demanded}: {_soundness(rule)}"


def _soundness(rule: Rule) -> str:
    """What is true of a row that does not break the rule."""
    if rule.kind == "valid_values":
        return f"{rule.column} is null or one of: {', '.join(rule.valid_values)}."
    if rule.kind == "missing_values":
        listed = [*(["null"] if rule.null_is_missing else []), *(f"'{value}'" for value in rule.missing_values)]
        return f"{rule.column} is not one of: {', '.join(listed)}."
    if rule.kind == "duplicates":
        return f"No other row has the same {' and '.join(rule.columns)}; null is allowed."
    if rule.kind == "pattern":
        return f"{rule.column} is null or matches {rule.pattern}"
    return f"{rule.column} is not null."
