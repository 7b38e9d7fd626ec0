"""`make aws-local`: one process that serves, says how to reach it, and ends when it is told to."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import boto3
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.athena

MODULE = "tests.athena.local_aws"


@pytest.fixture(autouse=True)
def _start_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Java leave out what only pays where Trino runs for long."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process, and the lines that it says once it is ready."""
    command = [sys.executable, "-m", MODULE, "--port", "0", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = []
        while not said or not said[-1].startswith("caremesh run"):
            line = process.stdout.readline()
            assert line, "it ended before it was ready"
            said.append(line.rstrip("\n"))
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def exported(said: list[str]) -> dict[str, str]:
    return dict(found.groups() for line in said if (found := re.fullmatch(r"export (\w+)=(.*)", line)))  # type: ignore[misc]


def is_open(address: str) -> bool:
    url = urlparse(address)
    try:
        with socket.create_connection((url.hostname, url.port), timeout=1):
            return True
    except OSError:
        return False


def test_it_serves_until_ctrl_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Patient").mkdir()
    (tmp_path / "Patient" / "one.ndjson").write_text("{}\n")
    with started(tmp_path) as (process, said):
        for name, value in exported(said).items():
            monkeypatch.setenv(name, value)
        session = boto3.session.Session()
        listed = session.client("s3").list_objects_v2(Bucket="caremesh-landing")["Contents"]
        assert [entry["Key"] for entry in listed] == ["Patient/one.ndjson"]
        athena = session.client("athena")
        results = {"OutputLocation": "s3://caremesh-lake/results/"}
        query = athena.start_query_execution(QueryString="select 1", ResultConfiguration=results)["QueryExecutionId"]
        while athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] != "SUCCEEDED":
            time.sleep(0.05)
        assert said[-1] == "caremesh run --target aws --landing s3://caremesh-landing --lake s3://caremesh-lake"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert not is_open(exported(said)["AWS_ENDPOINT_URL"])


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", MODULE, "--port", "0", str(tmp_path)]
    holder = f"import subprocess; subprocess.run({command!r})"
    process = subprocess.Popen([sys.executable, "-c", holder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = []
    while not said or not said[-1].startswith("caremesh run"):
        said.append(process.stdout.readline().rstrip("\n"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while is_open(exported(said)["AWS_ENDPOINT_URL"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
