"""Looks at the rules of a contract before there is data: their values fit the columns, and DuckDB plans their SQL."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from caremesh.duckdb_reading import lock_connection, reading_statement
from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import ContractError, QueryError
from caremesh.products import Product, Rule
from caremesh.quoting import quote_name
from quality.check import expectations_of
from quality.engine import QUERY_HINT
from quality.measuring import measuring_query, rule_of, typed_values

_TABLE = "candidate"


def find_rule_faults(product: Product) -> Iterator[ContractError]:
    """Yield what is wrong with each rule: a value or pattern that does not fit, a query that cannot be planned."""
    columns = ", ".join(f"{quote_name(c.name)} {c.sql_type}" for c in product.columns)
    with duckdb.connect(config=OFFLINE) as connection:
        connection.execute(f"create table {_TABLE} ({columns})")
        lock_connection(connection)
        for check in expectations_of(product)[-len(product.rules) :] if product.rules else ():
            rule = rule_of(check, product)
            try:
                if rule.valid_values:
                    typed_values(rule.valid_values, rule, product)
                query = measuring_query(check, product, source=_TABLE, dialect="duckdb")
            except ContractError as error:
                yield error
                continue
            refusal = _refusal(connection, query) if query else None
            if refusal is not None:
                place = rule.place or str(product.contract_file)
                yield ContractError(f"{rule.name}: {refusal}", where=place, hint=_hint(rule))


def _refusal(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    try:
        connection.execute(f"explain {reading_statement(connection, query)}")
    except QueryError as error:
        return error.message
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


def _hint(rule: Rule) -> str:
    return QUERY_HINT if rule.kind == "sql" else "correct the rule's pattern"
