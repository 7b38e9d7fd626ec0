"""Trino, fetched with Maven and unpacked once for all runs: `python -m tests.athena.archives`.

It lies in `.athena/` at the root of the repository, or where the variable CAREMESH_ATHENA says, so that several clones
can share it. Nothing half-usable can lie there: Trino is unpacked beside its place and moved there in one step.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

VERSION = "476"
"""The last version whose server stands on Maven Central; Athena names no version of Trino that it is built from."""

COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy"


@dataclass(frozen=True)
class Archive:
    """One archive of Maven Central under `io.trino`, in VERSION."""

    name: str
    packaging: str
    sha256: str

    @property
    def file(self) -> str:
        """The name that Maven gives the file."""
        return f"{self.name}-{VERSION}.{self.packaging}"


SERVER = Archive("trino-server-core", "tar.gz", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158")
HIVE = Archive("trino-hive", "zip", "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e")


class FetchError(Exception):
    """Trino could not be fetched; the message says why, and what to do."""


def athena_folder(env: Mapping[str, str]) -> Path:
    """Where Trino and the logs of its runs lie."""
    return Path(env["CAREMESH_ATHENA"]).expanduser() if env.get("CAREMESH_ATHENA") else ROOT / ".athena"


def installed(folder: Path) -> Path:
    """Where an unpacked Trino lies, once it was fetched."""
    return folder / f"trino-{VERSION}"


def fetch(folder: Path, *, server: Archive = SERVER, hive: Archive = HIVE) -> Path:
    """Fetch and unpack Trino into `folder`, unless it is there: 450 MB of archives. Raises FetchError."""
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(folder):
        if installed(folder).is_dir():
            return installed(folder)
        for left_over in folder.glob("part-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        # A name of its own: the Maven of a killed fetch may still write into the one before.
        part = Path(tempfile.mkdtemp(prefix="part-", dir=folder))
        unpack(download(server, part), download(hive, part), part / "trino")
        (part / "trino").rename(installed(folder))
        shutil.rmtree(part)
    return installed(folder)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time into the folder; a lock dies with its process."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def download(archive: Archive, folder: Path) -> Path:
    """Have Maven put an archive into `folder`, and check its digest."""
    if shutil.which("mvn") is None:
        raise FetchError("no `mvn` on PATH to fetch Trino with; install Maven, then run `make athena` again")
    coordinates = f"io.trino:{archive.name}:{VERSION}:{archive.packaging}"
    command = ["mvn", "-B", "-q", COPY, f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    file = folder / archive.file
    if done.returncode or not file.is_file():
        raise FetchError(f"Maven could not fetch {coordinates}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != archive.sha256:
        raise FetchError(
            f"{archive.file}: SHA-256 is {found}, expected {archive.sha256}; "
            f"delete io/trino/{archive.name} in Maven's local repository, then run `make athena` again"
        )
    return file


def unpack(server: Path, hive: Path, target: Path) -> None:
    """Make one folder of both archives: the server's libraries, and of all plugins only the Hive connector."""
    with tarfile.open(server) as archive:
        wanted = [m for m in archive.getmembers() if m.name.split("/")[1:2] == ["lib"]]
        archive.extractall(target.parent, members=wanted, filter="data")
    (target.parent / f"{SERVER.name}-{VERSION}").rename(target)
    with zipfile.ZipFile(hive) as archive:
        archive.extractall(target / "plugin")


def main() -> None:
    """Fetch Trino, or end the process with what went wrong."""
    try:
        fetch(athena_folder(os.environ))
    except FetchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
