"""Glue tables that point: a table's location and parameters say which release is current, and change in one request.

Every change states the version that it was made from: Glue refuses one that is not the newest (optimistic locking,
https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html). awswrangler's catalog knows no versions, so that
only databases are made through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from caremesh.aws import Aws, error_code, telling_errors
from caremesh.errors import AwsError

_TYPES = {"varchar": "string", "integer": "int"}

LONGEST_COMMENT = 255
LONGEST_DESCRIPTION = 2048

_HIVE = "org.apache.hadoop.hive.ql.io"
_FORMATS: dict[str, dict[str, Any]] = {
    "parquet": {
        "InputFormat": f"{_HIVE}.parquet.MapredParquetInputFormat",
        "OutputFormat": f"{_HIVE}.parquet.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": f"{_HIVE}.parquet.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        },
    },
    # Text files that a list names; JSON never holds the control character that separates columns.
    "listed_text": {
        "InputFormat": f"{_HIVE}.SymlinkTextInputFormat",
        "OutputFormat": f"{_HIVE}.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"field.delim": "\u0001", "serialization.format": "\u0001"},
        },
    },
}


@dataclass(frozen=True)
class TableName:
    """A table by its database and name."""

    database: str
    name: str

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


class LostRace(Exception):
    """Somebody else changed the table since it was read."""


@dataclass(frozen=True)
class GlueColumn:
    """A column as Glue states it."""

    name: str
    type: str
    comment: str = ""
    classification: str | None = None


@dataclass(frozen=True)
class FoundTable:
    """A table as it was read: its version, where its data stand, and what is noted on it."""

    version: str
    location: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class GlueTable:
    """A table as it is to be: data below `location`, a folder in S3."""

    database: str
    name: str
    description: str
    location: str
    columns: Sequence[GlueColumn]
    parameters: Mapping[str, str] = field(default_factory=dict)
    partition_keys: Sequence[GlueColumn] = ()
    format: Literal["parquet", "listed_text"] = "parquet"

    def to_input(self) -> dict[str, Any]:
        """The TableInput of Glue's requests."""
        return {
            "Name": self.name,
            "Description": shorten(self.description, LONGEST_DESCRIPTION),
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", **self._classification, **self.parameters},
            "PartitionKeys": [_column(c) for c in self.partition_keys],
            "StorageDescriptor": self.storage(self.location),
        }

    def storage(self, location: str) -> dict[str, Any]:
        """How files below a location are read, for the table itself or a partition of it."""
        return {"Columns": [_column(c) for c in self.columns], "Location": location, **_FORMATS[self.format]}

    @property
    def _classification(self) -> dict[str, str]:
        """Glue's word for the format of the files."""
        return {"classification": "parquet"} if self.format == "parquet" else {}


