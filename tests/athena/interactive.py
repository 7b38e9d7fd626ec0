"""The local AWS in the foreground, to try the AWS target without an account: `make aws-local`."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from tests.athena.archives import FetchError, athena_folder, fetch
from tests.athena.local_aws import LocalAws, run_aws
from tests.athena.server import ServerError, run_server
from tests.conftest import ROOT

LANDING, LAKE = "caremesh-landing", "caremesh-lake"
PROBE = "select node_id from system.runtime.nodes"


class Ended(Exception):
    """Somebody wants the local AWS to end."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until Ctrl-C, a signal to end, or the end of the process that started this one."""
    given = parse(arguments)
    parent = os.getppid()
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, end)
    sys.stderr.write("starting Trino, which takes some 10 seconds …\n")
    try:
        with contextlib.suppress(Ended, KeyboardInterrupt), run_all(given.port) as aws:
            announce(aws, sys.stdout, uploaded=upload_all(aws, given.folders))
            while os.getppid() == parent:
                time.sleep(0.2)
    except (FetchError, ServerError, OSError) as error:
        sys.exit(str(error))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.athena.local_aws", description=__doc__)
    demo = ROOT / ".demo" / "landing"
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=[demo] if demo.is_dir() else [],
        help="folders whose files go into the landing bucket; without any, the landing zone of `make demo`",
    )
    parser.add_argument("--port", type=int, default=5555, help="the port to listen on, 0 for any that is free")
    given = parser.parse_args(arguments)
    for folder in given.folders:
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    return given


@contextlib.contextmanager
def run_all(port: int) -> Iterator[LocalAws]:
    """Run the local AWS with Athena and two buckets; Trino is fetched where it is missing."""
    folder = athena_folder(os.environ)
    fetch(folder)
    with run_aws(port) as aws, tempfile.TemporaryDirectory(prefix="trino-") as scratch:
        aws.make_bucket(LANDING)
        aws.make_bucket(LAKE)
        with run_server(folder, Path(scratch), aws=aws.address, probe=PROBE) as server:
            aws.add_athena(server.port)
            yield aws


def upload_all(aws: LocalAws, folders: Sequence[Path]) -> int:
    """Upload all files of folders into the landing bucket, under their paths in their folder; give their number."""
    s3 = aws.client("s3")
    files = [(folder, file) for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    for folder, file in files:
        s3.upload_file(str(file), LANDING, file.relative_to(folder).as_posix())
    return len(files)


def announce(aws: LocalAws, out: TextIO, *, uploaded: int) -> None:
    """Say what to export, and what to type then."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in aws.env().items()]
    lines = [
        f"# A local AWS, a double on {aws.address}: it forgets everything when it ends, with Ctrl-C.",
        "# In another shell, first:",
        *exports,
        f"# {uploaded} files lie in s3://{LANDING}; s3://{LAKE} is empty. Then, for example:",
        f"caremesh run --target aws --landing s3://{LANDING} --lake s3://{LAKE}",
    ]
    out.write("".join(f"{line}\n" for line in lines))
    out.flush()


def end(*_: object) -> None:
    """Handle a signal to end."""
    raise Ended
