"""S3 and Glue in this process, and tables of lines in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto.glue.responses import GlueResponse
from moto.server import ThreadedMotoServer

BUCKET = "landing"
DATABASE = "landing"
PROBE = f"select line from {DATABASE}.ready"

# What moto lacks: Trino asks for the statistics of every table that it writes.
STATISTICS = {
    "get": {"ColumnStatisticsList": [], "Errors": []},
    "update": {"Errors": []},
    "delete": {},
}


@dataclass(frozen=True)
class Aws:
    """The S3 and Glue at one address."""

    address: str

    def client(self, service: str) -> Any:
        """A boto3 client with made-up credentials, whatever the environment holds."""
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def create_database(self) -> None:
        """Create the bucket and the Glue database that tables of lines lie in, and a first table to try."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        self.create_line_table("ready", {"one.ndjson": b"{}\n"})

    def create_line_table(self, name: str, files: dict[str, bytes]) -> str:
        """Create a table of lines over these files (name → content); give the name that SQL knows it by.

        The same SerDe as in the DDL of `create_line_table_sql`, which only Athena understands.
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


@contextmanager
def run_aws() -> Iterator[Aws]:
    """Run S3 and Glue on 127.0.0.1, in threads of this process."""
    with pytest.MonkeyPatch.context() as patch:
        for action, answer in STATISTICS.items():
            for kind in ("table", "partition"):
                patch.setattr(GlueResponse, f"{action}_column_statistics_for_{kind}", say(answer), raising=False)
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            aws = Aws(f"http://{host}:{port}")
            aws.create_database()
            yield aws
        finally:
            server.stop()


def say(answer: dict[str, Any]) -> Callable[[GlueResponse], str]:
    """A handler of one Glue action that always gives this answer."""
    return lambda _: json.dumps(answer)
