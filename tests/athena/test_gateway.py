"""Requests and answers are held against botocore's model: what AWS would refuse is refused, and no answer is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from tests.athena.gateway import Gateway
from tests.athena.local_aws import LocalAws
from tests.athena.model import request_faults


class Liar:
    """An Athena that gives this answer to everything."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._answer

    def parameters_of(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return request


def ask_athena(gateway: Gateway, operation: str, request: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send what no client of AWS would, past all checks of botocore."""
    scope = "Credential=testing/20260101/us-east-1/athena/aws4_request, SignedHeaders=host, Signature=0"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}", "X-Amz-Target": f"AmazonAthena.{operation}"}
    options = {"headers": headers, "content_type": "application/x-amz-json-1.1"}
    answer = Client(gateway).post("/", data=json.dumps(request), **options)
    return answer.status_code, json.loads(answer.get_data())


@pytest.mark.parametrize(
    ("operation", "request_", "fault"),
    [
        ("StartQueryExecution", {}, ".QueryString: missing required field"),
        ("StartQueryExecution", {"QueryString": "x", "Query": "x"}, ".Query: unknown field"),
        ("StartQueryExecution", {"QueryString": 1}, "invalid type"),
        ("StartQueryExecution", {"QueryString": "x", "WorkGroup": "a b"}, ".WorkGroup: does not match"),
        ("UpdateWorkGroup", {"WorkGroup": "a", "State": "OFF"}, ".State: none of ENABLED, DISABLED"),
        ("GetQueryResults", {"QueryExecutionId": "a", "MaxResults": 1001}, ".MaxResults: more than 1000"),
        ("BatchGetQueryExecution", {"QueryExecutionIds": ["a"] * 51}, ".QueryExecutionIds: longer than 50"),
    ],
    ids=["required", "unknown", "type", "pattern", "enum", "number", "list"],
)
def test_a_request_that_athena_would_not_take_is_refused(operation: str, request_: dict[str, Any], fault: str) -> None:
    status, answer = ask_athena(Gateway(athena=Liar({})), operation, request_)
    assert (status, answer["__type"]) == (400, "InvalidRequestException")
    assert fault in answer["message"]


def test_a_wrong_answer_of_the_double_is_reported() -> None:
    gateway = Gateway(athena=Liar({"QueryExecutionId": 5}))
    status, answer = ask_athena(gateway, "StartQueryExecution", {"QueryString": "select 1"})
    assert (status, answer["__type"]) == (500, "InternalServerException")
    assert len(gateway.wrong_answers) == 1
    assert gateway.wrong_answers[0].startswith("athena:StartQueryExecution: ")


def test_a_table_that_glue_would_not_take_is_refused(storage: LocalAws) -> None:
    glue = storage.client("glue")
    glue.create_database(DatabaseInput={"Name": "refusing"})
    with pytest.raises(ClientError, match=r"TableInput.Name: longer than 255") as refused:
        glue.create_table(DatabaseName="refusing", TableInput={"Name": "t" * 256})
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_patterns_of_java_hold_for_every_letter() -> None:
    table = {"DatabaseName": "d", "TableInput": {"Name": "t", "Description": "é ✓ 𝄞\n"}}
    assert request_faults("glue", "CreateTable", table) == []
    table["TableInput"] = {"Name": "line\nbreak"}
    assert len(request_faults("glue", "CreateTable", table)) == 1


def test_without_a_trino_athena_is_not_there() -> None:
    status, answer = ask_athena(Gateway(), "ListWorkGroups", {})
    assert (status, answer["message"]) == (500, "no Trino stands behind this Athena")
