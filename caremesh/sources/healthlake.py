"""AWS HealthLake's export jobs: started by SDK, or by REST where the SDK cannot ask for what is wanted.

https://docs.aws.amazon.com/healthlake/latest/APIReference/API_StartFHIRExportJob.html
https://docs.aws.amazon.com/healthlake/latest/devguide/reference-fhir-operations-export.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urljoin

import orjson

from caremesh.aws import Aws, error_code, telling_errors
from caremesh.errors import AwsError, ExportError, UsageError
from caremesh.places import S3Place, parse_place, split_address
from caremesh.sources.bulk_data import JobGone, export_url
from caremesh.sources.export_jobs import ExportJob, show_time
from caremesh.sources.export_manifest import MANIFEST_FILE, ExportFile
from caremesh.sources.web import Answer, Web, refused

ServerState = Literal[
    "SUBMITTED",
    "QUEUED",
    "IN_PROGRESS",
    "COMPLETED_WITH_ERRORS",
    "COMPLETED",
    "FAILED",
    "CANCEL_SUBMITTED",
    "CANCEL_IN_PROGRESS",
    "CANCEL_COMPLETED",
    "CANCEL_FAILED",
]

WORKING: tuple[ServerState, ...] = ("SUBMITTED", "QUEUED", "IN_PROGRESS", "CANCEL_SUBMITTED", "CANCEL_IN_PROGRESS")
"""States that another state follows."""

_LINE: tuple[ServerState, ...] = ("SUBMITTED", "QUEUED", "IN_PROGRESS")
_SERVICE = "healthlake"
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class ServerJob:
    """What HealthLake says of a job. COMPLETED_WITH_ERRORS is no success, though the SDK's waiter takes it for one."""

    job: str
    state: ServerState
    submitted_at: str
    message: str | None
    name: str | None = None


class StartUnknownError(AwsError):
    """No answer says whether a job was started; a list of jobs may show it later."""


@dataclass(frozen=True)
class Signature:
    """Signs each request for HealthLake with the credentials of boto3's chain (SigV4)."""

    aws: Aws = field(repr=False)

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The headers of a signed request; raise AwsError where there are no credentials."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import NoCredentialsError

        with telling_errors():
            credentials = self.aws.session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            request = AWSRequest(method=method, url=url, data=body, headers={"Content-Type": "application/fhir+json"})
            SigV4Auth(credentials.get_frozen_credentials(), _SERVICE, self.aws.session.region_name).add_auth(request)
        return dict(request.headers.items())

    def expire(self) -> bool:
        """Credentials are renewed by boto3 when they end; another signature would not help."""
        return False


