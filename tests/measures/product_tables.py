"""Product tables made without the pipeline: a DuckDB file as `curate` finds it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from caremesh.products import Product

Row = Mapping[str, object]


def create_products(database: Path, products: Sequence[Product], rows: Mapping[str, Iterable[Row]]) -> Path:
    """Create every product as a table with its contract's columns; rows are given under `<domain>.<product>`."""
    with duckdb.connect(str(database)) as connection:
        for product in products:
            columns = {c.name: c.sql_type for c in product.columns}
            file = database.with_name(f"{product.id}.ndjson")
            file.write_text("".join(json.dumps(row) + "\n" for row in rows.get(product.id, ())), encoding="utf-8")
            connection.execute(f"create schema if not exists {product.domain}")
            connection.execute(
                f"create table {product.id} as "
                f"from read_json('{file}', format = 'newline_delimited', columns = {json.dumps(columns)})"
            )
    return database


def moment(written: str | None) -> str | None:
    """A FHIR dateTime at the offset it was written with; None where only a year or month is known."""
    return written[:19] if written and len(written) >= 10 else None