@dataclass(frozen=True)
class Glue:
    """The Glue catalog of the account."""

    aws: Aws

    def find(self, database: str, name: str) -> FoundTable | None:
        """Read a table; None where it, or its database, is not there."""
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                table = self._client.get_table(DatabaseName=database, Name=name)["Table"]
            except ClientError as error:
                if error_code(error) == "EntityNotFoundException":
                    return None
                raise
        location = table.get("StorageDescriptor", {}).get("Location", "")
        return FoundTable(table.get("VersionId", ""), location, table.get("Parameters", {}))

    def put(self, table: GlueTable, *, seen: FoundTable | None) -> None:
        """Create a table, or change the one that was `seen`; raise LostRace where somebody was faster."""
        from botocore.exceptions import ClientError

        stated = {"DatabaseName": table.database, "TableInput": table.to_input()}
        with telling_errors():
            try:
                if seen is None:
                    self._client.create_table(**stated)
                else:
                    # Glue would keep every version, 100,000 of a table and a million of an account, and then refuse.
                    self._client.update_table(**stated, VersionId=seen.version, SkipArchive=True)
            except ClientError as error:
                if error_code(error) in ("AlreadyExistsException", "ConcurrentModificationException"):
                    raise LostRace(table.name) from None
                raise

    def ensure_table(self, table: GlueTable) -> None:
        """Make a table whose name says what it holds, unless it is there: whoever made it made the same."""
        self.ensure_database(table.database, "Tables of runs at work; not for readers")
        with suppress(LostRace):
            self.put(table, seen=None)

    def ensure_database(self, name: str, description: str) -> None:
        """Make a database, unless it is there."""
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                self._client.get_database(Name=name)
                return
            except ClientError as error:
                if error_code(error) != "EntityNotFoundException":
                    raise
            import awswrangler as wr

            # Its own clients would give up sooner.
            wr.config.botocore_config = self.aws.config
            try:
                wr.catalog.create_database(
                    name,
                    description=shorten(description, LONGEST_DESCRIPTION),
                    exist_ok=True,
                    boto3_session=self.aws.session,
                )
            except ClientError as error:
                # Another run may make the same database meanwhile.
                if error_code(error) != "AlreadyExistsException":
                    raise

    def drop_database(self, name: str) -> None:
        """Remove a database and its tables from the catalog, if it is there; their files stay."""
        self._drop("delete_database", Name=name)

    def databases(self) -> tuple[tuple[str, str], ...]:
        """The databases of the account, and when each was made (ISO 8601, UTC)."""
        pages = self._client.get_paginator("get_databases")
        with telling_errors():
            return tuple(
                (stated["Name"], _as_text(stated["CreateTime"]))
                for page in pages.paginate()
                for stated in page["DatabaseList"]
            )

    def drop_table(self, database: str, name: str) -> None:
        """Remove a table from the catalog, if it is there; its files stay."""
        self._drop("delete_table", DatabaseName=database, Name=name)

    def tables(self, database: str) -> dict[str, Mapping[str, str]]:
        """The tables of a database: name → parameters."""
        return {table["Name"]: table.get("Parameters", {}) for table in self._tables(database)}

    def made_at(self, database: str) -> dict[str, str]:
        """When the tables of a database were made (ISO 8601, UTC), by name; none where there is no database."""
        return {table["Name"]: _as_text(table["CreateTime"]) for table in self._tables(database)}

    def _tables(self, database: str) -> list[dict[str, Any]]:
        from botocore.exceptions import ClientError

        pages = self._client.get_paginator("get_tables").paginate(DatabaseName=database)
        with telling_errors():
            try:
                return [table for page in pages for table in page["TableList"]]
            except ClientError as error:
                if error_code(error) == "EntityNotFoundException":
                    return []
                raise

    def _drop(self, operation: str, **named: str) -> None:
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                getattr(self._client, operation)(**named)
            except ClientError as error:
                if error_code(error) != "EntityNotFoundException":
                    raise

    def partitions(self, database: str, name: str) -> dict[tuple[str, ...], str]:
        """The partitions of a table: values of its partition keys → location."""
        pages = self._client.get_paginator("get_partitions")
        with telling_errors():
            return {
                tuple(p["Values"]): p["StorageDescriptor"]["Location"]
                for page in pages.paginate(DatabaseName=database, TableName=name)
                for p in page["Partitions"]
            }

    def add_partitions(self, table: GlueTable, locations: Mapping[tuple[str, ...], str]) -> None:
        """Add partitions; those that somebody else added meanwhile are fine."""
        inputs = [
            {"Values": list(values), "StorageDescriptor": table.storage(place)} for values, place in locations.items()
        ]
        for start in range(0, len(inputs), 100):
            with telling_errors():
                answer = self._client.batch_create_partition(
                    DatabaseName=table.database, TableName=table.name, PartitionInputList=inputs[start : start + 100]
                )
            _refuse_errors(answer, table, but="AlreadyExistsException")

    def drop_partitions(self, table: GlueTable, values: Sequence[tuple[str, ...]]) -> None:
        """Remove partitions from the catalog; their files stay."""
        listed = [{"Values": list(v)} for v in values]
        for start in range(0, len(listed), 25):
            with telling_errors():
                answer = self._client.batch_delete_partition(
                    DatabaseName=table.database, TableName=table.name, PartitionsToDelete=listed[start : start + 25]
                )
            _refuse_errors(answer, table, but="EntityNotFoundException")

    @property
    def _client(self) -> Any:
        return self.aws.client("glue")


def _refuse_errors(answer: Mapping[str, Any], table: GlueTable, *, but: str) -> None:
    """A batch answers well where some of it failed: https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionError.html."""
    codes = [e.get("ErrorDetail", {}).get("ErrorCode") for e in answer.get("Errors", [])]
    failed = [code for code in codes if code != but]
    if failed:
        raise AwsError(
            f"{len(failed)} partitions of {table.database}.{table.name} could not be changed: {failed[0]}",
            hint="run again",
        )


def glue_type(sql_type: str) -> str:
    """Glue's word for a type of SQL; most are the same."""
    return _TYPES.get(sql_type, sql_type.replace(" ", ""))


def shorten(text: str, limit: int) -> str:
    """Text on one line, as long as Glue takes it."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _as_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _column(column: GlueColumn) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "Name": column.name,
        "Type": column.type,
        "Comment": shorten(column.comment, LONGEST_COMMENT),
    }
    if column.classification:
        stated["Parameters"] = {"caremesh.classification": column.classification}
    return stated
