"""The checks of a contract: what a candidate release must keep to, and the Great Expectations suite that counts it.

    contract ── expectations_of ──▶ Check, Check, …          what is checked; needs no Great Expectations
             ── build_suite ──────▶ ExpectationSuite         the same checks, but for the column types

The column types are no expectation: Great Expectations cannot read types through DuckDB, so `quality.shape` reads
them from the Parquet schema. Limits are rows ("at most 5 may break it"), Great Expectations knows shares only
(`mostly`): the suite counts, `quality.gate` holds the counts against the limits. A pattern or SQL rule is one query
that gives a number, which is what `quality.expectation` looks at; and so is a key, which Great Expectations looks for
by joining the whole table with itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from caremesh.errors import ContractError
from caremesh.products import Product, Rule, Severity, SqlType
from caremesh.quoting import quote_name, quote_text
from quality.expectation import count_expectation, counting
from quality.pattern import NotPortableError, spell_pattern

if TYPE_CHECKING:
    import great_expectations as gx

Dialect = Literal["duckdb", "athena"]
CheckKind = Literal["columns", "types", "not_null", "unique", "key", "valid_values", "pattern", "row_count", "sql"]

_ROW_SOURCE = "\0"  # stands for the table until it is known how the caller names it; no contract can hold it
_BIND_PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")
_MATCHES: dict[Dialect, str] = {"duckdb": "regexp_matches", "athena": "regexp_like"}
# DuckDB would build the whole table in memory first, were the expression materialized.
_WITH: dict[Dialect, str] = {"duckdb": "as not materialized", "athena": "as"}


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


def build_suite(product: Product, dialect: Dialect) -> gx.ExpectationSuite:
    """Translate a contract's checks into a Great Expectations suite; each expectation's meta names its check."""
    import great_expectations as gx

    return gx.ExpectationSuite(
        name=f"{product.id}.v{product.version}",
        expectations=[_expectation(c, product, dialect) for c in expectations_of(product) if c.kind != "types"],
    )


def violations_query(check: Check, product: Product, *, source: str, dialect: Dialect) -> str | None:
    """The SQL that gives one number, that of the rows that break a check; None where an expectation counts them.

    In the SQL of a rule `{object}` is the table, by its name, and `{property}` the rule's column. Raises ContractError
    for a pattern that the two engines would not read alike.
    """
    if check.kind in ("key", "unique"):
        columns = product.key if check.kind == "key" else (str(check.column),)
        return _repeats_query([quote_name(c) for c in columns], source=source, dialect=dialect)
    if check.kind in ("pattern", "sql"):
        return _rule_query(_rule_of(check, product), product, source=source, dialect=dialect)
    return None


def _rule_of(check: Check, product: Product) -> Rule:
    return next(r for r in product.rules if r.name == check.name)


def _repeats_query(columns: Sequence[str], *, source: str, dialect: Dialect) -> str:
    """Counts rows that others are equal to in these columns; rows with a null there are equal to none."""
    names, stated = ", ".join(columns), " and ".join(f"{c} is not null" for c in columns)
    known = f"with known {_WITH[dialect]} (select {names} from {source} where {stated})"
    repeated = f"select count(*) as alike from known{{}} group by {names} having count(*) > 1"
    suspects = ""
    if dialect == "duckdb":
        # Values that are alike have one hash, and in sound data no two rows share any: all that is grouped are numbers.
        hashed = f"hash({names})"
        suspects = f" where {hashed} in (select {hashed} from known group by 1 having count(*) > 1)"
    return f"{known} select coalesce(sum(alike), 0) as rows_failed from ({repeated.format(suspects)}) as repeated"


def _rule_query(rule: Rule, product: Product, *, source: str, dialect: Dialect) -> str:
    table = quote_name(product.name)
    column = quote_name(rule.column) if rule.column else ""
    if rule.kind == "pattern":
        # Null is allowed: a match with it gives null, and so does the negation.
        match = f"{_MATCHES[dialect]}(cast({column} as varchar), {quote_text(_spelled(rule, product))})"
        body = f"select count(*) as rows_failed from {table} where not {match}"
    else:
        query = rule.query.strip().rstrip(";").replace("{object}", table).replace("{property}", column)
        # The line break ends a comment that the rule may end with; ceil keeps 0.5 from passing as 0.
        body = f"select coalesce(greatest(cast(ceil(({query}\n)) as bigint), 0), 0) as rows_failed"
    return f"with {table} {_WITH[dialect]} (select * from {source}) {body}"


def _spelled(rule: Rule, product: Product) -> str:
    where, column = str(product.contract_file), next(c for c in product.columns if c.name == rule.column)
    if column.sql_type in ("double", "timestamp"):
        hint = f"state the rule as SQL; DuckDB and Athena write a {column.sql_type} as different texts"
        raise ContractError(f"{rule.name}: a pattern cannot judge {column.name}", where=where, hint=hint)
    try:
        return spell_pattern(rule.pattern)
    except NotPortableError as error:
        hint = (
            r"use literals, [sets], \d \w \s, ^ $ . | ( ) (?: ) and the repeats * + ? {n,m}; or state the rule as SQL"
        )
        raise ContractError(f"{rule.name}: {error}", where=where, hint=hint) from None


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
    if query := violations_query(check, product, source=_ROW_SOURCE, dialect=dialect):
        return count_expectation()(query=_batch_query(query), **common)
    if check.kind == "not_null":
        return counting("ExpectColumnValuesToNotBeNull")(column=check.column, **common)
    if check.kind == "row_count":
        return gxe.ExpectTableRowCountToBeBetween(min_value=check.limit, **common)
    values = _typed(_rule_of(check, product), product)
    return counting("ExpectColumnValuesToBeInSet")(column=check.column, value_set=values, **common)


def _batch_query(query: str) -> str:
    """The SQL, spelled so that neither Great Expectations nor SQLAlchemy sees parameters in it."""
    spelled = query.replace("{", "{{").replace("}", "}}")
    return _BIND_PARAMETER.sub(r"\\:", spelled).replace(_ROW_SOURCE, "{batch}")


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
