"""The order of a statement that becomes a subquery."""

from __future__ import annotations

import pytest

from caremesh.errors import QueryError
from caremesh.lake.query_order import Ordered, move_order
from caremesh.lake.query_statement import read_statement


def move(sql: str, *names: str) -> Ordered:
    return move_order(read_statement(sql), names)


def test_a_statement_without_order_stays_as_it_was_written() -> None:
    assert move("select  a , b from x.y limit 3;", "a", "b") == Ordered("select  a , b from x.y limit 3", 2, "")


@pytest.mark.parametrize("key", ["b", "B", "2", '"b"'])
def test_a_column_of_the_result_is_ordered_by_from_outside(key: str) -> None:
    moved = move(f"select a, b from x.y order by {key} desc limit 3", "a", "b")
    assert moved.columns == 2
    assert moved.outer == " order by c1 DESC LIMIT 3"
    assert "ORDER" not in moved.inner
    assert "LIMIT" not in moved.inner


def test_what_is_not_shown_becomes_a_column_more() -> None:
    moved = move("select a from x.y as t order by t.n, lower(m) nulls first offset 2 limit 5", "a")
    assert moved.columns == 3
    assert moved.inner == "SELECT a, t.n, LOWER(m) FROM x.y AS t"
    assert moved.outer == " order by c1, c2 NULLS FIRST OFFSET 2 LIMIT 5"


@pytest.mark.parametrize(
    "sql",
    [
        "select distinct a from x.y order by lower(a)",
        "select a from x.y union all select a from x.z order by lower(a)",
        "select n as a from x.y order by lower(a)",
    ],
)
def test_an_order_that_cannot_be_moved_is_refused(sql: str) -> None:
    with pytest.raises(QueryError, match="ordered by its columns only"):
        move(sql, "a")
