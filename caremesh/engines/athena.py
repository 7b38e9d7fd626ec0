"""Athena as the engine of flatten: a small client that runs one statement at a time, and says what it cost.

Athena's messages quote the values that a cast failed on. None of them is passed on: only the code before the first
colon, and the id by which the statement is found in the Athena console.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from caremesh.aws import Aws, telling_errors
from caremesh.errors import AwsError

_UNFINISHED = ("QUEUED", "RUNNING")
_CODE = re.compile(r"[A-Z][A-Z0-9_]+(?=:|\Z)")
# What a compiled view says where it refuses a value (`Dialect.fault`), within the words of the cast that failed. Athena
# puts sentences of its own behind it: an id ends where one of FHIR does (https://hl7.org/fhir/R4/datatypes.html#id).
_REFUSED = re.compile(
    r"(?P<place>column \w+|path|repeat): (?P<what>[A-Za-z0-9(), ]+?), resource (?P<id>[A-Za-z0-9.-]*[A-Za-z0-9-])"
)


@dataclass(frozen=True)
class Query:
    """One statement that succeeded: what it read, how long the engine took, and where its results lie.

    `output` is the object with a SELECT's rows, `manifest` the one that lists the files that an UNLOAD wrote.
    """

    id: str
    bytes_scanned: int
    seconds: float
    output: str | None
    manifest: str | None


@dataclass(frozen=True)
class RefusedValue:
    """What a compiled view says of a value that it cannot use: the words, and the resource that holds it."""

    words: str
    resource_id: str


class AthenaFailure(AwsError):
    """A statement that Athena began and did not finish.

    `code` is Athena's word for the error. `refused` is set where the compiled view itself refused a value.
    """

    def __init__(self, code: str, query_id: str, *, refused: RefusedValue | None = None) -> None:
        said = f": {refused.words}" if refused else ""
        super().__init__(f"Athena query {query_id} failed with {code}{said}", hint=_HINTS.get(code, _LOOK))
        self.code = code
        self.query_id = query_id
        self.refused = refused


_LOOK = "look the query up by its id in the Athena console (history), which holds the whole message"
_SPLIT = "run again; if it fails again, part the view in two or flatten with engine duckdb"
_HINTS = {
    "EXCEEDED_LOCAL_MEMORY_LIMIT": _SPLIT,
    "EXCEEDED_GLOBAL_MEMORY_LIMIT": _SPLIT,
    "EXCEEDED_MEMORY_LIMIT": _SPLIT,
    "EXHAUSTED_RESOURCES": _SPLIT,
    "ACCESS_DENIED": "docs/how-to/deploy.md lists the permissions that each stage needs",
    "TABLE_NOT_FOUND": "run again; somebody dropped a table while it was read",
    "HIVE_FILE_NOT_FOUND": "a landed file is gone from S3: caremesh land again",
    "HIVE_BAD_DATA": "a landed file is no text, or has a line beyond 100 MB: see whether it is whole, and export again",
}
# What Athena says without a code.
_WORDS = {"exhausted resources": "EXHAUSTED_RESOURCES", "access denied": "ACCESS_DENIED"}
_WORDS |= {"permission denied": "ACCESS_DENIED", "query timeout": "QUERY_TIMEOUT"}


class Athena:
    """Runs statements in Athena, and waits for them.

    The limit on bytes scanned (`AwsSettings.bytes_limit`) is held by this client, since Athena knows one per work
    group only: a running statement is stopped once its statistics show more, and one that ended above it fails. A
    statement may so read somewhat more than the limit; the work group's own cutoff is exact and stays in force.
    """

    def __init__(self, aws: Aws, *, output: str) -> None:
        """Keep where results go: `output` is an S3 prefix."""
        self.aws = aws
        self.output = output.rstrip("/")

    def run(self, sql: str, *, database: str = "default") -> Query:
        """Run one statement and wait for its end; it is stopped if anything, Ctrl-C too, ends the wait before.

        Raises AthenaFailure where it fails, and AwsError where it is refused, cancelled or beyond the bytes limit.
        """
        with telling_errors():
            query_id = self._start(sql, database)
            try:
                execution = self._wait(query_id)
            except BaseException:
                # Why the wait ended matters more than whether the stop succeeded.
                with suppress(Exception):
                    self._client.stop_query_execution(QueryExecutionId=query_id)
                raise
        return self._outcome(query_id, execution)

    def rows(self, sql: str, *, database: str = "default") -> tuple[list[tuple[str | None, ...]], Query]:
        """Run a SELECT; give all of its rows, values as the text that Athena prints, and what it cost."""
        query = self.run(sql, database=database)
        rows: list[tuple[str | None, ...]] = []
        with telling_errors():
            for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=query.id):
                rows += [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in page["ResultSet"]["Rows"]]
        # The first row holds the names of the columns.
        return rows[1:], query

    @property
    def _client(self) -> Any:
        return self.aws.client("athena")

    def _start(self, sql: str, database: str) -> str:
        settings = self.aws.settings
        results: dict[str, Any] = {"OutputLocation": f"{self.output}/"}
        if settings.kms_key:
            results["EncryptionConfiguration"] = {"EncryptionOption": "SSE_KMS", "KmsKey": settings.kms_key}
        started = self._client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            ResultConfiguration=results,
            WorkGroup=settings.work_group,
        )
        return str(started["QueryExecutionId"])

    def _wait(self, query_id: str) -> dict[str, Any]:
        while True:
            execution: dict[str, Any] = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            self._check_bytes(execution)
            if execution["Status"]["State"] not in _UNFINISHED:
                return execution
            time.sleep(self.aws.settings.poll_seconds)

    def _check_bytes(self, execution: dict[str, Any]) -> None:
        limit, scanned = self.aws.settings.bytes_limit, _scanned(execution)
        if limit is not None and scanned > limit:
            raise AwsError(
                f"Athena query {execution['QueryExecutionId']} scanned {scanned:,} bytes; the limit is {limit:,}",
                hint="raise CAREMESH_ATHENA_BYTES_LIMIT, or land fewer exports at a time",
            )

    def _outcome(self, query_id: str, execution: dict[str, Any]) -> Query:
        status, statistics = execution["Status"], execution.get("Statistics", {})
        if status["State"] != "SUCCEEDED":
            raise _failure(query_id, status["State"], status.get("StateChangeReason", ""), self.aws.settings.work_group)
        return Query(
            id=query_id,
            bytes_scanned=_scanned(execution),
            seconds=statistics.get("EngineExecutionTimeInMillis", 0) / 1000,
            output=execution.get("ResultConfiguration", {}).get("OutputLocation"),
            manifest=statistics.get("DataManifestLocation"),
        )


def _scanned(execution: dict[str, Any]) -> int:
    return int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))


def _failure(query_id: str, state: str, reason: str, work_group: str) -> AwsError:
    if "bytes scanned limit" in reason.lower():
        return AwsError(
            f"Athena cancelled query {query_id}: it scanned more than work group {work_group!r} allows",
            hint="raise the work group's data usage control per query, or name another in CAREMESH_ATHENA_WORK_GROUP",
        )
    if state == "CANCELLED":
        return AwsError(f"Athena query {query_id} was cancelled by somebody else", hint="run again")
    refused = _REFUSED.search(reason)
    return AthenaFailure(
        code_of(reason),
        query_id,
        refused=RefusedValue(f"{refused['what']} ({refused['place']})", refused["id"]) if refused else None,
    )


def code_of(reason: str) -> str:
    """Athena's word for an error: the code that its reason begins with, or one for what it says without a code."""
    if code := _CODE.match(reason):
        return code.group()
    return next((code for words, code in _WORDS.items() if words in reason.lower()), "an unknown error")
