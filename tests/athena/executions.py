"""One query of the local Athena: what was asked, how it stands, and what it gave."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.athena.statements import Kind
from tests.athena.trino_client import Column
from tests.athena.values import print_value

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
# What Athena calls a kind; all others are DML.
STATEMENT_TYPES = {
    Kind.VIEW: "DDL",
    Kind.HIVE: "DDL",
    Kind.PREPARE: "DDL",
    Kind.SHOW: "UTILITY",
    Kind.EXPLAIN: "UTILITY",
}
LISTED = frozenset({Kind.CTAS, Kind.INSERT, Kind.UNLOAD})
"""Kinds that leave a list of their files instead of a result."""


@dataclass
class Execution:
    """A query from its start to its end; only its own thread and a stop change it."""

    id: str
    sql: str
    statement: str
    """What is run: `sql` without comments, or the prepared statement that it names."""
    kind: Kind
    database: str
    work_group: str
    context: dict[str, str]
    result_configuration: dict[str, Any]
    parameters: Sequence[str]
    using: str | None
    """The parameters as they stand behind `using`."""
    submitted: float
    limit: int | None
    state: str = "QUEUED"
    reason: str | None = None
    error: dict[str, Any] | None = None
    completed: float | None = None
    columns: Sequence[Column] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)
    lines: Sequence[str] | None = None
    """What a utility shows, in place of rows."""
    engine_id: str = ""
    updated: int = 0
    scanned: int = 0
    planned_ms: int = 0
    queued_ms: int = 0
    manifest: str | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def folder(self) -> str:
        """The S3 path that the result's name is appended to, with its last slash."""
        return f"{self.result_configuration['OutputLocation'].rstrip('/')}/"

    @property
    def output(self) -> str:
        """Where the result lies (https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html)."""
        ending = "" if self.kind in LISTED else ".csv" if self.statement_type == "DML" else ".txt"
        return f"{self.folder}{self.id}{ending}"

    @property
    def statement_type(self) -> str:
        """DDL, DML or UTILITY, https://docs.aws.amazon.com/athena/latest/APIReference/API_QueryExecution.html."""
        return STATEMENT_TYPES.get(self.kind, "DML")

    def texts(self) -> list[list[str | None]]:
        """All rows of the result as texts; those of a query start with the names of its columns."""
        if self.lines is not None:
            return [[line] for line in self.lines]
        printed = [
            [print_value(value, column.signature) for value, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]
        return [[column.name for column in self.columns], *printed] if self.columns else []

    def describe(self) -> dict[str, Any]:
        """The `QueryExecution` of the API."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.completed is not None:
            status["CompletionDateTime"] = self.completed
        if self.reason is not None:
            status["StateChangeReason"] = self.reason
        if self.error is not None:
            status["AthenaError"] = self.error
        described: dict[str, Any] = {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "StatementType": self.statement_type,
            "ResultConfiguration": {**self.result_configuration, "OutputLocation": self.output},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": self.context,
            "Status": status,
            "Statistics": self.statistics(),
            "WorkGroup": self.work_group,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }
        if self.parameters:
            described["ExecutionParameters"] = list(self.parameters)
        return described

    def statistics(self) -> dict[str, Any]:
        """The `Statistics` of the API; the bytes are those that Trino read from S3."""
        total = int(1000 * ((self.completed or self.submitted) - self.submitted))
        found = {
            "EngineExecutionTimeInMillis": max(0, total - self.queued_ms),
            "DataScannedInBytes": self.scanned,
            "TotalExecutionTimeInMillis": total,
            "QueryQueueTimeInMillis": self.queued_ms,
            "QueryPlanningTimeInMillis": self.planned_ms,
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        }
        return found | ({"DataManifestLocation": self.manifest} if self.manifest else {})
