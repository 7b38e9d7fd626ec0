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

from tests.athena.executions import FINAL, Execution
from tests.athena.gateway import ServiceError
from tests.athena.metadata import Metadata, catalog
from tests.athena.prepared import PreparedStatements
from tests.athena.runner import Runner, split_path
from tests.athena.statements import Kind, StatementError, as_call, as_creation, kind_of, strip, to_check
from tests.athena.trino_client import TrinoClient, TrinoError
from tests.athena.values import column_info
from tests.athena.work_groups import WorkGroup, WorkGroups

Request = Mapping[str, Any]
Answer = dict[str, Any]

LONGEST_STATEMENT = 262_144
"""In bytes, https://docs.aws.amazon.com/athena/latest/ug/service-limits.html."""

ROWS_PER_PAGE = 1000
NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result configuration "
    "setting or as an API input."
)
LOCATION_ENFORCED = (
    "The Athena query with the external_location property was submitted to an Athena Workgroup that enforces a "
    "centralized output location for all queries. Please remove the external_location property and resubmit the query."
)


def invalid(message: str, code: str = "INVALID_INPUT") -> ServiceError:
    """The error for a request that Athena does not take."""
    return ServiceError("InvalidRequestException", message, AthenaErrorCode=code)


class AthenaApi:
    """Answers the requests of Athena's API; queries run in threads of their own."""

    def __init__(self, port: int, *, client: Callable[[str], Any]) -> None:
        self._s3 = client("s3")
        self._prepared = PreparedStatements()
        self._runner = Runner(TrinoClient(port), self._s3, client("glue"), self._prepared, time.time)
        self._groups = WorkGroups()
        self._executions: dict[str, Execution] = {}
        self._operations: Mapping[str, Callable[[Request], Answer]] = {
            "StartQueryExecution": self._start,
            "StopQueryExecution": self._stop,
            "GetQueryExecution": lambda request: {"QueryExecution": self._find(request).describe()},
            "BatchGetQueryExecution": self._get_batch,
            "ListQueryExecutions": self._list,
            "GetQueryResults": self._get_results,
            **self._groups.operations,
            **self._prepared.operations,
            **Metadata(client("glue")).operations,
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
        group = self._groups.find(request.get("WorkGroup", "primary"))
        if group.state != "ENABLED":
            raise invalid(f"WorkGroup {group.name} is disabled")
        context = dict(request.get("QueryExecutionContext", {}))
        catalog(context.get("Catalog", "AwsDataCatalog"))
        statement, using = self._resolve(request, group)
        execution = Execution(
            id=str(uuid.uuid4()),
            sql=request["QueryString"],
            statement=statement,
            kind=kind_of_request(statement),
            # awswrangler quotes it for `msck repair table`.
            database=context.get("Database", "default").strip("`").lower(),
            work_group=group.name,
            context=context,
            result_configuration=result_configuration(request, group),
            parameters=request.get("ExecutionParameters", ()),
            using=using,
            submitted=time.time(),
            limit=group.limit,
        )
        self._check(execution, group)
        self._executions[execution.id] = execution
        threading.Thread(target=self._runner.run, args=(execution,), daemon=True).start()
        return {"QueryExecutionId": execution.id}

    def _resolve(self, request: Request, group: WorkGroup) -> tuple[str, str | None]:
        """The statement to run, with its parameters: that of the request, or the prepared one that it names."""
        sql = request["QueryString"]
        if len(sql.encode()) > LONGEST_STATEMENT:
            raise invalid(f"Query string length is over the limit of {LONGEST_STATEMENT} bytes")
        given = ", ".join(request.get("ExecutionParameters", ())) or None
        statement = strip(sql)
        if kind_of_request(statement) is not Kind.EXECUTE:
            return statement, given
        try:
            name, using = as_call(statement)
        except StatementError as error:
            raise invalid(str(error).partition(": ")[2], "MALFORMED_QUERY") from None
        return self._prepared.text(group.name, name), using or given

    def _check(self, execution: Execution, group: WorkGroup) -> None:
        """Raise ServiceError for what Athena refuses before it runs a query."""
        bucket, _ = split_path(execution.folder)
        try:
            self._s3.get_bucket_location(Bucket=bucket)
        except ClientError:
            raise invalid(f"Unable to verify/create output bucket {bucket}") from None
        try:
            checked = to_check(execution.statement, execution.kind)
            if checked is not None:
                self._runner.check(checked)
        except (TrinoError, StatementError) as error:
            message = error.message if isinstance(error, TrinoError) else str(error).partition(": ")[2]
            raise invalid(message, "MALFORMED_QUERY") from None
        if execution.kind is Kind.CTAS and group.enforces_location and has_location(execution.statement):
            raise invalid(LOCATION_ENFORCED)

    def _find(self, request: Request) -> Execution:
        try:
            return self._executions[request["QueryExecutionId"]]
        except KeyError:
            raise invalid(f"QueryExecution {request['QueryExecutionId']} was not found") from None

    def _stop(self, request: Request) -> Answer:
        self._find(request).stopped.set()
        return {}

    def _get_batch(self, request: Request) -> Answer:
        known = [i for i in request["QueryExecutionIds"] if i in self._executions]
        unknown = [{"QueryExecutionId": i} for i in request["QueryExecutionIds"] if i not in self._executions]
        found = [self._executions[i].describe() for i in known]
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": unknown}

    def _list(self, request: Request) -> Answer:
        group = request.get("WorkGroup", "primary")
        newest_first = sorted(self._executions.values(), key=lambda execution: -execution.submitted)
        ids = [execution.id for execution in newest_first if execution.work_group == group]
        return {"QueryExecutionIds": ids[: request.get("MaxResults", 50)]}

    def _get_results(self, request: Request) -> Answer:
        execution = self._find(request)
        if execution.state not in FINAL:
            raise invalid(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {execution.state}")
        start, size = int(request.get("NextToken", 0)), request.get("MaxResults", ROWS_PER_PAGE)
        texts = execution.texts()
        answer: Answer = {
            "UpdateCount": execution.updated,
            "ResultSet": {
                "Rows": [{"Data": [as_datum(text) for text in row]} for row in texts[start : start + size]],
                "ResultSetMetadata": {"ColumnInfo": [column_info(column) for column in execution.columns]},
            },
        }
        return answer | ({"NextToken": str(start + size)} if start + size < len(texts) else {})


def kind_of_request(statement: str) -> Kind:
    """The kind of a statement. Raises ServiceError."""
    try:
        return kind_of(statement)
    except StatementError as error:
        raise invalid(str(error).partition(": ")[2], "MALFORMED_QUERY") from None


def result_configuration(request: Request, group: WorkGroup) -> dict[str, Any]:
    """Where and how the result is written. Raises ServiceError."""
    configuration = group.result_configuration(request.get("ResultConfiguration", {}))
    if "OutputLocation" not in configuration:
        raise invalid(NO_LOCATION)
    if configuration.get("EncryptionConfiguration", {}).get("EncryptionOption") == "CSE_KMS":
        raise invalid("the local Athena has no CSE_KMS")
    return configuration


def has_location(sql: str) -> bool:
    """Whether a `create table as` names a place of its own; one that is wrong fails later."""
    try:
        return as_creation(sql, default_location="").location != "/"
    except StatementError:
        return False


def as_datum(value: str | None) -> dict[str, str]:
    """One value of a result as the API gives it: a null has no text."""
    return {} if value is None else {"VarCharValue": value}
