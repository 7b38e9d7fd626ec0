"""The local Athena: one for all tests that ask for it, and one line of text where none of them ran."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from tests.athena.archives import athena_folder
from tests.athena.aws import PROBE, run_aws
from tests.athena.engine import Athena
from tests.athena.server import run_server

DESELECTED = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def athena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Athena]:
    """A running Trino with S3 and Glue, stopped at the end of the session."""
    scratch = tmp_path_factory.mktemp("trino")
    folder = athena_folder(os.environ)
    with run_aws() as aws, run_server(folder, scratch, aws=aws.address, probe=PROBE) as server:
        yield Athena(server, aws)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the tests of this lane that do not run."""
    for item in items:
        if item.get_closest_marker("athena"):
            item.config.stash[DESELECTED] = item.config.stash.get(DESELECTED, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say that the lane did not run, and how to run it."""
    count = config.stash.get(DESELECTED, 0)
    if count and "not athena" in config.option.markexpr:
        reason = "they need a real Trino; `make athena` fetches one and runs them"
        terminalreporter.write_line(f"tests/athena: {count} not run, as {reason}")
