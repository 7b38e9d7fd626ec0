"""The SQL that measures a check: one query, one number, spelled for DuckDB and for Athena."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from caremesh.errors import ContractError
from caremesh.products import Product, Rule, SqlType
from caremesh.quoting import quote_name, quote_text
from quality.check import Check
from quality.pattern import NotPortableError, spell_pattern

Dialect = Literal["duckdb", "athena"]

_MATCHES: dict[Dialect, str] = {"duckdb": "regexp_matches", "athena": "regexp_like"}
# DuckDB would build the whole table in memory first, were the expression materialized.
_WITH: dict[Dialect, str] = {"duckdb": "as not materialized", "athena": "as"}
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]+")


def measuring_query(check: Check, product: Product, *, source: str, dialect: Dialect) -> str | None:
    """The SQL that gives what a check measures; None where an expectation of Great Expectations counts it.

    In the SQL of a rule `{object}` is the table, by its name, and `{property}` the rule's column. Raises ContractError
    for a pattern that the two engines would not read alike, and for a value that is not of its column's type.
    """
    if check.kind in ("key", "unique"):
        columns = product.key if check.kind == "key" else (str(check.column),)
        return _repeats_query([quote_name(c) for c in columns], source=source, dialect=dialect)
    if check.kind == "duplicates":
        columns = rule_of(check, product).columns
        return _repeats_query([quote_name(c) for c in columns], source=source, dialect=dialect)
    if check.kind in ("pattern", "sql", "missing_values"):
        return _rule_query(rule_of(check, product), product, source=source, dialect=dialect)
    return None


def rule_of(check: Check, product: Product) -> Rule:
    """The rule that a check was made from."""
    return next(r for r in product.rules if r.name == check.name)


def own_query(rule: Rule, product: Product) -> str:
    """The query of a rule of type sql, over a table that is called as the product."""
    column = quote_name(rule.column) if rule.column else ""
    query = rule.query.strip().rstrip(";").replace("{object}", quote_name(product.name))
    # The line break ends a comment that the rule may end with.
    return f"({query.replace('{property}', column)}\n)"


def typed_values(values: Sequence[str], rule: Rule, product: Product) -> list[Any]:
    """Values of a contract, read as values of the rule's column; raise ContractError where one is not of its type."""
    sql_type = next(c.sql_type for c in product.columns if c.name == rule.column)
    try:
        return [_READERS[sql_type](value) for value in values]
    except (ValueError, KeyError):
        raise ContractError(
            f"{rule.name}: a value is not of type {sql_type}",
            where=rule.place or str(product.contract_file),
            hint=f"write values of type {sql_type}, which is the type of {rule.column}",
        ) from None


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
    return f"{known} select coalesce(sum(alike), 0) as measured from ({repeated.format(suspects)}) as repeated"


def _rule_query(rule: Rule, product: Product, *, source: str, dialect: Dialect) -> str:
    table = quote_name(product.name)
    column = quote_name(rule.column) if rule.column else ""
    if rule.kind == "pattern":
        # Null is allowed: a match with it gives null, and so does the negation.
        match = f"{_MATCHES[dialect]}(cast({column} as varchar), {quote_text(_spelled(rule, product))})"
        body = f"select count(*) as measured from {table} where not {match}"
    elif rule.kind == "missing_values":
        body = f"select count(*) as measured from {table} where {_missing(rule, product)}"
    else:
        # Always as a double: a text must not leave the data, even if a rule asks for one.
        body = f"select cast({own_query(rule, product)} as double) as measured"
    return f"with {table} {_WITH[dialect]} (select * from {source}) {body}"


def _missing(rule: Rule, product: Product) -> str:
    column = quote_name(str(rule.column))
    literals = [_literal(value) for value in typed_values(rule.missing_values, rule, product)]
    listed = [f"{column} in ({', '.join(literals)})"] if literals else []
    return " or ".join([*listed, *([f"{column} is null"] if rule.null_is_missing else [])])


def _literal(value: Any) -> str:
    """A value as both engines read it."""
    if isinstance(value, str):
        return quote_text(value)
    if isinstance(value, float):
        return f"cast('{value!r}' as double)"
    if isinstance(value, datetime):
        return f"timestamp '{value.isoformat(sep=' ')}'"
    return f"date '{value}'" if isinstance(value, date) else str(value).lower()


def _spelled(rule: Rule, product: Product) -> str:
    where, column = rule.place or str(product.contract_file), next(c for c in product.columns if c.name == rule.column)
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


def _whole(bits: int, text: str) -> int:
    # Python would also take `1_000`, which others read as a text.
    if not _WHOLE_NUMBER.fullmatch(text) or not -(2**bits) <= int(text) < 2**bits:
        raise ValueError(text)
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if "_" in text or not math.isfinite(value):
        raise ValueError(text)
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo:
        raise ValueError(text)
    return moment


_READERS: Mapping[SqlType, Callable[[str], Any]] = {
    "varchar": str,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
    "integer": lambda text: _whole(31, text),
    "bigint": lambda text: _whole(63, text),
    "double": _real,
    "date": date.fromisoformat,
    "timestamp": _moment,
}
