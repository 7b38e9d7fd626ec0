"""Reads the shape of a candidate from its Parquet files: row count, columns, types.

Great Expectations cannot check column types through DuckDB, so types are read from the Parquet schema. Columns are
read here too, for each file: a query over several files would only show the columns of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.errors import QualityError
from caremesh.products import Column, Product, SqlType


@dataclass(frozen=True)
class Shape:
    """Number of rows, and what differs from the contract in names only; empty where nothing does."""

    rows: int
    column_difference: str
    type_difference: str


def read_shape(product: Product, files: Sequence[Path]) -> Shape:
    """Compare the columns and types of each file with the contract's; raise QualityError for an unreadable file."""
    rows = 0
    columns: list[str] = []
    types: list[str] = []
    for file in files:
        try:
            footer = pq.read_metadata(file)
            schema = footer.schema.to_arrow_schema()
        except (OSError, pa.ArrowException):
            raise QualityError("cannot be read as a Parquet file", where=str(file)) from None
        rows += footer.num_rows
        columns.append(_column_difference(product.columns, schema))
        types.append(_type_difference(product.columns, schema))
    return Shape(rows, next(filter(None, columns), ""), next(filter(None, types), ""))


def _column_difference(columns: Sequence[Column], schema: pa.Schema) -> str:
    stated, found = [c.name for c in columns], schema.names
    missing = [n for n in stated if n not in found]
    added = [n for n in found if n not in stated]
    parts = []
    if missing:
        parts.append(f"missing: {', '.join(missing)}")
    if added:
        parts.append(f"not in the contract: {', '.join(added)}")
    if not parts and found != stated:
        place = next(i for i, (f, s) in enumerate(zip(found, stated, strict=False)) if f != s)
        parts.append(f"column {place + 1} is {found[place]}, the contract says {stated[place]}")
    return "; ".join(parts)


def _type_difference(columns: Sequence[Column], schema: pa.Schema) -> str:
    present = [c for c in columns if schema.get_field_index(c.name) >= 0]
    wrong = [c for c in present if not _is_type(schema.field(c.name).type, c.sql_type)]
    return "; ".join(f"{c.name} is {schema.field(c.name).type}, the contract says {c.sql_type}" for c in wrong)


def _is_type(found: pa.DataType, stated: SqlType) -> bool:
    if stated == "varchar":
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if stated == "timestamp":
        # Any unit: DuckDB writes microseconds, Athena's UNLOAD milliseconds. No zone: a contract has none.
        return bool(pa.types.is_timestamp(found) and found.tz is None)
    return bool(found == _ARROW_TYPES[stated]())


_ARROW_TYPES = {
    "boolean": pa.bool_,
    "integer": pa.int32,
    "bigint": pa.int64,
    "double": pa.float64,
    "date": pa.date32,
}
