"""Queries through the API of the local Athena, as tests send them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.athena.local_aws import LocalAws


@dataclass(frozen=True)
class Queries:
    """Sends statements for one database; results lie in a bucket of its own."""

    aws: LocalAws
    client: Any
    database: str
    bucket: str

    def start(self, sql: str, **options: Any) -> str:
        """Start a statement; give its id."""
        given = {
            "ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/results/"},
            "QueryExecutionContext": {"Database": self.database},
        }
        return str(self.client.start_query_execution(QueryString=sql, **given | options)["QueryExecutionId"])

    def wait(self, query: str) -> dict[str, Any]:
        """The execution of a query once it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return found
            time.sleep(0.02)
        raise AssertionError("a query did not end")

    def run(self, sql: str, **options: Any) -> dict[str, Any]:
        """The execution of a statement that succeeds."""
        found = self.wait(self.start(sql, **options))
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]["StateChangeReason"]
        return found

    def fail(self, sql: str, **options: Any) -> str:
        """Why a statement failed."""
        found = self.wait(self.start(sql, **options))
        assert found["Status"]["State"] == "FAILED"
        return str(found["Status"]["StateChangeReason"])

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        """The rows of a query as texts, without the names of its columns."""
        return self.texts(self.run(sql, **options)["QueryExecutionId"])[1:]

    def lines(self, sql: str) -> list[str | None]:
        """What a utility shows."""
        return [row[0] for row in self.texts(self.run(sql)["QueryExecutionId"])]

    def texts(self, query: str) -> list[list[str | None]]:
        """All rows of a result as the API gives them."""
        found = self.client.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return [[datum.get("VarCharValue") for datum in row["Data"]] for row in found]

    def put(self, key: str, content: bytes) -> str:
        """Put an object into the bucket; give its folder."""
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key.rpartition('/')[0]}/"

    def read(self, location: str) -> str:
        """The text of an object."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return str(self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
