"""Runs one query of the local Athena to its end: on Trino, or as calls to Glue, and then writes its result to S3."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.athena.executions import LISTED, Execution
from tests.athena.hive_ddl import Hive, explain
from tests.athena.hive_show import Show
from tests.athena.hive_words import HiveError
from tests.athena.prepared import PreparedStatements
from tests.athena.server import SCRATCH
from tests.athena.statements import (
    Creation,
    Kind,
    StatementError,
    as_creation,
    as_preparation,
    as_unload,
    insert_target,
    with_parameters,
)
from tests.athena.trino_client import Column, TrinoClient, TrinoError
from tests.athena.values import STRING

SYSTEM, USER = 1, 2
"""Categories of errors, https://docs.aws.amazon.com/athena/latest/ug/error-reference.html."""

ENGINE_FAILED, DDL_FAILED, SYNTAX_WRONG = 200, 1003, 1006
"""Types of errors, as they stand there; which of them Athena gives for an error of Trino it does not say."""


class Stopped(Exception):
    """The query was stopped; the message is Athena's reason."""


@dataclass(frozen=True)
class Failure:
    """Why a query failed."""

    reason: str
    category: int
    type: int


@dataclass(frozen=True)
class Runner:
    """Runs queries with the clients of the local AWS; `clock` gives seconds since 1970."""

    trino: TrinoClient
    s3: Any
    glue: Any
    prepared: PreparedStatements
    clock: Callable[[], float]

    def check(self, sql: str) -> None:
        """Have Trino parse a statement and nothing else. Raises TrinoError with the place of what is wrong."""
        try:
            self._finish(f"prepare checked from\n{sql}")
        except TrinoError as error:
            # The statement starts on the second line there.
            error.message = re.sub(r"^line (\d+)", lambda found: f"line {int(found[1]) - 1}", error.message)
            raise

    def run(self, execution: Execution) -> None:
        """Run a query and leave it in one of its final states; nothing is raised."""
        failure, state = None, "SUCCEEDED"
        try:
            self._execute(execution)
            self._write_result(execution)
        except Stopped as stop:
            state, execution.reason = "CANCELLED", str(stop)
        except Exception as error:
            state, failure = "FAILED", explain_failure(error)
        if failure is not None:
            execution.reason = failure.reason
            execution.error = {
                "ErrorCategory": failure.category,
                "ErrorType": failure.type,
                "Retryable": failure.category == SYSTEM,
                "ErrorMessage": failure.reason,
            }
        execution.completed = self.clock()
        # Last, as a client that sees it reads the rest.
        execution.state = state

    def _execute(self, execution: Execution) -> None:
        sql = execution.statement
        if execution.kind is Kind.HIVE:
            execution.state = "RUNNING"
            Hive(self.glue, self.s3, execution.database).run(sql)
        elif execution.kind is Kind.SHOW:
            execution.state = "RUNNING"
            shown = Show(self.glue, execution.database).run(sql)
            execution.columns = [Column(name, "string", STRING) for name in shown.columns]
            execution.lines = shown.lines
        elif execution.kind is Kind.PREPARE:
            self._prepare(execution, sql)
        elif execution.kind is Kind.CTAS:
            default = f"{execution.folder}tables/{execution.id}/"
            self._create(execution, as_creation(sql, default_location=default))
        elif execution.kind is Kind.UNLOAD:
            self._unload(execution, sql)
        else:
            self._query(execution, sql)

    def _query(self, execution: Execution, sql: str) -> None:
        self._ask_trino(execution, sql)
        if execution.kind is Kind.INSERT:
            self._write_manifest(execution, self._location_of(execution, sql))
        if execution.kind is Kind.EXPLAIN:
            execution.columns = [Column("Query Plan", "string", STRING)]
            execution.lines = [line for row in execution.rows for line in str(row[0]).splitlines()]

    def _prepare(self, execution: Execution, sql: str) -> None:
        name, statement = as_preparation(sql)
        if statement is None:
            self.prepared.forget(execution.work_group, name)
        else:
            self.prepared.keep(execution.work_group, name, statement)

    def _unload(self, execution: Execution, sql: str) -> None:
        table = f"{SCRATCH}.unloaded.t{uuid.uuid4().hex}"
        creation = as_unload(sql, table)
        self._finish(f"create schema if not exists {SCRATCH}.unloaded")
        try:
            self._create(execution, creation)
        finally:
            self._finish(f"drop table if exists {table}")

    def _create(self, execution: Execution, creation: Creation) -> None:
        if any(True for _ in self._list(creation.location)):
            raise StatementError(f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {creation.location}")
        self._ask_trino(execution, creation.sql, session=creation.session)
        self._write_manifest(execution, creation.location)

    def _ask_trino(self, execution: Execution, sql: str, *, session: Mapping[str, str] | None = None) -> None:
        sql = with_parameters(sql, execution.using)
        for page in self.trino.run(sql, database=execution.database, session=session):
            execution.state = "QUEUED" if page.state == "QUEUED" else "RUNNING"
            execution.engine_id = page.id
            execution.rows.extend(page.rows)
            execution.columns = page.columns or execution.columns
            execution.scanned = max(execution.scanned, page.scanned)
            execution.updated = page.updated
            execution.planned_ms, execution.queued_ms = page.planned_ms, page.queued_ms
            if execution.stopped.is_set():
                raise Stopped("Query cancelled by user")
            if execution.limit is not None and execution.scanned > execution.limit:
                raise Stopped("Bytes scanned limit was exceeded")
        if execution.kind not in (Kind.QUERY, Kind.EXPLAIN):
            execution.columns, execution.rows = (), []

    def _finish(self, sql: str) -> None:
        """Run a statement that is no part of a query, to its end."""
        for _ in self.trino.run(sql, database="default"):
            continue

    def _location_of(self, execution: Execution, sql: str) -> str:
        *database, table = insert_target(sql)
        found = self.glue.get_table(DatabaseName=(database or [execution.database])[-1], Name=table)
        return f"{found['Table']['StorageDescriptor']['Location'].rstrip('/')}/"

    def _write_result(self, execution: Execution) -> None:
        if execution.kind not in LISTED:
            self._put(execution, execution.output, as_file(execution))

    def _write_manifest(self, execution: Execution, location: str) -> None:
        """List the files that Trino wrote for this query, whose names start with its own; encrypt them as asked."""
        execution.manifest = f"{execution.folder}{execution.id}-manifest.csv"
        written = [p for p in self._list(location) if p.rpartition("/")[2].startswith(execution.engine_id)]
        encryption = encryption_of(execution.result_configuration)
        for bucket, key in map(split_path, written if encryption else ()):
            # Trino has one key for all that it writes, Athena one for each query.
            self.s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, **encryption)
        self._put(execution, execution.manifest, "".join(f"{path}\n" for path in written))

    def _list(self, location: str) -> Iterator[str]:
        bucket, prefix = split_path(location)
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (f"s3://{bucket}/{entry['Key']}" for entry in page.get("Contents", []))

    def _put(self, execution: Execution, location: str, text: str) -> None:
        bucket, key = split_path(location)
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), **encryption_of(execution.result_configuration))


