"""Product tables made without the pipeline, as `curate` finds them: in a DuckDB file, and in S3 and Glue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from caremesh.id_spaces import DEFAULT_SOURCE, SOURCE_COLUMN
from caremesh.products import Product

Row = Mapping[str, object]

# Glue's names of types, where they are others: https://docs.aws.amazon.com/athena/latest/ug/data-types.html
HIVE_TYPES = {"varchar": "string", "integer": "int"}

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


def create_products(database: Path, products: Sequence[Product], rows: Mapping[str, Iterable[Row]]) -> Path:
    """Create every product as a table with its contract's columns; rows are given under `<domain>.<product>`."""
    with duckdb.connect(str(database)) as connection:
        for product in products:
            columns = {c.name: c.sql_type for c in product.columns}
            file = database.with_name(f"{product.id}.ndjson")
            stated = ({SOURCE_COLUMN: DEFAULT_SOURCE, **row} for row in rows.get(product.id, ()))
            file.write_text("".join(json.dumps(row) + "\n" for row in stated), encoding="utf-8")
            connection.execute(f"create schema if not exists {product.domain}")
            connection.execute(
                f"create table {product.id} as "
                f"from read_json('{file}', format = 'newline_delimited', columns = {json.dumps(columns)})"
            )
    return database


def publish_products(database: Path, products: Sequence[Product], *, client: Any, place: str) -> None:
    """Put the tables of `create_products` under the S3 address `place`, and point the Glue tables there.

    `client` gives a boto3 client by the name of a service.
    """
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    with duckdb.connect(str(database), read_only=True) as connection:
        for product in products:
            file = database.with_name(f"{product.id}.parquet")
            connection.execute(f"copy {product.id} to '{file}' (format parquet)")
            folder = f"{prefix}/{product.domain}/{product.name}"
            client("s3").put_object(Bucket=bucket, Key=f"{folder}/part.parquet", Body=file.read_bytes())
            _point_table(client("glue"), product, location=f"s3://{bucket}/{folder}/")


def _point_table(glue: Any, product: Product, *, location: str) -> None:
    columns = [{"Name": c.name, "Type": HIVE_TYPES.get(c.sql_type, c.sql_type)} for c in product.columns]
    table = {
        "Name": product.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet"},
        "PartitionKeys": [],
        "StorageDescriptor": {**PARQUET, "Columns": columns, "Location": location},
    }
    with suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": product.domain})
    try:
        glue.create_table(DatabaseName=product.domain, TableInput=table)
    except glue.exceptions.AlreadyExistsException:
        glue.update_table(DatabaseName=product.domain, TableInput=table)


def moment(written: str | None) -> str | None:
    """A FHIR dateTime at the offset it was written with; None where only a year or month is known."""
    return written[:19] if written and len(written) >= 10 else None
