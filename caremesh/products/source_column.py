"""The column that says where a row comes from: every contract of a product with views states it, as the last one."""

from __future__ import annotations

from collections.abc import Sequence

from caremesh.errors import ContractError
from caremesh.id_spaces import SOURCE_COLUMN
from caremesh.products.product import Column

SOURCE_LINES = (
    f"- name: {SOURCE_COLUMN}",
    "  logicalType: string",
    "  physicalType: varchar",
    "  required: true",
    "  classification: administrative",
    '  description: "The source system that the row comes from."',
)
"""The column as a contract states it."""


def require_source(columns: Sequence[Column], where: str) -> None:
    """Raise ContractError where a contract does not state the column, or states another one of its name."""
    found = next((c for c in columns if c.name == SOURCE_COLUMN), None)
    if found is None:
        fault = f"no column is called {SOURCE_COLUMN}, which says from which source a row comes"
    elif (found.sql_type, found.required, found.classification) != ("varchar", True, "administrative"):
        fault = f"column {SOURCE_COLUMN} is not a required varchar that is classified as administrative"
    elif found.key_position is not None or found.unique:
        fault = f"column {SOURCE_COLUMN} is a key: the rows of an id are of one source, so that the id is enough"
    elif found is not columns[-1]:
        fault = f"column {SOURCE_COLUMN} is not the last one"
    else:
        return
    lines = "\n".join(f"      {line}" for line in SOURCE_LINES)
    raise ContractError(fault, where=where, hint=f"have it as the last of schema[0].properties:\n{lines}")
