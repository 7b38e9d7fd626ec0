"""A mesh on the local AWS for each test: a bucket and a Glue catalog of its own."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.athena.calls import ACCOUNT, REGION
from tests.athena.local_aws import RunningAws
from tests.conftest import ROOT
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import WatchedAws, run_watched
from tests.integration.aws.worker import Worker, run_worker
from tests.integration.small_mesh import write_project

BUCKETS = itertools.count(1)


@pytest.fixture(scope="session")
def watched(storage: RunningAws) -> Iterator[WatchedAws]:
    with run_watched(storage.gateway) as app:
        yield app


@pytest.fixture
def empty_catalog(storage: RunningAws) -> Iterator[None]:
    """A Glue without databases; those of other tests come back afterwards."""
    from moto.glue.models import glue_backends

    backend = glue_backends[ACCOUNT][REGION]
    before, backend.databases = backend.databases, OrderedDict()
    yield
    backend.databases = before


@pytest.fixture
def mesh(
    storage: RunningAws, watched: WatchedAws, empty_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AwsMesh]:
    """A mesh of the product clinical.patient, and an environment in which our code finds the local AWS."""
    for name, value in {**storage.env(), "AWS_ENDPOINT_URL": watched.address}.items():
        monkeypatch.setenv(name, value)
    bucket = f"mesh-{next(BUCKETS)}"
    storage.make_bucket(bucket)
    watched.asked.clear()
    yield AwsMesh(storage, watched, bucket, write_project(tmp_path / "project"), tmp_path / "scratch")
    watched.watch = None


@pytest.fixture(scope="session")
def worker(storage: RunningAws, watched: WatchedAws) -> Iterator[Worker]:
    env = {**os.environ, **storage.env(), "AWS_ENDPOINT_URL": watched.address, "PYTHONPATH": str(ROOT)}
    with run_worker(env) as running:
        yield running
