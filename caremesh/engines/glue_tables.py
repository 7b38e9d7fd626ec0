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
from caremesh.errors import AwsError, LandingError
from caremesh.places import S3Place

DATABASE = "caremesh"
"""The Glue database of everything that is no product: tables of lines, and tables of work in progress."""

LISTING = "files.txt"

# So many keys does one DeleteObjects take: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
_AT_ONCE = 1000
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
    if listing.count("\n") != len(paths):
        raise LandingError("a file's name holds a line break", where=str(lake), hint="export it under another name")
    digest = hashlib.sha256(f"{lake}\n{listing}".encode()).hexdigest()[:8]
    table = GlueTable(DATABASE, f"{_prefix(resource_type)}{digest}")
    place = _lists(lake) / table.name
    with telling_errors():
        aws.client("s3").put_object(
            Bucket=place.bucket, Key=f"{place.prefix}/{LISTING}", Body=listing.encode(), **aws.encryption
        )
    _create_table(aws, table, {**_LINES, "Location": place.folder})
    return table


def drop_other_line_tables(aws: Aws, *, resource_type: str, keep: GlueTable, lake: S3Place) -> list[str]:
    """Drop this lake's tables of lines of a resource type over other lists of files; give their names.

    A run that reads one of them at this moment fails: call this only where no other run may be at work.
    """
    found = find_tables(aws, _prefix(resource_type), below=_lists(lake))
    others = [name for name in found if name != keep.name]
    for name in others:
        drop_table(aws, GlueTable(DATABASE, name))
        delete_below(aws, _lists(lake) / name)
    return others


def find_tables(aws: Aws, prefix: str, *, below: S3Place | None = None) -> list[str]:
    """The names of the tables that begin so, in order; where a place is given, of those that read what lies below."""
    with telling_errors():
        glue = aws.client("glue")
        try:
            pages = list(glue.get_paginator("get_tables").paginate(DatabaseName=DATABASE))
        except glue.exceptions.EntityNotFoundException:
            return []
    tables = [table for page in pages for table in page["TableList"] if table["Name"].startswith(prefix)]
    folder = below.folder if below else ""
    return sorted(t["Name"] for t in tables if t["StorageDescriptor"]["Location"].startswith(folder))


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


def has_objects(aws: Aws, place: S3Place) -> bool:
    """Whether anything stands below a place."""
    with telling_errors():
        found = aws.client("s3").list_objects_v2(Bucket=place.bucket, Prefix=f"{place.prefix}/", MaxKeys=1)
    return bool(found.get("Contents"))


def delete_below(aws: Aws, place: S3Place) -> None:
    """Delete all objects below a place."""
    s3 = aws.client("s3")
    with telling_errors():
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=place.bucket, Prefix=f"{place.prefix}/", PaginationConfig={"PageSize": _AT_ONCE}
        ):
            objects = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if objects:
                answer = s3.delete_objects(Bucket=place.bucket, Delete={"Objects": objects, "Quiet": True})
                if errors := answer.get("Errors"):
                    raise AwsError(
                        f"{len(errors)} objects cannot be deleted: {errors[0].get('Code')}",
                        where=str(place),
                        hint="grant s3:DeleteObject, or delete them yourself",
                    )


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


def _prefix(resource_type: str) -> str:
    return f"lines_{resource_type.lower()}_"


def _lists(lake: S3Place) -> S3Place:
    return lake / "athena/lines"
