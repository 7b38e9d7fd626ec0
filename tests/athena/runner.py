"""Runs one query of the local Athena to its end: on Trino, or as calls to Glue, and then writes its result to S3."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.athena.executions import LISTED, SHOWN, Execution
from tests.athena.hive_ddl import Hive
from tests.athena.hive_words import HiveError
from tests.athena.statements import Creation, Kind, StatementError, as_creation, as_unload, strip
from tests.athena.trino_client import TrinoClient, TrinoError
from tests.athena.values import print_value

SYSTEM, USER, OTHER = 1, 2, 3
"""Categories of errors, https://docs.aws.amazon.com/athena/latest/ug/error-reference.html."""


class Stopped(Exception):
    """The query was stopped by its client."""


class LimitExceeded(Exception):
    """The query read more than its work-group allows."""


@dataclass(frozen=True)
class Runner:
    """Runs queries with the clients of the local AWS; `clock` gives seconds since 1970."""

    trino: TrinoClient
    s3: Any
    glue: Any
    clock: Callable[[], float]

    def run(self, execution: Execution, prepared: Mapping[str, str]) -> None:
        """Run a query and leave it in one of its final states; nothing is raised."""
        try:
            self._execute(execution, prepared)
            self._write_result(execution)
        except Stopped:
            end(execution, "CANCELLED", "Query was cancelled by user")
        except LimitExceeded:
            end(execution, "CANCELLED", "Bytes scanned limit was exceeded")
        except TrinoError as error:
            category = USER if error.kind == "USER_ERROR" else SYSTEM
            fail(execution, f"{error.name}: {error.message}", category=category)
        except (HiveError, StatementError) as error:
            fail(execution, str(error), category=USER)
        except Exception as error:
            fail(execution, f"INTERNAL_ERROR: the local Athena failed with {type(error).__name__}", category=SYSTEM)
        else:
            execution.state = "SUCCEEDED"
        finally:
            execution.completed = self.clock()

    def _execute(self, execution: Execution, prepared: Mapping[str, str]) -> None:
        sql = strip(execution.sql)
        if execution.kind is Kind.HIVE:
            execution.state = "RUNNING"
            Hive(self.glue, self.s3, execution.database).run(sql)
        elif execution.kind is Kind.CTAS:
            creation = as_creation(sql, default_location=f"{execution.folder}tables/{execution.id}/")
            self._create(execution, creation)
        elif execution.kind is Kind.UNLOAD:
            self._unload(execution, sql)
        else:
            self._ask_trino(execution, sql, prepared=prepared)

    def _unload(self, execution: Execution, sql: str) -> None:
        name = f"unload_{uuid.uuid4().hex}"
        try:
            self._create(execution, as_unload(sql, f'"{execution.database}"."{name}"'))
        finally:
            self._forget_table(execution.database, name)

    def _forget_table(self, database: str, name: str) -> None:
        try:
            self.glue.delete_table(DatabaseName=database, Name=name)
        except self.glue.exceptions.EntityNotFoundException:
            return

    def _create(self, execution: Execution, creation: Creation) -> None:
        if any(True for _ in self._list(creation.location)):
            raise StatementError(f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {creation.location}")
        self._ask_trino(execution, creation.sql, session=creation.session)
        self._write_manifest(execution, creation.location)

    def _ask_trino(self, execution: Execution, sql: str, **options: Mapping[str, str]) -> None:
        for page in self.trino.run(sql, database=execution.database, **options):
            execution.state = "QUEUED" if page.state == "QUEUED" else "RUNNING"
            execution.rows.extend(page.rows)
            execution.columns = page.columns or execution.columns
            execution.scanned = max(execution.scanned, page.scanned)
            execution.updated = page.updated
            execution.planned_ms, execution.queued_ms = page.planned_ms, page.queued_ms
            if execution.stopped.is_set():
                raise Stopped
            if execution.limit is not None and execution.scanned > execution.limit:
                raise LimitExceeded
        if execution.kind not in SHOWN:
            execution.columns, execution.rows = (), []

    def _write_result(self, execution: Execution) -> None:
        if execution.kind in LISTED:
            return
        self._put(execution, execution.output, as_csv(execution) if execution.columns else "")

    def _write_manifest(self, execution: Execution, location: str) -> None:
        execution.manifest = f"{execution.folder}{execution.id}-manifest.csv"
        self._put(execution, execution.manifest, "".join(f"{path}\n" for path in self._list(location)))

    def _list(self, location: str) -> Iterator[str]:
        bucket, prefix = split_path(location)
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (f"s3://{bucket}/{entry['Key']}" for entry in page.get("Contents", []))

    def _put(self, execution: Execution, location: str, text: str) -> None:
        bucket, key = split_path(location)
        self.s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), **encryption_of(execution.result_configuration))


def as_csv(execution: Execution) -> str:
    """A result as Athena writes it: everything in quotes, a null as nothing, texts of utilities as they are."""
    text = io.StringIO()
    if execution.kind is Kind.UTILITY:
        return "".join(f"{' '.join(map(str, row))}\n" for row in execution.rows)
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow([c.name for c in execution.columns])
    for row in execution.rows:
        values = (print_value(v, c.signature) for v, c in zip(row, execution.columns, strict=True))
        text.write(",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in values) + "\n")
    return text.getvalue()


def encryption_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """How S3 is asked to encrypt the objects of a result."""
    option = configuration.get("EncryptionConfiguration")
    if option is None:
        return {}
    if option["EncryptionOption"] == "SSE_S3":
        return {"ServerSideEncryption": "AES256"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": option["KmsKey"]}


def end(execution: Execution, state: str, reason: str) -> None:
    """Leave a query in a final state, without a result."""
    execution.columns, execution.rows = (), []
    execution.reason = reason
    execution.state = state


def fail(execution: Execution, reason: str, *, category: int) -> None:
    """Leave a query as failed."""
    execution.error = {
        "ErrorCategory": category,
        "ErrorType": 1006 if category == USER else 200,
        "Retryable": category == SYSTEM,
        "ErrorMessage": reason,
    }
    end(execution, "FAILED", reason)


def split_path(location: str) -> tuple[str, str]:
    """Bucket and key of an s3:// path."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return bucket, key
