"""Reads the quality rules of a contract: what a table's rows must keep to beyond keys and types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from open_data_contract_standard.model import DataQuality, SchemaObject

from caremesh.errors import ContractError
from caremesh.products.document import one_of

Severity = Literal["critical", "warning", "info"]
RuleKind = Literal["valid_values", "pattern", "not_null", "row_count", "sql"]


@dataclass(frozen=True)
class Rule:
    """One explicit quality rule of a contract; keys, `required` and `unique` are rules by themselves.

    `column` is None for a rule on the whole table. `limit` is how many rows may break the rule (the contract's
    `mustBe` or `mustBeLessOrEqualTo`); for `row_count` it is the least number of rows.
    """

    name: str
    kind: RuleKind
    column: str | None
    severity: Severity
    description: str
    limit: int
    valid_values: tuple[str, ...] = ()
    pattern: str = ""
    query: str = ""


def read_rules(table: SchemaObject, file: Path) -> Iterable[Rule]:
    """Read the rules under `quality`, of the table and of its columns."""
    for index, rule in enumerate(table.quality or []):
        yield _rule(rule, None, f"{file}: schema[0].quality[{index}]")
    for stated in table.properties or []:
        for index, rule in enumerate(stated.quality or []):
            yield _rule(rule, stated.name, f"{file}: schema[0].properties ({stated.name}).quality[{index}]")


def _rule(stated: DataQuality, column: str | None, where: str) -> Rule:
    severity = one_of(stated.severity or "critical", "severity", get_args(Severity), where)
    arguments = stated.arguments or {}
    common: dict[str, Any] = {"column": column, "severity": severity, "description": stated.description or ""}
    limit = int(stated.mustBe or stated.mustBeLessOrEqualTo or 0)
    subject = column or "table"
    if stated.type == "sql" and stated.query:
        if "{object}" not in stated.query:
            raise ContractError("the query does not look at {object}", where=where, hint="select … from {object} …")
        return Rule(name=stated.name or f"{subject}_sql", kind="sql", limit=limit, query=stated.query, **common)
    if stated.metric == "invalidValues" and column and arguments.get("validValues"):
        values = tuple(str(v) for v in arguments["validValues"])
        return Rule(
            name=stated.name or f"{column}_valid", kind="valid_values", limit=limit, valid_values=values, **common
        )
    if stated.metric == "invalidValues" and column and arguments.get("pattern"):
        pattern = str(arguments["pattern"])
        return Rule(name=stated.name or f"{column}_pattern", kind="pattern", limit=limit, pattern=pattern, **common)
    if stated.metric == "nullValues" and column:
        return Rule(name=stated.name or f"{column}_not_null", kind="not_null", limit=limit, **common)
    if stated.metric == "rowCount" and column is None:
        least = int(stated.mustBeGreaterOrEqualTo or 0)
        return Rule(name=stated.name or "table_row_count", kind="row_count", limit=least, **common)
    raise ContractError(
        f"no check is known for metric {stated.metric!r}, type {stated.type!r}",
        where=where,
        hint="metric invalidValues (validValues or pattern), nullValues or rowCount; or type sql with a query",
    )
