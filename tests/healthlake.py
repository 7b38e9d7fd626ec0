"""A HealthLake on 127.0.0.1. A double: its jobs move on when they are asked about, and write into the local AWS's S3.

Requests and answers of the SDK are held against botocore's model of the service. `$export` by REST has no model: what
is taken and given follows AWS's page (reference-fhir-operations-export). Signatures have to be there, and nobody
verifies them.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.athena.calls import ACCOUNT, REGION
from tests.athena.gateway import read_body, service_of
from tests.athena.model import answer_faults, request_faults
from tests.http_server import serving

DATASTORE = "18ed064d3974ff2c9765424ecde1964a"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/export"
MOVES = ("SUBMITTED", "QUEUED", "IN_PROGRESS")


@dataclass
class Job:
    """A job: where it writes, what its state is now, and which states follow."""

    name: str
    job: str
    place: str
    states: list[str]
    submitted: datetime
    by: str
    query: dict[str, list[str]] = field(default_factory=dict)
    token: str = ""

    @property
    def state(self) -> str:
        """The state now."""
        return self.states[0]


class Refused(Exception):
    """An error as the service answers it."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@dataclass
class HealthLakeDouble:
    """One data store, its jobs, and what was asked. `write` puts an object; `refuse` may refuse an operation."""

    write: Callable[[str, str, bytes], None]
    objects: dict[str, bytes] = field(default_factory=dict)
    ends: Sequence[str] = ("COMPLETED",)
    refuse: Callable[[str], Refused | None] = lambda _: None
    loses_answers: bool = False
    shows_late: int = 0
    """So many lists of jobs are given before a job stands in them."""
    address: str = ""
    jobs: list[Job] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What was wrong with requests and answers; a test ends with none."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = read_body(environ)
        with self.lock:
            try:
                status, answer, headers = self._answer(environ, body)
            except Refused as refused:
                status, headers = refused.status, {"x-amzn-ErrorType": refused.code}
                answer = {"__type": refused.code, "message": "Patient/secret-id"}
        text = json.dumps(answer, default=lambda moment: moment.timestamp()).encode()
        listed = [("Content-Type", "application/x-amz-json-1.0"), *headers.items(), ("Content-Length", str(len(text)))]
        start_response(f"{status} {HTTPStatus(status).phrase}", listed)
        return [text]

    def _answer(self, environ: Mapping[str, Any], body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        if service_of(environ) != "healthlake" or "Signature=" not in environ.get("HTTP_AUTHORIZATION", ""):
            self.faults.append("a request is not signed for healthlake")
            raise Refused("AccessDeniedException", 403)
        if target := environ.get("HTTP_X_AMZ_TARGET"):
            return self._sdk(target.partition(".")[2], json.loads(body))
        return self._rest(environ, body)

    def _sdk(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        self.asked.append(operation)
        self._judge(f"request {operation}", request_faults("healthlake", operation, params))
        if refusal := self.refuse(operation):
            raise refusal
        if params.get("DatastoreId") != DATASTORE:
            raise Refused("ResourceNotFoundException")
        answer: dict[str, Any] = getattr(self, operation)(params)
        self._judge(f"answer {operation}", answer_faults("healthlake", operation, answer))
        return 200, answer, {}

    def _rest(self, environ: Mapping[str, Any], body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append(f"{method} {path.partition('/r4/')[2]}")
        if refusal := self.refuse(f"{method} $export" if method == "POST" else method):
            raise refusal
        if method == "DELETE":
            job = self._find(path.rpartition("/")[2])
            job.states = ["CANCEL_SUBMITTED", "CANCEL_COMPLETED"]
            return 202, {"exportJobProperties": {"jobId": job.job, "jobStatus": job.state}}, {}
        prefers = environ.get("HTTP_PREFER"), environ.get("CONTENT_TYPE")
        if not re.fullmatch(r"/datastore/\w+/r4/((Patient|Group/[^/]+)/)?\$export", path):
            self.faults.append("a path that is none")
        if method != "POST" or prefers != ("respond-async", "application/fhir+json"):
            self.faults.append("a kick-off without its headers")
        stated = json.loads(body)
        sdk_like = {**stated, "DatastoreId": DATASTORE, "ClientToken": "x"}
        self._judge("request $export", request_faults("healthlake", "StartFHIRExportJob", sdk_like))
        job = self._take(stated, by=path.partition("/r4/")[2], query=parse_qs(environ["QUERY_STRING"]))
        place = f"{self.address}/datastore/{DATASTORE}/r4/export/{job.job}"
        given = {"datastoreId": DATASTORE, "jobStatus": job.state, "jobId": job.job}
        return 202, given, {"Content-Location": place}

    # operations of the SDK, by their names

    def DescribeFHIRDatastore(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The one data store."""
        return {
            "DatastoreProperties": {
                "DatastoreId": DATASTORE,
                "DatastoreArn": f"arn:aws:healthlake:{REGION}:{ACCOUNT}:datastore/fhir/{DATASTORE}",
                "DatastoreStatus": "ACTIVE",
                "DatastoreTypeVersion": "R4",
                "DatastoreEndpoint": f"{self.address}/datastore/{DATASTORE}/r4/",
            }
        }

    def StartFHIRExportJob(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Start a job, once for each token."""
        known = next((j for j in self.jobs if j.token == params["ClientToken"]), None)
        job = known or self._take(params, by="sdk", token=params["ClientToken"])
        if self.loses_answers:
            raise Refused("InternalServerException", 500)
        return {"JobId": job.job, "JobStatus": job.state, "DatastoreId": DATASTORE}

    def DescribeFHIRExportJob(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A job as it is; then it moves on, and writes when it comes to its end."""
        job = self._find(params["JobId"])
        shown = {"ExportJobProperties": self._properties(job)}
        if len(job.states) > 1:
            job.states.pop(0)
            if job.state.startswith("COMPLETED"):
                self._write(job)
        return shown

    def ListFHIRExportJobs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The jobs, one a page."""
        chosen = [
            j
            for j in self.jobs
            if params.get("JobStatus", j.state) == j.state and params.get("JobName", j.name) == j.name
        ]
        if chosen and self.shows_late:
            self.shows_late -= 1
            return {"ExportJobPropertiesList": []}
        start = int(params.get("NextToken", 0))
        more = {"NextToken": str(start + 1)} if start + 1 < len(chosen) else {}
        return {"ExportJobPropertiesList": [self._properties(j) for j in chosen[start : start + 1]], **more}

    def _take(self, stated: Mapping[str, Any], *, by: str, token: str = "", query: Any = None) -> Job:
        place = stated["OutputDataConfig"]["S3Configuration"]["S3Uri"].rstrip("/")
        number = f"{next(self.numbers):032x}"
        states = [*MOVES, *self.ends]
        job = Job(stated["JobName"], number, place, states, datetime.now(UTC), by, query or {}, token)
        self.jobs.append(job)
        if self.loses_answers:
            raise Refused("InternalServerException", 500)
        return job

    def _properties(self, job: Job) -> dict[str, Any]:
        return {
            "JobId": job.job,
            "JobName": job.name,
            "JobStatus": job.state,
            "SubmitTime": job.submitted,
            "DatastoreId": DATASTORE,
            "OutputDataConfig": {"S3Configuration": {"S3Uri": f"{job.place}/", "KmsKeyId": KEY}},
            "DataAccessRoleArn": ROLE,
        }

    def _find(self, name: str) -> Job:
        found = next((j for j in self.jobs if j.job == name), None)
        if found is None:
            raise Refused("ResourceNotFoundException")
        return found

    def _write(self, job: Job) -> None:
        for name, content in self.objects.items():
            bucket, _, prefix = job.place.removeprefix("s3://").partition("/")
            self.write(bucket, f"{prefix}/{DATASTORE}-FHIR_EXPORT-{job.job}/{name}", content)

    def _judge(self, what: str, found: Sequence[str]) -> None:
        if found:
            self.faults.append(f"{what}: {'; '.join(found)}")
            raise Refused("ValidationException")


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def run_healthlake(double: HealthLakeDouble) -> Iterator[HealthLakeDouble]:
    """Serve a double on a free port of this machine."""
    server = make_server("127.0.0.1", 0, double, threaded=True, request_handler=_Quiet)
    double.address = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield double
