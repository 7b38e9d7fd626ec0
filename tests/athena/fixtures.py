"""The local AWS and the local Athena, one each for all tests, and one line of text where the lane did not run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.athena.engine import Athena
    from tests.athena.local_aws import LocalAws, RunningAws
    from tests.athena.queries import Queries

DESELECTED = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def storage() -> Iterator[RunningAws]:
    """A local AWS with S3, Glue, STS and KMS; Athena is there only where a test also asks for `local_aws`."""
    from tests.athena.local_aws import run_aws

    with run_aws() as aws:
        yield aws
        assert aws.gateway.wrong_answers == []


@pytest.fixture(scope="session")
def athena(storage: RunningAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Athena]:
    """A running Trino with S3 and Glue, stopped at the end of the session."""
    from tests.athena.archives import athena_folder
    from tests.athena.aws import PROBE, Aws
    from tests.athena.engine import Athena
    from tests.athena.server import run_server

    scratch = tmp_path_factory.mktemp("trino")
    aws = Aws(storage)
    aws.create_database()
    with run_server(athena_folder(os.environ), scratch, aws=storage.address, probe=PROBE) as server:
        yield Athena(server, aws)


@pytest.fixture(scope="session")
def local_aws(storage: RunningAws, athena: Athena) -> LocalAws:
    """The local AWS with an Athena on a real Trino."""
    storage.add_athena(athena.server.port)
    return storage


@pytest.fixture(scope="module")
def queries(local_aws: LocalAws, request: pytest.FixtureRequest) -> Queries:
    """Statements for a database of this module's own, through Athena's API."""
    from tests.athena.queries import Queries

    name = request.module.__name__.rpartition(".")[2]
    local_aws.make_bucket(name.replace("_", "-"))
    local_aws.client("glue").create_database(DatabaseInput={"Name": name})
    return Queries(local_aws, local_aws.client("athena"), name, name.replace("_", "-"))


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
