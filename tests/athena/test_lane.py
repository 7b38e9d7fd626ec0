"""What the lane rests on: Trino comes whole or not at all, and no server outlives its tests."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.athena import leash
from tests.athena.archives import HIVE, SERVER, VERSION, Archive, FetchError, fetch
from tests.conftest import ROOT


@dataclass(frozen=True)
class Registry:
    """Two small archives, and the file with what `mvn` does before it copies them."""

    server: Archive
    hive: Archive
    first: Path


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    shelf = tmp_path / "shelf"
    tree = shelf / f"trino-server-core-{VERSION}"
    for file in ("lib/server.jar", "plugin/other/other.jar"):
        (tree / file).parent.mkdir(parents=True)
        (tree / file).write_text(file)
    with tarfile.open(shelf / SERVER.file, "w:gz") as archive:
        archive.add(tree, tree.name)
    with zipfile.ZipFile(shelf / HIVE.file, "w") as archive:
        archive.writestr(f"trino-hive-{VERSION}/hive.jar", "hive")
    tools = tmp_path / "tools"
    tools.mkdir()
    copy = f'for a; do case "$a" in -DoutputDirectory=*) cp {shelf}/*.* "${{a#*=}}";; esac; done'
    (tools / "first").touch()
    (tools / "mvn").write_text(f"#!/bin/sh\nset -e\n. {tools}/first\n{copy}\n")
    (tools / "mvn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return Registry(with_digest(SERVER, shelf), with_digest(HIVE, shelf), tools / "first")


def with_digest(archive: Archive, folder: Path) -> Archive:
    digest = hashlib.sha256((folder / archive.file).read_bytes()).hexdigest()
    return Archive(archive.name, archive.packaging, digest)


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_fetch_keeps_the_server_and_the_hive_connector(registry: Registry, tmp_path: Path) -> None:
    home = fetch(tmp_path / "athena", server=registry.server, hive=registry.hive)
    assert names(home) == {"lib/server.jar", f"plugin/trino-hive-{VERSION}/hive.jar"}
    assert names(tmp_path / "athena") == {"lock", *(f"{home.name}/{name}" for name in names(home))}


def test_what_was_fetched_once_is_not_fetched_again(registry: Registry, tmp_path: Path) -> None:
    home = fetch(tmp_path / "athena", server=registry.server, hive=registry.hive)
    registry.first.write_text("exit 1")
    assert fetch(tmp_path / "athena", server=registry.server, hive=registry.hive) == home


def test_an_archive_with_another_digest_is_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"trino-hive-476.zip: SHA-256 is \w{64}, expected 611bacdb.*make athena"):
        fetch(tmp_path / "athena", server=registry.server, hive=HIVE)
    assert not (tmp_path / "athena" / f"trino-{VERSION}").exists()


def test_a_fetch_that_maven_fails_says_what_maven_said(registry: Registry, tmp_path: Path) -> None:
    registry.first.write_text("echo no such artifact; exit 1")
    with pytest.raises(FetchError, match="no such artifact"):
        fetch(tmp_path / "athena", server=registry.server, hive=registry.hive)


def test_without_maven_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="install Maven, then run `make athena` again"):
        fetch(tmp_path / "athena")


def test_a_killed_fetch_leaves_nothing_that_looks_fetched(registry: Registry, tmp_path: Path) -> None:
    registry.first.write_text("kill -9 $PPID")
    call = f"fetch(Path({str(tmp_path / 'athena')!r}), server={registry.server!r}, hive={registry.hive!r})"
    script = f"from pathlib import Path\nfrom tests.athena.archives import Archive, fetch\n{call}"
    killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "athena" / f"trino-{VERSION}").exists()
    registry.first.write_text("")
    assert fetch(tmp_path / "athena", server=registry.server, hive=registry.hive).is_dir()
    assert {file.name for file in (tmp_path / "athena").iterdir()} == {"lock", f"trino-{VERSION}"}


def test_the_server_dies_with_whoever_started_it(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    command = [sys.executable, leash.__file__, "sh", "-c", f"echo $$ > {noted}; exec sleep 600"]
    holder = f"import subprocess\nsubprocess.Popen({command!r}, stdin=subprocess.PIPE).wait()"
    process = subprocess.Popen([sys.executable, "-c", holder])
    wait_until(lambda: noted.exists() and noted.read_text().endswith("\n"))
    server = int(noted.read_text())
    process.kill()
    process.wait()
    wait_until(lambda: not is_running(server))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_without_the_lane_says_so_in_one_line() -> None:
    options = ["-q", "-p", "no:cacheprovider", "tests/athena/test_generated_sql.py", "-k", "both_engines"]
    run = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True)
    said = [line for line in run.stdout.splitlines() if "Trino" in line]
    assert run.returncode == 0
    assert said == ["tests/athena: 1 not run, as they need a real Trino; `make athena` fetches one and runs them"]
