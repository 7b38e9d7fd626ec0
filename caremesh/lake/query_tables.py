"""The tables of Glue that queries read, and how many bytes their columns have, from the footers of Parquet files.

A footer states the compressed size of each column (https://parquet.apache.org/docs/file-format/metadata/), which is
what Athena scans of it.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from caremesh.aws import Aws, error_code, telling_errors
from caremesh.aws.glue import Glue
from caremesh.aws.parquet_files import NoParquet, ParquetFile, list_files, read_footer
from caremesh.errors import QueryError
from caremesh.lake.query_reads import Relation

SAMPLE = 32
"""So many footers are read of a table at most; the other files are taken to be alike, byte for byte."""

_THREADS = 8
_VIEW = re.compile(r"/\* Presto View: (?P<encoded>[A-Za-z0-9+/=]+) \*/")


@dataclass(frozen=True)
class CatalogTable:
    """A table as Glue states it; `keys` are those that it is partitioned by."""

    columns: Mapping[str, str]
    keys: tuple[str, ...]
    location: str
    is_parquet: bool
    relation: Relation


@dataclass(frozen=True)
class Size:
    """Bytes of each column, and `whole`: those that are read whichever columns are."""

    columns: Mapping[str, int]
    whole: int = 0


@dataclass(frozen=True)
class Catalog:
    """The Glue catalog as one query sees it: every table is read once."""

    aws: Aws
    _seen: dict[tuple[str, str], CatalogTable] = field(default_factory=dict)

    def look_up(self, database: str, name: str) -> Relation:
        """What a statement's reader has to know of a table."""
        return self.table(database, name).relation

    def table(self, database: str, name: str) -> CatalogTable:
        """A table; raise QueryError where it is not there."""
        if (database, name) not in self._seen:
            self._seen[database, name] = _as_table(self._get(database, name))
        return self._seen[database, name]

    def partitions(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """The partitions of a table: values of its keys → location."""
        return Glue(self.aws).partitions(database, name)

    def measure(self, locations: Collection[str], *, is_parquet: bool) -> Size:
        """The size of what lies at some locations; of many files a sample is looked at, and scaled."""
        files = [f for location in locations for f in self._files(location)]
        total = sum(f.bytes for f in files)
        if not is_parquet:
            return Size({}, whole=total)
        sample = _sample(files)
        with ThreadPoolExecutor(_THREADS) as pool:
            footers = list(pool.map(self._footer, sample))
        sizes = sum((_column_sizes(f) for f in footers), Counter[str]())
        seen = sum(f.bytes for f in sample)
        return Size({name: round(size * total / seen) for name, size in sizes.items()})

    def _get(self, database: str, name: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                answer: dict[str, Any] = self.aws.client("glue").get_table(DatabaseName=database, Name=name)
            except ClientError as error:
                if error_code(error) == "EntityNotFoundException":
                    hint = "tables are called <domain>.<product>, see: caremesh products"
                    raise QueryError(f"there is no table {database}.{name}", hint=hint) from None
                raise
        return dict(answer["Table"])

    def _files(self, location: str) -> list[ParquetFile]:
        with telling_errors():
            return list_files(self.aws.client("s3"), location)

    def _footer(self, file: ParquetFile) -> Any:
        with telling_errors():
            try:
                return read_footer(self.aws.client("s3"), file)
            except NoParquet as broken:
                hint = "Athena would not read it either"
                raise QueryError("no Parquet file", where=str(broken), hint=hint) from None


def _as_table(stated: Mapping[str, Any]) -> CatalogTable:
    storage = stated.get("StorageDescriptor", {})
    columns = {c["Name"].lower(): c["Type"] for c in storage.get("Columns", [])}
    keys = {c["Name"].lower(): c["Type"] for c in stated.get("PartitionKeys", [])}
    return CatalogTable(
        columns=columns,
        keys=tuple(keys),
        location=storage.get("Location", ""),
        is_parquet="parquet" in storage.get("SerdeInfo", {}).get("SerializationLibrary", "").lower(),
        relation=_as_relation(stated, {**columns, **keys}),
    )


def _as_relation(stated: Mapping[str, Any], columns: Mapping[str, str]) -> Relation:
    """A view of Athena keeps its statement in Glue, as JSON in Base64."""
    found = _VIEW.match(stated.get("ViewOriginalText") or "")
    if stated.get("TableType") != "VIRTUAL_VIEW" or found is None:
        return Relation(columns)
    view = json.loads(base64.b64decode(found["encoded"]))
    return Relation(columns, view=view["originalSql"], view_database=view.get("schema", "default"))


def _sample(files: Sequence[ParquetFile]) -> list[ParquetFile]:
    """Files of every size, and always the same ones."""
    if len(files) <= SAMPLE:
        return list(files)
    ordered = sorted(files, key=lambda f: (f.bytes, f.key))
    return [ordered[place * (len(ordered) - 1) // (SAMPLE - 1)] for place in range(SAMPLE)]


def _column_sizes(footer: Any) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            # Leaves of a nested column count for the column.
            sizes[chunk.path_in_schema.partition(".")[0].lower()] += chunk.total_compressed_size
    return sizes
