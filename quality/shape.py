"""Reads the shape of a candidate from its Parquet files: row count, columns, types.

Great Expectations cannot check column types through DuckDB, so types are read from the Parquet schema. Columns are
read here too, for each file: a query over several files would only show the columns of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.errors import QualityError
from caremesh.products import Column, Product


@dataclass(frozen=True)
class FoundColumn:
    """A column as it was found; its type by the contract's name for it, where contracts have one."""

    name: str
    type_name: str


@dataclass(frozen=True)
class Shape:
    """Number of rows, and what differs from the contract in names only; empty where nothing does."""

    rows: int
    column_difference: str
    type_difference: str


def read_shape(product: Product, files: Sequence[Path]) -> Shape:
    """Compare the columns and types of each file with the contract's; raise QualityError for an unreadable file."""
    rows = 0
    found = []
    for file in files:
        try:
            footer = pq.read_metadata(file)
            found.append(file_columns(footer))
        except (OSError, pa.ArrowException):
            raise QualityError("cannot be read as a Parquet file", where=str(file)) from None
        rows += footer.num_rows
    return compare_shape(product, found, rows=rows)


def file_columns(footer: pq.FileMetaData) -> tuple[FoundColumn, ...]:
    """The columns that a Parquet file's footer states."""
    return tuple(FoundColumn(field.name, _type_name(field.type)) for field in footer.schema.to_arrow_schema())


def compare_shape(product: Product, found: Iterable[Sequence[FoundColumn]], *, rows: int) -> Shape:
    """Hold each list of columns that was found against the contract's; the first difference of each kind counts."""
    listed = list(found)
    columns = (_column_difference(product.columns, columns) for columns in listed)
    types = (_type_difference(product.columns, columns) for columns in listed)
    return Shape(rows, next(filter(None, columns), ""), next(filter(None, types), ""))


def _column_difference(columns: Sequence[Column], present: Sequence[FoundColumn]) -> str:
    stated, found = [c.name for c in columns], [c.name for c in present]
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


def _type_difference(columns: Sequence[Column], present: Sequence[FoundColumn]) -> str:
    found = {c.name: c.type_name for c in present}
    wrong = [c for c in columns if found.get(c.name, c.sql_type) != c.sql_type]
    return "; ".join(f"{c.name} is {found[c.name]}, the contract says {c.sql_type}" for c in wrong)


def _type_name(found: pa.DataType) -> str:
    if pa.types.is_timestamp(found) and found.tz is None:
        # Any unit: DuckDB writes microseconds, Athena milliseconds. With a zone it is not a type that contracts have.
        return "timestamp"
    if pa.types.is_decimal(found):
        return f"decimal({found.precision},{found.scale})"
    return _CONTRACT_NAMES.get(str(found), str(found))


_CONTRACT_NAMES = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "date32[day]": "date",
    "string": "varchar",
    "large_string": "varchar",
}
