"""What one intake in Athena works with: Parquet files of its own in S3, and Glue tables over them, until it is done."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.aws import Aws, telling_errors
from caremesh.engines.athena import Athena, Query
from caremesh.engines.glue_tables import (
    DATABASE,
    GlueTable,
    create_parquet_table,
    delete_below,
    drop_table,
    find_tables,
)
from caremesh.places import S3Place
from caremesh.quoting import quote_text

_ARROW_TYPES = {"string": pa.string(), "binary": pa.binary(), "int": pa.int32()}


@dataclass
class Workbench:
    """The tables of one intake, below `place`, and the statements that it ran."""

    athena: Athena
    name: str
    place: S3Place
    tables: list[GlueTable] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)

    @property
    def aws(self) -> Aws:
        """The account."""
        return self.athena.aws

    def unload(self, sql: str, place: S3Place) -> None:
        """Write the rows of a query as Parquet files below a place, which must be empty."""
        target = f"to {quote_text(place.folder)} with (format = 'PARQUET', compression = 'ZSTD')"
        self.queries.append(self.athena.run(f"unload ({sql})\n{target}", database=DATABASE))

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run a SELECT; give its rows as text."""
        rows, query = self.athena.rows(sql, database=DATABASE)
        self.queries.append(query)
        return rows

    def table(self, what: str, columns: Mapping[str, str], *, place: S3Place | None = None) -> str:
        """Make a table (name → Hive type) over the Parquet files of a place; else over those of this name."""
        table = GlueTable(DATABASE, _table_prefix(self.name) + what)
        self.tables.append(table)
        create_parquet_table(self.aws, table, columns=columns, place=place or self.place / what)
        return str(table)

    def put(self, what: str, columns: Mapping[str, str], rows: Mapping[str, list[object]]) -> str:
        """Make a table of these values (name → one for each row)."""
        schema = pa.schema([(name, _ARROW_TYPES[hive_type]) for name, hive_type in columns.items()])
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pydict(dict(rows), schema=schema), buffer)
        place = self.place / what / "part.parquet"
        with telling_errors():
            self.aws.client("s3").put_object(
                Bucket=place.bucket, Key=place.prefix, Body=buffer.getvalue(), **self.aws.encryption
            )
        return self.table(what, columns)


@contextmanager
def open_workbench(athena: Athena, *, name: str, place: S3Place) -> Iterator[Workbench]:
    """Set up a workbench below a place; its tables and files go when it is closed, whatever happened."""
    bench = Workbench(athena, name, place / name)
    try:
        yield bench
    finally:
        for table in bench.tables:
            drop_table(bench.aws, table)
        delete_below(bench.aws, bench.place)


def drop_leftovers(athena: Athena, *, place: S3Place, before: str) -> list[str]:
    """Remove what killed runs left below a place of workbenches; give the names of those.

    Left over is what nothing was written to since `before` (ISO 8601, UTC): no query of Athena runs for longer than
    its quota for DML, 30 minutes (https://docs.aws.amazon.com/athena/latest/ug/service-limits.html).
    """
    written: dict[str, str] = {}
    with telling_errors():
        pages = athena.aws.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=place.bucket, Prefix=place.prefix + "/"):
            for stated in page.get("Contents", []):
                name = stated["Key"].removeprefix(place.prefix + "/").partition("/")[0]
                at = stated["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")
                written[name] = max(written.get(name, ""), at)
    left = sorted(name for name, at in written.items() if at < before)
    for name in left:
        for table in find_tables(athena.aws, _table_prefix(name)):
            drop_table(athena.aws, GlueTable(DATABASE, table))
        delete_below(athena.aws, place / name)
    return left


def _table_prefix(name: str) -> str:
    return f"work_{name}_"
