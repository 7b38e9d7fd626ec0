"""One query of the local Athena: what was asked, how it stands, and what it gave."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.athena.statements import Kind
from tests.athena.trino_client import Column

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
STATEMENT_TYPES = {
    Kind.QUERY: "DML",
    Kind.INSERT: "DML",
    Kind.CTAS: "DML",
    Kind.UNLOAD: "DML",
    Kind.EXECUTE: "DML",
    Kind.VIEW: "DDL",
    Kind.HIVE: "DDL",
    Kind.PREPARE: "DDL",
    Kind.UTILITY: "UTILITY",
}
# Which kinds leave a list of their files, and which a result.
LISTED = frozenset({Kind.CTAS, Kind.INSERT, Kind.UNLOAD})
SHOWN = frozenset({Kind.QUERY, Kind.UTILITY, Kind.EXECUTE})


@dataclass
class Execution:
    """A query from its start to its end; only its own thread and a stop change it."""

    id: str
    sql: str
    kind: Kind
    database: str
    work_group: str
    context: dict[str, str]
    result_configuration: dict[str, Any]
    parameters: Sequence[str]
    submitted: float
    limit: int | None
    state: str = "QUEUED"
    reason: str | None = None
    error: dict[str, Any] | None = None
    completed: float | None = None
    columns: Sequence[Column] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)
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
        ending = {"DML": ".csv", "DDL": ".txt", "UTILITY": ".txt"}[STATEMENT_TYPES[self.kind]]
        return f"{self.folder}{self.id}{'' if self.kind in LISTED else ending}"

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
            "StatementType": STATEMENT_TYPES[self.kind],
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
