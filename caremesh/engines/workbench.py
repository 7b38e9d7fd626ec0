"""What one intake in Athena works with: Parquet files of its own in S3, and Glue tables over them, until it is done."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.aws import Aws, cleaning_up
from caremesh.aws.glue import Glue, GlueColumn, GlueTable, TableName
from caremesh.aws.names import WORK_DATABASE
from caremesh.aws.objects import Objects
from caremesh.engines.athena import Athena, Query
from caremesh.places import S3Place
from caremesh.quoting import quote_text

_ARROW_TYPES = {"string": pa.string(), "binary": pa.binary(), "int": pa.int32()}


@dataclass
class Workbench:
    """The tables of one intake, below `place`, and the statements that it ran."""

    athena: Athena
    name: str
    place: S3Place
    tables: list[TableName] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)

    @property
    def aws(self) -> Aws:
        """The account."""
        return self.athena.aws

    def unload(self, sql: str, place: S3Place) -> None:
        """Write the rows of a query as Parquet files below a place, which must be empty."""
        target = f"to {quote_text(place.folder)} with (format = 'PARQUET', compression = 'ZSTD')"
        self.queries.append(self.athena.run(f"unload ({sql})\n{target}", database=WORK_DATABASE))

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run a SELECT; give its rows as text."""
        rows, query = self.athena.rows(sql, database=WORK_DATABASE)
        self.queries.append(query)
        return rows

    def table(self, what: str, columns: Mapping[str, str], *, place: S3Place | None = None) -> str:
        """Make a table (name → Hive type) over the Parquet files of a place; else over those of this name."""
        name = TableName(WORK_DATABASE, f"work_{self.name}_{what}")
        self.tables.append(name)
        table = GlueTable(
            database=name.database,
            name=name.name,
            description="A table of a run at work",
            location=(place or self.place / what).folder,
            columns=[GlueColumn(column, hive_type) for column, hive_type in columns.items()],
        )
        Glue(self.aws).ensure_table(table)
        return str(name)

    def put(self, what: str, columns: Mapping[str, str], rows: Mapping[str, list[object]]) -> str:
        """Make a table of these values (name → one for each row)."""
        schema = pa.schema([(name, _ARROW_TYPES[hive_type]) for name, hive_type in columns.items()])
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pydict(dict(rows), schema=schema), buffer)
        Objects(self.aws, self.place / what).write("part.parquet", buffer.getvalue())
        return self.table(what, columns)

    def clear(self) -> None:
        """Remove its tables and files."""
        for table in self.tables:
            Glue(self.aws).drop_table(table.database, table.name)
        Objects(self.aws, self.place).clear()


@contextmanager
def open_workbench(athena: Athena, *, name: str, place: S3Place) -> Iterator[Workbench]:
    """Set up a workbench below a place; its tables and files go when it is closed, whatever happened."""
    bench = Workbench(athena, name, place / name)
    with cleaning_up(bench.clear):
        yield bench
