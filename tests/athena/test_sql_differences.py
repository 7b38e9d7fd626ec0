"""What `scripts/sql_differences.py` says of the engines is so: its bad examples differ, and its good ones do not."""

from __future__ import annotations

import duckdb
import pytest
from trino.exceptions import TrinoUserError

from tests.athena.engine import Athena
from tests.measures.sql_examples import EXAMPLES, Example

pytestmark = pytest.mark.athena

# Sorted alike on both engines without a word of nulls, so that no rule asks for one.
NULLS_LAST = [
    "select value from (select 1 as value union all select null union all select 2) order by value",
    "select value from (select 1 as value union all select null union all select 2) order by value desc",
    "select row_number() over (order by value desc) as value"
    " from (select 1 as value union all select null union all select 2) order by 1",
]

# Refused by both, so that a build finds them and no rule has to.
REFUSED = ["select count(distinct a, b) as value from (select 1 as a, 2 as b)", "select cast('' as integer) as value"]


def on_duckdb(sql: str) -> object:
    """Rows and type, or that it failed."""
    with duckdb.connect() as connection:
        try:
            cursor = connection.execute(sql)
            rows = cursor.fetchall()
        except (duckdb.Error, duckdb.BinderException):
            return "failed"
        return rows, plain_type(str((cursor.description or [])[0][1]))


def on_athena(sql: str, athena: Athena) -> object:
    """Rows and type, or that it failed."""
    with athena.server.connect() as connection:
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            rows = [tuple(row) for row in cursor.fetchall()]
        except TrinoUserError:
            return "failed"
        return rows, plain_type(str((cursor.description or [])[0][1]))


def plain_type(name: str) -> str:
    """A type as both engines call it: without the length of a text, and without the precision of a time."""
    plain = name.lower().replace(" ", "")
    return plain if plain.startswith("decimal") else plain.split("(")[0]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.rule)
def test_bad_example_differs_and_good_one_does_not(example: Example, athena: Athena) -> None:
    assert on_duckdb(example.bad) != on_athena(example.bad, athena)
    assert on_duckdb(example.good) == on_athena(example.good, athena) != "failed"


@pytest.mark.parametrize("sql", NULLS_LAST, ids=["ascending", "descending", "window"])
def test_nulls_come_last_on_both_engines(sql: str, athena: Athena) -> None:
    assert on_duckdb(sql) == on_athena(sql, athena) != "failed"


@pytest.mark.parametrize("sql", REFUSED, ids=["count of several columns", "empty text as a number"])
def test_both_engines_refuse(sql: str, athena: Athena) -> None:
    assert on_duckdb(sql) == on_athena(sql, athena) == "failed"
