"""One address for the local AWS: moto for S3, Glue, STS and KMS, and our own Athena.

A double. What moto gets wrong is put right here: S3's conditional writes and Glue's changes are atomic, a stale
`VersionId` is refused, and the column statistics that Trino asks for are there and empty. Not verified: signatures,
permissions, throttling, and everything that moto itself simplifies.
"""

from __future__ import annotations

import io
import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.glue.models import glue_backends
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.exceptions import NotFound
from werkzeug.test import run_wsgi_app

from tests.athena.calls import ACCOUNT, REGION, Recorder, answer_calls, needed_calls
from tests.athena.model import CHECKED, answer_faults, request_faults

S3_WRITES = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "DeleteObjects"})

# What moto lacks: Trino asks for the statistics of every table that it writes.
STATISTICS = {
    "Get": {"ColumnStatisticsList": [], "Errors": []},
    "Update": {"Errors": []},
    "Delete": {},
}


class ServiceError(Exception):
    """An error as a service answers it: its code, its message, and the HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400, **members: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class Service(Protocol):
    """A service of ours: gives the answer to a request, or raises ServiceError."""

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request."""

    def parameters_of(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The request with the work-group that it concerns."""


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    headers: list[tuple[str, str]]
    body: Sequence[bytes]


@dataclass
class Gateway:
    """A WSGI application that takes every request, records it and has it answered."""

    recorder: Recorder = field(default_factory=Recorder)
    athena: Service | None = None
    wrong_answers: list[str] = field(default_factory=list)
    """What is wrong with answers given so far: faults of this double, on which a session of tests fails."""

    def __post_init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._locks = {"s3": threading.Lock(), "glue": threading.Lock()}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = read_body(environ)
        answer = self._answer(environ, body)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        return answer.body

    def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        service = service_of(environ)
        # A request of its own: who reads a form leaves nothing for the next.
        request = Request({**environ, "wsgi.input": io.BytesIO(body)})
        try:
            operation, found = get_service_router(service).match(request)
        except NotFound:
            return error_answer(ServiceError("UnknownOperationException", "no such operation", status=404))
        params = {**found, **read_parameters(service, operation.name, body)}
        try:
            refuse_wrong_request(service, operation.name, params)
            touched = self.athena.parameters_of(params) if service == "athena" and self.athena else params
            self.recorder.add(needed_calls(service, operation.name, touched, headers=request.headers))
            answer = self._dispatch(service, operation.name, params, environ)
            self._refuse_wrong_answer(service, operation.name, answer)
        except ServiceError as error:
            return error_answer(error)
        return answer

    def _refuse_wrong_answer(self, service: str, operation: str, answer: Answer) -> None:
        if service not in CHECKED or answer.status != 200:
            return
        found = answer_faults(service, operation, json.loads(b"".join(answer.body) or b"{}"))
        if found:
            self.wrong_answers.append(f"{service}:{operation}: {'; '.join(found)}")
            raise ServiceError("InternalServerException", f"a wrong answer: {self.wrong_answers[-1]}", status=500)

    def _dispatch(self, service: str, operation: str, params: dict[str, Any], environ: dict[str, Any]) -> Answer:
        if service == "athena":
            if self.athena is None:
                raise ServiceError("InternalServerException", "no Trino stands behind this Athena", status=500)
            return json_answer(self.athena.answer(operation, params))
        if service == "glue":
            with self._locks["glue"]:
                return self._ask_glue(operation, params, environ)
        if service == "s3":
            return self._ask_s3(operation, params, environ)
        return self._ask_moto(environ)

    def _ask_s3(self, operation: str, params: Mapping[str, Any], environ: dict[str, Any]) -> Answer:
        if operation in S3_WRITES:
            # moto looks at the condition first and writes later.
            with self._locks["s3"]:
                answer = self._ask_moto(environ)
        else:
            answer = self._ask_moto(environ)
        headers = {name.lower(): value for name, value in answer.headers}
        self.recorder.add(answer_calls(operation, params, status=answer.status, headers=headers))
        return answer

    def _ask_glue(self, operation: str, params: Mapping[str, Any], environ: dict[str, Any]) -> Answer:
        for action, empty in STATISTICS.items():
            if operation.startswith(f"{action}ColumnStatisticsFor"):
                return json_answer(empty)
        if operation == "UpdateTable" and params.get("VersionId") is not None:
            refuse_stale_version(params)
        return self._ask_moto(environ)

    def _ask_moto(self, environ: dict[str, Any]) -> Answer:
        body, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
        return Answer(int(status.partition(" ")[0]), list(headers), list(body))


class QuietHandler(MotoRequestHandler):
    """Reads requests from the wire and writes no log of them."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the recorder knows."""


def read_body(environ: dict[str, Any]) -> bytes:
    """Read the body of a request before any lock is taken; who comes after may read it again."""
    body = Request(environ).get_data()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


def service_of(environ: Mapping[str, Any]) -> str:
    """The service that a request was signed for; S3 where it was not signed."""
    scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) == 5 else "s3"


def read_parameters(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """The parameters in the body: those of services that speak JSON, and the keys of objects to delete."""
    if service == "s3":
        if operation != "DeleteObjects":
            return {}
        return {"Keys": [key.text or "" for key in ET.fromstring(body).iterfind(".//{*}Object/{*}Key")]}
    return dict(json.loads(body)) if body.startswith(b"{") else {}


def refuse_wrong_request(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise where AWS would not take the parameters of a request."""
    found = request_faults(service, operation, params) if service in CHECKED else []
    if found:
        code = "InvalidRequestException" if service == "athena" else "ValidationException"
        raise ServiceError(code, f"{len(found)} validation error detected: {'; '.join(found)}")


def refuse_stale_version(params: Mapping[str, Any]) -> None:
    """Raise where a table is at another version than the request expects; a missing table is moto's to report.

    https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTable.html
    """
    database = glue_backends[ACCOUNT][REGION].databases.get(params["DatabaseName"])
    table = database.tables.get(params["TableInput"]["Name"]) if database else None
    if table is not None and table.as_dict()["VersionId"] != params["VersionId"]:
        message = "Update table failed due to concurrent modifications."
        raise ServiceError("ConcurrentModificationException", message)


def json_answer(body: Mapping[str, Any], status: int = 200) -> Answer:
    """An answer of a service that speaks JSON 1.1."""
    content = json.dumps(body).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(content)))]
    return Answer(status, headers, [content])


def error_answer(error: ServiceError) -> Answer:
    """An error of a service that speaks JSON 1.1."""
    return json_answer({"__type": error.code, "message": error.message, **error.members}, error.status)
