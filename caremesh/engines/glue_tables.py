"""Tables that the engine reads, made by Glue calls: lines of exactly the files that are listed, and Parquet in S3.

A table of lines is a Hive symlink table: one small object lists the files, so that neither strays nor other types nor
later exports below the same prefix are read. Athena documents that format for S3 Inventory:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-athena-query.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caremesh.aws import Aws, telling_errors
from caremesh.places import S3Place

DATABASE = "caremesh"
"""The Glue database of everything that is no product: tables of lines, and tables of work in progress."""

LISTING = "files.txt"

_HIVE = "org.apache.hadoop.hive.ql.io"
_LINES: dict[str, Any] = {
    # What follows a control character, which JSON never holds, goes to `rest`, so that no part of a line is lost.
    "Columns": [{"Name": "line", "Type": "string"}, {"Name": "rest", "Type": "string"}],
    "InputFormat": f"{_HIVE}.SymlinkTextInputFormat",
    "OutputFormat": f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "\u0001", "serialization.format": "\u0001"},
    },
}
_PARQUET: dict[str, Any] = {
    "InputFormat": f"{_HIVE}.parquet.MapredParquetInputFormat",
    "OutputFormat": f"{_HIVE}.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
        "Parameters": {"serialization.format": "1"},
    },
}


@dataclass(frozen=True)
class GlueTable:
    """A table by its database and name."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


def create_line_table(aws: Aws, *, resource_type: str, paths: Sequence[str], lake: S3Place) -> GlueTable:
    """Make the table of all lines of the files `paths` (`s3://…`), or find that it is there.

    Its name carries a digest of the list, so that two runs never change each other's tables. The list itself lies in
    the lake, below `athena/lines/`.
    """
    listing = "".join(f"{path}\n" for path in paths)
    table = GlueTable(DATABASE, _line_table_name(resource_type, f"{lake}\n{listing}"))
    place = lake / "athena/lines" / table.name
    with telling_errors():
        aws.client("s3").put_object(
            Bucket=place.bucket, Key=f"{place.prefix}/{LISTING}", Body=listing.encode(), **aws.encryption
        )
    _create_table(aws, table, {**_LINES, "Location": place.folder})
    return table


def drop_other_line_tables(aws: Aws, *, resource_type: str, keep: GlueTable) -> list[str]:
    """Drop the tables of lines of a resource type over other lists of files; give their names.

    A run that reads one of them at this moment fails: call this only where no other run may be at work.
    """
    with telling_errors():
        glue = aws.client("glue")
        pages = glue.get_paginator("get_tables").paginate(
            DatabaseName=keep.database, Expression=f"{_line_table_prefix(resource_type)}.*"
        )
        names = [table["Name"] for page in pages for table in page["TableList"]]
        length = len(keep.name)
        # Some Glue take the expression for a search: the name itself decides.
        prefix = _line_table_prefix(resource_type)
        others = sorted(n for n in names if n.startswith(prefix) and len(n) == length and n != keep.name)
    for name in others:
        drop_table(aws, GlueTable(keep.database, name))
    return others


def create_parquet_table(aws: Aws, table: GlueTable, *, columns: Mapping[str, str], place: S3Place) -> None:
    """Make a table of these columns (name → Hive type) over the Parquet files below a place."""
    stated = [{"Name": name, "Type": hive_type} for name, hive_type in columns.items()]
    _create_table(aws, table, {**_PARQUET, "Columns": stated, "Location": place.folder})


def drop_table(aws: Aws, table: GlueTable) -> None:
    """Drop a table, if it is there; what it reads stays."""
    with telling_errors():
        glue = aws.client("glue")
        try:
            glue.delete_table(DatabaseName=table.database, Name=table.name)
        except glue.exceptions.EntityNotFoundException:
            return


def _create_table(aws: Aws, table: GlueTable, storage: Mapping[str, Any]) -> None:
    glue = aws.client("glue")
    stated = {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE"},
        "StorageDescriptor": storage,
    }
    with telling_errors():
        for attempt in range(2):
            try:
                glue.create_table(DatabaseName=table.database, TableInput=stated)
                return
            except glue.exceptions.AlreadyExistsException:
                # The name says what it holds: whoever made it made the same.
                return
            except glue.exceptions.EntityNotFoundException:
                if attempt:
                    raise
                _create_database(glue, table.database)


def _create_database(glue: Any, name: str) -> None:
    try:
        glue.create_database(DatabaseInput={"Name": name})
    except glue.exceptions.AlreadyExistsException:
        return


def _line_table_prefix(resource_type: str) -> str:
    return f"lines_{resource_type.lower()}_"


def _line_table_name(resource_type: str, listing: str) -> str:
    return _line_table_prefix(resource_type) + hashlib.sha256(listing.encode()).hexdigest()[:8]
