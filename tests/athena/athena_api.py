"""Amazon Athena's API in front of a real Trino.

A double of Athena: statements run on Trino 476, which is newer than the Trino in Athena, with the tables of the local
Glue and S3. Not verified: permissions, Lake Formation, throttling, quotas on running queries, the SerDes of AWS, the
exact words of errors, and Iceberg, which is refused by name. What the double does not know it refuses.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.athena.calls import CATALOG
from tests.athena.executions import FINAL, Execution
from tests.athena.gateway import ServiceError
from tests.athena.runner import Runner, split_path
from tests.athena.statements import Kind, StatementError, kind_of, strip
from tests.athena.trino_client import TrinoClient
from tests.athena.values import column_info, print_value
from tests.athena.work_groups import WorkGroups

Request = Mapping[str, Any]
Answer = dict[str, Any]

LONGEST_STATEMENT = 262_144
ROWS_PER_PAGE = 1000
NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)


def invalid(message: str) -> ServiceError:
    """The error for a request that Athena does not take."""
    return ServiceError("InvalidRequestException", message, AthenaErrorCode="INVALID_INPUT")


class AthenaApi:
    """Answers the requests of Athena's API; queries run in threads of their own."""

    def __init__(self, port: int, *, client: Callable[[str], Any]) -> None:
        self._s3 = client("s3")
        self._glue = client("glue")
        self._runner = Runner(TrinoClient(port), self._s3, self._glue, time.time)
        self._groups = WorkGroups()
        self._executions: dict[str, Execution] = {}
        self._operations: Mapping[str, Callable[[Request], Answer]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda request: {"QueryExecution": self._find(request).describe()},
            "GetQueryResults": self._get_results,
            "StopQueryExecution": self._stop,
            "GetTableMetadata": self._get_table,
            "ListTableMetadata": self._list_tables,
            **self._groups.operations,
        }

    def answer(self, operation: str, request: Request) -> Answer:
        """The answer to one request. Raises ServiceError."""
        if operation not in self._operations:
            raise ServiceError("InternalServerException", f"the local Athena has no {operation}", status=501)
        return self._operations[operation](request)

    def parameters_of(self, request: Request) -> Request:
        """The request with the work-group that it concerns."""
        execution = self._executions.get(request.get("QueryExecutionId", ""))
        return {**request, "WorkGroup": execution.work_group} if execution else request

    def _start(self, request: Request) -> Answer:
        sql = request["QueryString"]
        if len(sql.encode()) > LONGEST_STATEMENT:
            raise invalid(f"Query string length is over the limit of {LONGEST_STATEMENT} bytes")
        group = self._groups.find(request.get("WorkGroup", "primary"))
        configuration = group.result_configuration(request.get("ResultConfiguration", {}))
        if "OutputLocation" not in configuration:
            raise invalid(NO_LOCATION)
        try:
            kind = kind_of(strip(sql))
        except StatementError as error:
            raise invalid(str(error).partition(": ")[2]) from None
        self._check_bucket(configuration["OutputLocation"])
        context = dict(request.get("QueryExecutionContext", {}))
        execution = Execution(
            id=str(uuid.uuid4()),
            sql=sql,
            kind=kind,
            database=context.get("Database", "default").lower(),
            work_group=group.name,
            context=context,
            result_configuration=configuration,
            parameters=request.get("ExecutionParameters", ()),
            submitted=time.time(),
            limit=group.limit,
        )
        self._executions[execution.id] = execution
        threading.Thread(target=self._run, args=(execution,), daemon=True).start()
        return {"QueryExecutionId": execution.id}

    def _run(self, execution: Execution) -> None:
        self._runner.run(execution, {})

    def _check_bucket(self, location: str) -> None:
        bucket, _ = split_path(location)
        try:
            self._s3.get_bucket_location(Bucket=bucket)
        except ClientError:
            raise invalid(f"Unable to verify/create output bucket {bucket}") from None

    def _find(self, request: Request) -> Execution:
        try:
            return self._executions[request["QueryExecutionId"]]
        except KeyError:
            raise invalid(f"QueryExecution {request['QueryExecutionId']} was not found") from None

    def _stop(self, request: Request) -> Answer:
        self._find(request).stopped.set()
        return {}

    def _get_results(self, request: Request) -> Answer:
        execution = self._find(request)
        if execution.state not in FINAL:
            raise invalid(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {execution.state}")
        # Only the result of a query starts with the names of its columns.
        header = [[column.name for column in execution.columns]] if execution.kind is not Kind.UTILITY else []
        start = int(request.get("NextToken", 0))
        size = request.get("MaxResults", ROWS_PER_PAGE)
        total = len(header) + len(execution.rows) if execution.columns else 0
        rows = [
            {"Data": [as_datum(value) for value in row]}
            for row in [*header[start:], *print_rows(execution, start=start - len(header), stop=start + size)][:size]
        ]
        answer: Answer = {
            "UpdateCount": execution.updated,
            "ResultSet": {
                "Rows": rows if execution.columns else [],
                "ResultSetMetadata": {"ColumnInfo": [column_info(column) for column in execution.columns]},
            },
        }
        return answer | ({"NextToken": str(start + size)} if start + size < total else {})

    def _get_table(self, request: Request) -> Answer:
        check_catalog(request)
        database, name = request["DatabaseName"].lower(), request["TableName"].lower()
        try:
            return {"TableMetadata": as_metadata(self._glue.get_table(DatabaseName=database, Name=name)["Table"])}
        except ClientError as error:
            raise ServiceError("MetadataException", error.response["Error"]["Message"]) from None

    def _list_tables(self, request: Request) -> Answer:
        check_catalog(request)
        options = {"Expression": request["Expression"]} if "Expression" in request else {}
        try:
            pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=request["DatabaseName"], **options)
            return {"TableMetadataList": [as_metadata(table) for page in pages for table in page["TableList"]]}
        except ClientError as error:
            raise ServiceError("MetadataException", error.response["Error"]["Message"]) from None


def print_rows(execution: Execution, *, start: int, stop: int) -> list[list[str | None]]:
    """Some rows of a result as texts."""
    return [
        [print_value(value, column.signature) for value, column in zip(row, execution.columns, strict=True)]
        for row in execution.rows[max(0, start) : stop]
    ]


def as_datum(value: str | None) -> dict[str, str]:
    """One value of a result as the API gives it: a null has no text."""
    return {} if value is None else {"VarCharValue": value}


def check_catalog(request: Request) -> None:
    """Raise where the request names another catalog than the one there is."""
    if request["CatalogName"].lower() != CATALOG.lower():
        raise invalid(f"Data catalog {request['CatalogName']} was not found")


def as_metadata(table: Mapping[str, Any]) -> Answer:
    """A table of Glue as Athena describes it."""
    storage = table.get("StorageDescriptor", {})
    columns = [(key, table_columns) for key, table_columns in (("Columns", storage.get("Columns", [])),)]
    columns.append(("PartitionKeys", table.get("PartitionKeys", [])))
    described = {key: [keep(column, "Name", "Type", "Comment") for column in given] for key, given in columns}
    return {**keep(table, "Name", "TableType", "Parameters"), **described}


def keep(given: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Only these keys, as far as they are there."""
    return {key: given[key] for key in keys if key in given}
