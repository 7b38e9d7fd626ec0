"""Partitions of tables in Glue, for the DDL that adds, drops and finds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tests.athena.hive_words import HiveError, Words

BATCH = 100
"""So many partitions go into one call (https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html)."""


def add_partitions(glue: Any, table: Mapping[str, Any], words: Words) -> None:
    """`add [if not exists] partition (key = value, …) [location text] …`."""
    lenient = words.accept("if", "not", "exists")
    added = []
    words.expect("partition")
    while True:
        values = read_values(table, words)
        folder = "/".join(f"{key['Name']}={value}" for key, value in zip(keys_of(table), values, strict=True))
        location = words.text() if words.accept("location") else f"{base_of(table)}{folder}/"
        added.append(as_partition(table, values, location))
        if not words.accept("partition"):
            break
    words.end()
    create_partitions(glue, table, added, lenient=lenient)


def drop_partitions(glue: Any, table: Mapping[str, Any], words: Words) -> None:
    """`drop [if exists] partition (key = value, …), …`."""
    lenient = words.accept("if", "exists")
    dropped = []
    while True:
        words.expect("partition")
        dropped.append(read_values(table, words))
        if not words.accept(","):
            break
    words.end()
    for values in dropped:
        try:
            glue.delete_partition(DatabaseName=table["DatabaseName"], TableName=table["Name"], PartitionValues=values)
        except glue.exceptions.EntityNotFoundException:
            if not lenient:
                raise HiveError("FAILED: SemanticException [Error 10006]: Partition not found") from None


def repair(glue: Any, s3: Any, table: Mapping[str, Any]) -> None:
    """Add the partitions of the folders under a table that Glue does not know."""
    known = {tuple(p["Values"]) for p in find_partitions(glue, table)}
    found = {values: place for values, place in find_folders(s3, table) if values not in known}
    added = [as_partition(table, list(values), place) for values, place in sorted(found.items())]
    create_partitions(glue, table, added, lenient=True)


def find_partitions(glue: Any, table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All partitions that Glue knows of a table."""
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=table["DatabaseName"], TableName=table["Name"])
    for page in pages:
        yield from page["Partitions"]


def find_folders(s3: Any, table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The values and the place of each folder `key=value/…` under a table."""
    base = base_of(table)
    bucket, _, prefix = base.removeprefix("s3://").partition("/")
    keys = [key["Name"] for key in keys_of(table)]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            parts = entry["Key"][len(prefix) :].split("/")[: len(keys)]
            named = [part.partition("=") for part in parts]
            if [name.lower() for name, _, _ in named] == keys:
                yield tuple(unquote(value) for _, _, value in named), f"{base}{'/'.join(parts)}/"


def create_partitions(
    glue: Any, table: Mapping[str, Any], partitions: Sequence[Mapping[str, Any]], *, lenient: bool
) -> None:
    """Create partitions in Glue; `lenient` leaves those that are there."""
    for start in range(0, len(partitions), BATCH):
        answer = glue.batch_create_partition(
            DatabaseName=table["DatabaseName"],
            TableName=table["Name"],
            PartitionInputList=partitions[start : start + BATCH],
        )
        codes = {error["ErrorDetail"]["ErrorCode"] for error in answer.get("Errors", [])}
        if codes - ({"AlreadyExistsException"} if lenient else set()):
            raise HiveError(f"FAILED: SemanticException: partitions were not added: {', '.join(sorted(codes))}")


def read_values(table: Mapping[str, Any], words: Words) -> list[str]:
    """Pass `(key = value, …)`; give the values in the order of the table's keys."""
    given = {}
    words.expect("(")
    while True:
        key = words.name()
        words.expect("=")
        given[key] = words.value()
        if not words.accept(","):
            words.expect(")")
            break
    keys = [key["Name"] for key in keys_of(table)]
    if sorted(given) != sorted(keys):
        raise HiveError(f"FAILED: SemanticException: a partition of this table is named by {', '.join(keys)}")
    return [given[key] for key in keys]


def keys_of(table: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """The columns that a table is partitioned by; raise where there are none."""
    if not table.get("PartitionKeys"):
        raise HiveError(f"FAILED: SemanticException: table {table['Name']} is not a partitioned table")
    keys: Sequence[Mapping[str, str]] = table["PartitionKeys"]
    return keys


def base_of(table: Mapping[str, Any]) -> str:
    """The folder of a table, with its last slash."""
    return f"{table['StorageDescriptor']['Location'].rstrip('/')}/"


def as_partition(table: Mapping[str, Any], values: Sequence[str], location: str) -> dict[str, Any]:
    """Glue's input of a partition that is stored as its table is."""
    return {"Values": values, "StorageDescriptor": {**table["StorageDescriptor"], "Location": location}}
