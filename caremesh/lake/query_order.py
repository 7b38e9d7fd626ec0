"""Moves the order of a statement outwards, where it becomes a subquery: Trino keeps no order of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caremesh.errors import QueryError
from caremesh.lake.query_statement import ATHENA, Statement


@dataclass(frozen=True)
class Ordered:
    """A statement without its order, how many columns it gives now, and the `order by` of its columns c0, c1, …"""

    inner: str
    columns: int
    outer: str


def move_order(statement: Statement, names: Sequence[str]) -> Ordered:
    """Take the last `order by` out of a statement whose columns have these names, and what counts rows after it.

    What it orders by becomes a column more where it is none. Raises QueryError where that cannot be done.
    """
    tree = statement.tree.copy()
    order = tree.args.get("order")
    if order is None:
        return Ordered(statement.text, len(names), "")
    tree.set("order", None)
    counts = [tree.args[part].pop().sql(ATHENA) for part in ("offset", "limit") if tree.args.get(part)]
    known = {name.lower(): place for place, name in enumerate(names)}
    keys, columns = [], len(names)
    for key in order.expressions:
        place = _find_column(key.this, known)
        if place is None:
            _add_column(tree, key.this, known)
            place, columns = columns, columns + 1
        keys.append(_order_by(key, place))
    outer = f" order by {', '.join(keys)}{''.join(f' {count.strip()}' for count in counts)}"
    return Ordered(tree.sql(ATHENA), columns, outer)


def _find_column(key: Any, known: dict[str, int]) -> int | None:
    from sqlglot import exp

    if isinstance(key, exp.Literal) and not key.is_string:
        return int(key.this) - 1
    return known.get(key.name.lower()) if isinstance(key, exp.Column) and not key.table else None


def _add_column(tree: Any, key: Any, known: dict[str, int]) -> None:
    from sqlglot import exp

    aliases = {selected.alias.lower() for selected in tree.selects if isinstance(selected, exp.Alias)} & set(known)
    names_alias = any(not c.table and c.name.lower() in aliases for c in key.find_all(exp.Column))
    if not isinstance(tree, exp.Select) or tree.args.get("distinct") or names_alias:
        raise QueryError(
            "a result with lists, maps or rows can be ordered by its columns only",
            hint="name in order by a column of the result, or its number",
        )
    tree.select(key.copy(), copy=False)


def _order_by(key: Any, place: int) -> str:
    from sqlglot import exp

    moved = key.copy()
    moved.set("this", exp.column(f"c{place}"))
    return str(moved.sql(ATHENA))
