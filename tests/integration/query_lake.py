"""A lake in the local S3 and Glue with nothing but tables to query: Parquet files of which the bytes are known."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from caremesh.lake.layout import LAKE_FORMAT, LAKE_MARK
from tests.athena.local_aws import LocalAws

NUMBERS = itertools.count(1)

HIVE_TYPES = {pa.int64(): "bigint", pa.int32(): "int", pa.string(): "string", pa.float64(): "double"}
SERDES = {
    "parquet": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    "text": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
}


@dataclass(frozen=True)
class QueryLake:
    """A lake of its own bucket and Glue database."""

    aws: LocalAws
    number: int = field(default_factory=lambda: next(NUMBERS))

    def __post_init__(self) -> None:
        self.aws.make_bucket(self.bucket)
        self.put(f"lake/{LAKE_MARK}", json.dumps({"format": LAKE_FORMAT}).encode())
        self.glue.create_database(DatabaseInput={"Name": self.database})

    @cached_property
    def s3(self) -> Any:
        return self.aws.client("s3")

    @cached_property
    def glue(self) -> Any:
        return self.aws.client("glue")

    @property
    def bucket(self) -> str:
        return f"query-{self.number}"

    @property
    def database(self) -> str:
        return f"ward{self.number}"

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/lake"

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def add_table(self, name: str, *files: pa.Table, types: Mapping[str, str] | None = None) -> None:
        """Add a table of some files."""
        for place, rows in enumerate(files):
            self.put(f"{name}/part-{place:03}.parquet", as_parquet(rows))
        self.register(name, files[0], types=types)

    def add_partitioned(self, name: str, keys: Sequence[str], parts: Mapping[tuple[str, ...], pa.Table]) -> None:
        """Add a table with one file for each of its partitions."""
        rows = next(iter(parts.values()))
        self.register(name, rows, keys=keys)
        for place, (values, part) in enumerate(parts.items()):
            self.put(f"{name}/{place}/part.parquet", as_parquet(part))
            storage = self.storage(f"{name}/{place}", rows, "parquet", None)
            self.glue.create_partition(
                DatabaseName=self.database,
                TableName=name,
                PartitionInput={"Values": list(values), "StorageDescriptor": storage},
            )

    def register(
        self,
        name: str,
        rows: pa.Table,
        *,
        keys: Sequence[str] = (),
        form: str = "parquet",
        types: Mapping[str, str] | None = None,
    ) -> None:
        """State a table in Glue; what lies in its folder is somebody else's business."""
        table = {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "StorageDescriptor": self.storage(name, rows, form, types),
        }
        self.glue.create_table(DatabaseName=self.database, TableInput=table)

    def storage(self, folder: str, rows: pa.Table, form: str, types: Mapping[str, str] | None) -> dict[str, Any]:
        return {
            "Columns": [{"Name": f.name, "Type": (types or {}).get(f.name) or HIVE_TYPES[f.type]} for f in rows.schema],
            "Location": f"s3://{self.bucket}/{folder}/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": SERDES[form], "Parameters": {"serialization.format": "1"}},
        }


def as_parquet(rows: pa.Table) -> bytes:
    """Plain Parquet, in which a value of 8 bytes takes 8 bytes, and a text 4 more than its own."""
    out = io.BytesIO()
    parquet.write_table(rows, out, compression="none", use_dictionary=False, write_statistics=False)
    return out.getvalue()


def plain(**columns: Sequence[Any]) -> pa.Table:
    """Rows of which no value is null, as which a null would take less."""
    table = pa.table(dict(columns))
    return table.cast(pa.schema([f.with_nullable(False) for f in table.schema]))
