"""The way to AWS: one boto3 session per run, with retries, and errors in words that give the next move.

Credentials, region and addresses come from boto3's own chain
(https://docs.aws.amazon.com/boto3/latest/guide/configuration.html); nothing of it is read or kept here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from caremesh.errors import AwsError, CareMeshError
from caremesh.settings import AwsSettings

ATTEMPTS = 8
"""So often a request is tried that is throttled or gets no answer, with growing pauses."""

_THROTTLED = {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
_SIGN_IN = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
_SIGN_IN |= {"InvalidAccessKeyId", "SignatureDoesNotMatch", "TokenRefreshRequired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"}
_GONE = {"NoSuchBucket"}


class Aws:
    """The AWS account of one run: clients that are made when they are first needed."""

    def __init__(self, settings: AwsSettings) -> None:
        """Keep what clients are made with; nothing is sent."""
        self.settings = settings
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    @cached_property
    def session(self) -> Any:
        """The boto3 session; raise AwsError where no region is configured."""
        import boto3

        session = boto3.Session(region_name=self.settings.region)
        if session.region_name is None:
            raise AwsError("no AWS region is configured", hint="export AWS_REGION, or name one in the AWS profile")
        return session

    @cached_property
    def config(self) -> Any:
        """How botocore tries again, for clients of ours and of awswrangler."""
        from botocore.config import Config

        return Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}, max_pool_connections=32)

    def client(self, service: str) -> Any:
        """The client of a service; clients may be shared by threads."""
        # A session makes one client at a time: https://docs.aws.amazon.com/boto3/latest/guide/session.html
        with self._making:
            if service not in self._clients:
                with telling_errors():
                    try:
                        self._clients[service] = self.session.client(service, config=self.config)
                    except ValueError as error:
                        # botocore checks addresses before it has errors of its own for them.
                        raise AwsError(str(error), hint="check AWS_ENDPOINT_URL and the AWS configuration") from None
        return self._clients[service]

    @property
    def encryption(self) -> dict[str, str]:
        """The arguments of an S3 request that writes, so that the object is encrypted as the settings say."""
        if self.settings.kms_key is None:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.settings.kms_key}


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turn what boto3 raises into AwsError. What a caller expects (a conflict, a missing key) it catches within."""
    from boto3.exceptions import Boto3Error
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(error) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError):
        raise AwsError(
            "no AWS credentials were found", hint="aws configure, or aws sso login; then run again"
        ) from None
    except (exceptions.SSOTokenLoadError, exceptions.UnauthorizedSSOTokenError):
        raise AwsError("the AWS sign-in has expired", hint="aws sso login, then run again") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError) as error:
        raise AwsError(
            f"AWS did not answer: {type(error).__name__}",
            hint="check network and AWS_ENDPOINT_URL; run again, and what is finished is found",
        ) from None
    except exceptions.BotoCoreError as error:
        raise AwsError(str(error), hint="check the AWS configuration") from None
    except Boto3Error as error:
        # Transfers of files give up with these, after attempts of their own.
        raise AwsError(str(error), hint="run again; finished work is found") from None


@contextmanager
def cleaning_up(clean: Callable[[], object]) -> Iterator[None]:
    """Clean up after a block, whatever happened in it; what went wrong there matters more than a failure to clean."""
    try:
        yield
    except BaseException:
        with suppress(CareMeshError):
            clean()
        raise
    clean()


def error_code(error: Any) -> str:
    """The code that AWS gave for a ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _refused(error: Any) -> AwsError:
    """An error of AWS, with the operation and the code; its text may quote names, and never rows."""
    code, operation = error_code(error), error.operation_name
    text = error.response.get("Error", {}).get("Message", "")
    # S3 answers HEAD without a body, so without a code; well-formed requests get 400 for expired credentials.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    if code in _SIGN_IN or (code, operation[:4]) == ("400", "Head"):
        return AwsError(
            f"AWS did not accept the credentials ({code})", hint="aws sso login, or renew them; then run again"
        )
    if code in _DENIED:
        return AwsError(
            f"not allowed to call {operation}: {text}",
            hint="docs/how-to/deploy.md lists the permissions that each stage needs",
        )
    if code in _THROTTLED:
        return AwsError(
            f"AWS still throttled {operation} after {ATTEMPTS} attempts", hint="run again later: finished work is found"
        )
    if code in _GONE:
        return AwsError(f"{operation}: {text}", hint="check the bucket's name and region")
    return AwsError(f"{operation} failed: {code}: {text}", hint="run again; finished work is found")
