"""Tables of lines in the S3 and Glue of the local AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.athena.local_aws import LocalAws

BUCKET = "landing"
DATABASE = "landing"
PROBE = f"select line from {DATABASE}.ready"


@dataclass(frozen=True)
class Aws:
    """The S3 and Glue of a local AWS."""

    local: LocalAws

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS."""
        return self.local.client(service)

    def create_database(self) -> None:
        """Create the bucket and the Glue database that tables of lines lie in, and a first table to try."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        self.create_line_table("ready", {"one.ndjson": b"{}\n"})

    def create_line_table(self, name: str, files: dict[str, bytes]) -> str:
        """Create a table of lines over these files (name → content); give the name that SQL knows it by.

        The same SerDe as that of the tables of lines that are made of a list (`caremesh.engines.line_tables`).
        """
        s3 = self.client("s3")
        for file, content in files.items():
            s3.put_object(Bucket=BUCKET, Key=f"{name}/{file}", Body=content)
        storage = {
            "Columns": [{"Name": "line", "Type": "string"}],
            "Location": location(name),
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                "Parameters": {"field.delim": "\u0001", "serialization.format": "\u0001"},
            },
        }
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
        self.client("glue").create_table(DatabaseName=DATABASE, TableInput=table)
        return f"{DATABASE}.{name}"


def location(table: str) -> str:
    """The S3 prefix of a table of lines."""
    return f"s3://{BUCKET}/{table}/"
