"""A local AWS on 127.0.0.1, in threads of this process: S3, Glue, STS and KMS, and Athena where there is a Trino.

A double, see `gateway.py` and `athena_api.py` for what it does not verify.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.athena.calls import REGION, Call, Recorder

if TYPE_CHECKING:
    import pytest

ENV = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_MAX_ATTEMPTS": "1",
}


@cache
def _make_client(address: str, service: str) -> Any:
    """Made once: a client takes a quarter of a second, and may be shared by threads."""
    import boto3
    from botocore.config import Config

    return boto3.session.Session().client(
        service,
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id=ENV["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ENV["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
    )


@dataclass(frozen=True)
class LocalAws:
    """The local AWS at one address, and what was asked of it."""

    address: str
    recorder: Recorder = field(default_factory=Recorder, repr=False)

    def env(self) -> dict[str, str]:
        """The environment in which every AWS client finds the local AWS."""
        return {"AWS_ENDPOINT_URL": self.address, **ENV}

    def lead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let our code find the local AWS, and ask Athena often, for as long as the test runs."""
        for name, value in {**self.env(), "CAREMESH_ATHENA_POLL_SECONDS": "0.05"}.items():
            monkeypatch.setenv(name, value)

    def client(self, service: str) -> Any:
        """A boto3 client with made-up credentials, whatever the environment holds."""
        return _make_client(self.address, service)

    def make_bucket(self, name: str) -> str:
        """Make a bucket; give its s3:// path."""
        self.client("s3").create_bucket(Bucket=name)
        return f"s3://{name}"

    def recorded(self) -> list[Call]:
        """The calls since the last `forget`, those of Athena and of its Trino among them."""
        return self.recorder.calls()

    def forget(self) -> None:
        """Record anew."""
        self.recorder.forget()


@dataclass(frozen=True)
class RunningAws(LocalAws):
    """A local AWS of this process, which Athena can be added to."""

    gateway: Any = field(default=None, repr=False)

    def add_athena(self, port: int) -> None:
        """Answer Athena's API from the Trino at a port of this machine, which reads the S3 and Glue here."""
        from tests.athena.athena_api import AthenaApi

        self.gateway.athena = AthenaApi(port, client=self.client)


@contextmanager
def run_aws(port: int = 0) -> Iterator[RunningAws]:
    """Run a local AWS without Athena; `port` 0 takes one that is free."""
    from werkzeug.serving import make_server

    from tests.athena.gateway import Gateway, QuietHandler
    from tests.athena.service_models import share_models

    share_models()
    gateway = Gateway()
    server = make_server("127.0.0.1", port, gateway, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield RunningAws(f"http://127.0.0.1:{server.server_port}", gateway.recorder, gateway)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    from tests.athena.interactive import main

    main()
