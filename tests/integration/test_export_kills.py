"""A download that is killed again and again, from a server that fails at every tenth request, comes whole and once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from caremesh.lake.local import LocalLake
from tests.bulk_server import FILE_FAULTS, STATUS_FAULTS, BulkServer, Fault, Seen, Served, run_bulk_server
from tests.conftest import ROOT
from tests.scale import share

FILES, LINES = share(5000, least=600), 3
KILLED_AT = (1, *(FILES * percent // 100 for percent in (12, 36, 62, 88)), FILES - 10)
"""How many files are there when the process is killed."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def line(number: int) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": f"p{number:06}", "gender": "female"}).encode() + b"\n"


def served(number: int) -> Served:
    body = b"".join(line(number * LINES + n) for n in range(LINES))
    return Served("Patient", body, count=LINES)


class EveryTenth:
    """A fault at every tenth request, chosen by what is asked and how often it was, and counted."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self.lock = threading.Lock()

    def __call__(self, seen: Seen) -> Fault | None:
        if seen.path.endswith("$export"):
            return None
        with self.lock:
            self.asked[seen.path] += 1
            digest = hashlib.sha256(f"{seen.path} {self.asked[seen.path]}".encode()).digest()
            if digest[0] >= 26:
                return None
            faults = FILE_FAULTS if "/files/" in seen.path else STATUS_FAULTS
            fault = faults[digest[1] % len(faults)]
            self.made[fault] += 1
            return fault


def start(*arguments: object) -> subprocess.Popen[bytes]:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CAREMESH_EXPORT_POLL_SECONDS": "0.01",
        "CAREMESH_EXPORT_RETRY_SECONDS": "0.001",
    }
    command = [sys.executable, "-m", "caremesh", *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_when(process: subprocess.Popen[bytes], folder: Path, files: int) -> None:
    """Kill a process once so many whole files stand in its folder."""
    while process.poll() is None and sum(1 for _ in folder.glob("Patient/*.ndjson")) < files:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_many_files_with_faults_and_kills_are_all_landed_once(tmp_path: Path) -> None:
    landing, lake, name = tmp_path / "landing", tmp_path / "lake", "killed"
    faults = EveryTenth()
    plan = BulkServer(files={f"f{n}": served(n) for n in range(FILES)}, fault=faults, polls=3)
    options = ("--lake", lake, "--quiet")
    with run_bulk_server(plan):
        begin = ("--server", plan.base, "--landing", landing, "--name", name, "--follow")
        process = start("export", "start", *begin, *options)
        for files in KILLED_AT:
            kill_when(process, landing / f".incoming-{name}", files)
            assert [p.name for p in landing.iterdir()] == [f".incoming-{name}"]
            process = start("export", "follow", name, *options)
        _, errors = process.communicate()
        assert (process.returncode, errors) == (0, b"")
    assert len(plan.asked("GET", "$export")) == 1
    assert sum(faults.made.values()) > FILES / 20
    assert set(faults.made) == set(FILE_FAULTS)
    folder = landing / name
    found = sorted(text for path in folder.rglob("*.ndjson") for text in path.read_bytes().splitlines(keepends=True))
    assert found == [line(n) for n in range(FILES * LINES)]
    assert start("land", "--landing", landing, *options).wait() == 0
    (export,) = LocalLake(lake).read_ledger().exports
    assert (export.name, len(export.files), sum(f.lines or 0 for f in export.files)) == (name, FILES, FILES * LINES)
    manifest = json.loads((folder / "export.json").read_text())
    assert {f["name"]: f["bytes"] for f in manifest["files"]} == {f.name: f.bytes for f in export.files}
