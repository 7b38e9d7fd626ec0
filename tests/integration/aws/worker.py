"""Runs in processes of their own, which may be killed: one process with everything loaded forks a child per run.

Reads jobs from standard input, one JSON document a line; writes the child's id, and later its exit status.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

KILLED = -9
FAULT = 99
"""How a child ends that met something that is no CareMeshError."""


@dataclass(frozen=True)
class Worker:
    """The process that forks; its children run at the same time, and are waited for one by one."""

    process: subprocess.Popen[str]

    def start(self, job: Mapping[str, Any]) -> int:
        """Begin a run; give the process that it runs in."""
        return int(self._ask({"start": dict(job)}))

    def wait(self, process: int) -> int:
        """The exit code of a run, or KILLED."""
        return int(self._ask({"wait": process}))

    def run(self, job: Mapping[str, Any]) -> int:
        """A whole run."""
        return self.wait(self.start(job))

    def _ask(self, question: Mapping[str, Any]) -> str:
        into, out = self.process.stdin, self.process.stdout
        assert into is not None
        assert out is not None
        into.write(json.dumps(question) + "\n")
        into.flush()
        return out.readline()


@contextmanager
def run_worker(env: Mapping[str, str]) -> Iterator[Worker]:
    """Start the process that forks; it ends with the block."""
    command = [sys.executable, "-m", "tests.integration.aws.worker"]
    process = subprocess.Popen(command, env=dict(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Worker(process)
    finally:
        process.communicate()


def answer(lines: IO[str]) -> None:
    """Fork and wait as asked, until nothing more is asked."""
    for line in lines:
        question = json.loads(line)
        if "start" in question:
            said = os.fork() or _work(question["start"])
        else:
            said = os.waitstatus_to_exitcode(os.waitpid(question["wait"], 0)[1])
        print(said, flush=True)  # noqa: T201


def _work(job: dict[str, Any]) -> int:
    """Do a run and end this process, without any clean-up of what it shares with its parent."""
    from caremesh.errors import CareMeshError
    from caremesh.pipeline import run
    from caremesh.places import parse_place
    from caremesh.settings import AwsSettings, Settings
    from tests.conftest import SilentWatcher

    code = FAULT
    try:
        settings = Settings(
            project=Path(job["project"]),
            lake=parse_place(job["lake"]),
            landing=parse_place(job["landing"]),
            scratch=Path(job["scratch"]),
            run_id=job["run_id"],
            now=job["now"],
            aws=AwsSettings(region=job["region"]),
        )
        run(settings, watcher=SilentWatcher(), command="test", stages=job["stages"])
        code = 0
    except CareMeshError as error:
        code = error.exit_code
        if code not in (13, 16):
            sys.stderr.write(f"{error}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Load what is slow to load, then do what is asked."""
    import awswrangler  # noqa: F401
    import boto3

    import caremesh.pipeline  # noqa: F401
    from caremesh.stages.check import prepare
    from tests.athena.service_models import share_models

    share_models()
    for service in ("s3", "glue"):
        boto3.session.Session().client(service)
    prepare()
    answer(sys.stdin)


if __name__ == "__main__":
    main()