class HealthLake:
    """The export jobs of data stores; asks no faster than the settings allow."""

    def __init__(self, aws: Aws, web: Web) -> None:
        """Keep the ways to AWS; nothing is sent."""
        self._aws, self._web = aws, web
        self._asked: datetime | None = None

    def address(self, datastore: str) -> str:
        """The address of a data store's FHIR server; raise where there is none, or it is not in use."""
        with _telling_gone("there is no such data store", "check --datastore and AWS_REGION"):
            stated = self._client.describe_fhir_datastore(DatastoreId=datastore)["DatastoreProperties"]
        if stated["DatastoreStatus"] != "ACTIVE":
            raise ExportError(
                f"the data store is {stated['DatastoreStatus']}", where=datastore, hint="wait until it is ACTIVE"
            )
        return f"{str(stated['DatastoreEndpoint']).rstrip('/')}/"

    def line(self, datastore: str) -> tuple[ServerJob, ...]:
        """The jobs of a data store that run or wait, those of others among them."""
        # A job may move on to the next state between two questions.
        return tuple({job.job: job for state in _LINE for job in self.jobs(datastore, JobStatus=state)}.values())

    def jobs(self, datastore: str, **only: str) -> tuple[ServerJob, ...]:
        """The jobs of a data store that HealthLake still knows, `only` those with such properties."""
        with _telling_gone("there is no such data store", "check --datastore and AWS_REGION"):
            return tuple(
                _server_job(stated)
                for page in self._pages(datastore, **only)
                for stated in page["ExportJobPropertiesList"]
            )

    def start(self, job: ExportJob) -> str:
        """Start a job, and give HealthLake's name of it; the same job twice starts once where the SDK starts it."""
        asked = {
            "JobName": job.name,
            "DataAccessRoleArn": job.role,
            "OutputDataConfig": {"S3Configuration": {"S3Uri": f"{job.place}/", "KmsKeyId": job.kms_key}},
        }
        if job.scope.is_plain:
            return self._start_plain(job, asked)
        url = export_url(job.source, job.scope)
        try:
            answer = self._rest("POST", url, orjson.dumps(asked), {"Prefer": "respond-async"}, is_repeatable=False)
        except ExportError as error:
            raise StartUnknownError(error.message, where=error.where, hint="run again later") from None
        if not _is_answered(answer.status):
            raise StartUnknownError(f"HealthLake answered {answer.status}", hint="run again later")
        if answer.status >= 400:
            raise refused(answer, url, doing="no export was started", hint=_PERMISSIONS)
        try:
            stated = orjson.loads(answer.body)
            return str(stated.get("jobId") or stated["JobId"])
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
            place = answer.headers.get("content-location", "")
            if not place:
                raise StartUnknownError("HealthLake gave the job no name", hint="run again later") from None
            return place.rstrip("/").rpartition("/")[2]

    def find_started(self, job: ExportJob) -> str | None:
        """HealthLake's name of a job whose start was asked for and never confirmed; None where it took none.

        Jobs are found by their name, which is unique in the ledger.
        """
        earliest = _minutes_before(job.asked_at)
        found = [j for j in self.jobs(str(job.datastore), JobName=job.name) if _moment(j.submitted_at) >= earliest]
        return max(found, key=lambda j: _moment(j.submitted_at)).job if found else None

    def describe(self, datastore: str, job: str) -> ServerJob:
        """What HealthLake says of a job now; raise JobGone where it knows none."""
        self._keep_pace(self._web.settings.questions_per_second)
        with _telling_gone("HealthLake knows nothing of this job any more", "start it again"):
            return _server_job(
                self._client.describe_fhir_export_job(DatastoreId=datastore, JobId=job)["ExportJobProperties"]
            )

    def cancel(self, job: ExportJob) -> None:
        """Call a job off; the SDK has no operation for it."""
        url = urljoin(job.source, f"export/{job.job}")
        answer = self._rest("DELETE", url, b"", {})
        if answer.status not in (200, 202, 204, 404):
            raise refused(answer, url, doing="the export was not called off", hint=_PERMISSIONS)

    def export_place(self, job: ExportJob) -> S3Place:
        """The prefix that a job writes to: `<datastore>-FHIR_EXPORT-<job>` below the one that was asked for."""
        return _place(job.place) / f"{job.datastore}-FHIR_EXPORT-{job.job}"

    def written(self, job: ExportJob) -> tuple[ExportFile, ...]:
        """The objects that a job wrote, by name; our own manifest is none of them."""
        place = self.export_place(job)
        pages = self._aws.client("s3").get_paginator("list_objects_v2")
        with telling_errors():
            found = [
                ExportFile(name=stated["Key"].removeprefix(f"{place.prefix}/"), bytes=stated["Size"])
                for page in pages.paginate(Bucket=place.bucket, Prefix=f"{place.prefix}/")
                for stated in page.get("Contents", [])
            ]
        return tuple(f for f in found if f.name != MANIFEST_FILE and not f.name.endswith("/") and f.name)

    def _start_plain(self, job: ExportJob, asked: Mapping[str, Any]) -> str:
        self._keep_pace(self._web.settings.starts_per_second)
        with _telling_gone("the data store is gone", "check --datastore"), _telling_unknown():
            answer = self._client.start_fhir_export_job(DatastoreId=job.datastore, ClientToken=job.token, **asked)
        return str(answer["JobId"])

    def _rest(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, is_repeatable: bool = True
    ) -> Answer:
        self._keep_pace(self._web.settings.starts_per_second)
        answer = self._web.ask(
            method, url, authority=Signature(self._aws), headers=headers, body=body, is_repeatable=is_repeatable
        )
        if answer.status in (401, 403):
            raise AwsError(f"not allowed to call HealthLake ({answer.status})", hint=_PERMISSIONS)
        return answer

    def _pages(self, datastore: str, **more: str) -> Any:
        token: dict[str, str] = {}
        while True:
            self._keep_pace(self._web.settings.questions_per_second)
            page = self._client.list_fhir_export_jobs(DatastoreId=datastore, **more, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _keep_pace(self, per_second: float) -> None:
        """Pause so long that no more requests than so many a second go out."""
        now = self._web.clock.now()
        if self._asked is not None and (left := 1 / per_second - (now - self._asked).total_seconds()) > 0:
            self._web.clock.pause(left)
        self._asked = self._web.clock.now()

    @property
    def _client(self) -> Any:
        return self._aws.client(_SERVICE)


def check_output(output: str) -> S3Place:
    """Where HealthLake is to write; raise UsageError where that is not S3."""
    place = parse_place(output)
    if not isinstance(place, S3Place):
        raise UsageError("HealthLake writes to S3 only", where=output, hint="--output s3://bucket/prefix")
    return place


def _server_job(stated: Mapping[str, Any]) -> ServerJob:
    return ServerJob(
        job=stated["JobId"],
        state=stated["JobStatus"],
        submitted_at=show_time(stated["SubmitTime"]),
        message=stated.get("Message"),
        name=stated.get("JobName"),
    )


def _minutes_before(time: str) -> datetime:
    """A little before a time: the clocks of two machines are never the same."""
    return _moment(time) - _SKEW


def _moment(time: str) -> datetime:
    return datetime.fromisoformat(time)


def _place(address: str) -> S3Place:
    bucket, prefix = split_address(address)
    return S3Place(bucket, prefix)


@contextmanager
def _telling_gone(message: str, hint: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    with telling_errors():
        try:
            yield
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise JobGone(message, hint=hint) from None
            raise


@contextmanager
def _telling_unknown() -> Iterator[None]:
    """Raise StartUnknownError for every end of a start but a clear no: one in the 400s, or before anything was sent."""
    from botocore import exceptions, parsers

    try:
        yield
    except (
        exceptions.NoCredentialsError,
        exceptions.ParamValidationError,
        exceptions.PartialCredentialsError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
    ):
        raise
    except exceptions.ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if _is_answered(status):
            raise
        raise StartUnknownError(f"HealthLake answered {status}", hint="run again later") from None
    except (exceptions.BotoCoreError, parsers.ResponseParserError) as error:
        raise StartUnknownError(f"AWS did not answer: {type(error).__name__}", hint="run again later") from None


def _is_answered(status: int) -> bool:
    """Whether a status says for sure whether a job was started."""
    return 200 <= status < 300 or 400 <= status < 500


_PERMISSIONS = "docs/how-to/export.md lists the permissions"
