"""Looks at the rules of a contract before there is data: their values fit the columns, and DuckDB plans their SQL.

A query that is not an aggregate may give more than one row, which shows only when the gate runs it.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from caremesh.duckdb_reading import lock_connection, reading_statement, tables_read
from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import ContractError, QueryError
from caremesh.products import Product, Rule
from caremesh.quoting import quote_name
from quality.check import expectations_of
from quality.engine import QUERY_HINT
from quality.measuring import measuring_query, own_query, typed_values

_TABLE = "candidate"
_NUMBERS = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
        '"NULL"',
    }
)
"""Types of DuckDB that a query of a rule may give: numbers, true or false, and null, which the gate judges."""


def find_rule_faults(product: Product) -> Iterator[ContractError]:
    """Yield what is wrong with each rule: a value or pattern that does not fit, a query that cannot be planned."""
    columns = ", ".join(f"{quote_name(c.name)} {c.sql_type}" for c in product.columns)
    with duckdb.connect(config=OFFLINE) as connection:
        connection.execute(f"create table {_TABLE} ({columns})")
        lock_connection(connection)
        checks = {check.name: check for check in expectations_of(product)}
        for rule in product.rules:
            try:
                if rule.valid_values:
                    typed_values(rule.valid_values, rule, product)
                query = measuring_query(checks[rule.name], product, source=_TABLE, dialect="duckdb")
            except ContractError as error:
                yield error
                continue
            refusal = _refusal(connection, query, rule, product) if query else None
            if refusal is not None:
                place = rule.place or str(product.contract_file)
                yield ContractError(f"{rule.name}: {refusal}", where=place, hint=_hint(rule))


def _refusal(connection: duckdb.DuckDBPyConnection, query: str, rule: Rule, product: Product) -> str | None:
    try:
        connection.execute(f"explain {reading_statement(connection, query)}")
        return _unlike_a_number(connection, rule, product) if rule.kind == "sql" else None
    except QueryError as error:
        return error.message
    except duckdb.Error as error:
        return str(error).splitlines()[0]


def _unlike_a_number(connection: duckdb.DuckDBPyConnection, rule: Rule, product: Product) -> str | None:
    """Why a query that can be planned does not give one number of the product's table; None where it may."""
    query, table = own_query(rule, product), (product.name,)
    read = tables_read(connection, f"select {query}")
    if table not in read:
        return "the query does not read {object}"
    if others := sorted(".".join(path) for path in read - {table}):
        return f"the query reads {', '.join(others)}, but a rule can only read {{object}}"
    given = connection.execute(
        f"describe with {quote_name(product.name)} as (select * from {_TABLE}) select * from {query}"
    ).fetchall()
    kinds = [str(kind) for _, kind, *_ in given]
    if len(kinds) == 1 and kinds[0].partition("(")[0] not in _NUMBERS:
        return f"the query gives a {kinds[0].lower()}, which is not a number"
    return None


def _hint(rule: Rule) -> str:
    return QUERY_HINT if rule.kind == "sql" else "correct the rule's pattern"
