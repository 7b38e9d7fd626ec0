"""Names of the checks that a contract has without a rule: of its columns, types, key, required and unique columns."""

from __future__ import annotations

from collections.abc import Iterable

COLUMNS_CHECK = "columns"
TYPES_CHECK = "column_types"
KEY_CHECK = "primary_key"


def required_check(column: str) -> str:
    """The check that every row has a value of a column."""
    return f"{column}_required"


def unique_check(column: str) -> str:
    """The check that no two rows share a value of a column."""
    return f"{column}_unique"


def checks_without_a_rule(*, required: Iterable[str], unique: Iterable[str]) -> frozenset[str]:
    """All these names, for a contract with such required and unique columns; a rule cannot have one of them."""
    of_columns = {*map(required_check, required), *map(unique_check, unique)}
    return frozenset({COLUMNS_CHECK, TYPES_CHECK, KEY_CHECK, *of_columns})