def explain_failure(error: Exception) -> Failure:
    """What Athena says of an error."""
    if isinstance(error, TrinoError):
        reason = f"{error.name}: {error.message}"
        is_users = error.kind == "USER_ERROR"
        return Failure(reason, USER, SYNTAX_WRONG) if is_users else Failure(reason, SYSTEM, ENGINE_FAILED)
    if isinstance(error, HiveError):
        return Failure(str(error), USER, DDL_FAILED)
    if isinstance(error, StatementError):
        return Failure(str(error), USER, SYNTAX_WRONG)
    if isinstance(error, ClientError):
        return Failure(f"FAILED: {explain(error)}", USER, DDL_FAILED)
    reason = f"INTERNAL_ERROR: the local Athena failed with {type(error).__name__}"
    return Failure(reason, SYSTEM, ENGINE_FAILED)


def as_file(execution: Execution) -> str:
    """A result as Athena writes it: a query's values in quotes and a null as nothing, a utility's lines as they are."""
    if execution.statement_type != "DML":
        return "".join(f"{line}\n" for line in execution.lines or ())
    return "".join(f"{','.join(map(quote, row))}\n" for row in execution.texts())


def quote(value: str | None) -> str:
    """A value in a CSV file."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def encryption_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """How S3 is asked to encrypt the objects of a result."""
    option = configuration.get("EncryptionConfiguration")
    if option is None:
        return {}
    if option["EncryptionOption"] == "SSE_S3":
        return {"ServerSideEncryption": "AES256"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": option["KmsKey"]}


def split_path(location: str) -> tuple[str, str]:
    """Bucket and key of an s3:// path."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key
