"""Ctrl-C in the middle of the work of an engine: one line says what it means, and the same command goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bulk_server import BulkServer, Served, run_bulk_server
from tests.conftest import ROOT
from tests.integration.small_mesh import patient, run_stages, write_lines, write_project

SAID = "interrupted: everything that was finished is kept, and the same command again goes on from there"


def interrupt_when(is_at_work: Callable[[], bool], *arguments: object) -> tuple[int, list[str]]:
    """Call the command line, interrupt it once it is at work, and give its exit code and what it said."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CAREMESH_EXPORT_RETRY_SECONDS": "60"}
    command = [sys.executable, "-m", "caremesh", *map(str, arguments)]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until = time.monotonic() + 120
        while not is_at_work():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    # Python's own tracker of semaphores, which dbt starts, ends a moment after its parent.
    until = time.monotonic() + 10
    while is_there(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_there(process.pid), "a child lives on"
    return process.returncode, said.splitlines()


def is_there(group: int) -> bool:
    """Whether any process of a group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_in_the_middle_of_flattening(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "Patient.ndjson", (patient(n) for n in range(60_000)))
    assert caremesh("land", "--landing", landing, *options).exit_code == 0
    at_work = lake / "scratch" / "clinical.patient"
    code, said = interrupt_when(lambda: at_work.exists() and any(at_work.iterdir()), "flatten", *options)
    assert (code, said) == (130, ["✗ flatten   interrupted: 0 of 1 products flattened", SAID])
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    count = caremesh("query", "select count(*) as n from clinical.patient", "--lake", lake, "--format", "csv")
    assert count.stdout.split() == ["n", "60000"]


def test_in_the_middle_of_a_model_of_dbt(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    dbt = project / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", dbt, ignore=shutil.ignore_patterns("models", "seeds", "tests"))
    (dbt / "models").mkdir()
    sql = "select count(*) as number from range(1000000000000) as t (a) where a % 7 = 3"
    (dbt / "models" / "endless.sql").write_text(sql)
    (dbt / "models" / "endless.yml").write_text(
        "models:\n  - name: endless\n    description: One row per build.\n    columns:\n"
        "      - {name: number, data_type: bigint, config: {meta: {classification: administrative}}}\n"
    )
    log = lake / "scratch" / "curate" / "dbt" / "logs" / "dbt.log"
    options = ("--lake", lake, "--project", project)
    code, said = interrupt_when(lambda: log.exists() and "START sql table model" in log.read_text(), "curate", *options)
    assert (code, said) == (130, ["✗ curate    interrupted", SAID])
    (dbt / "models" / "endless.sql").write_text("select cast(1 as bigint) as number")
    assert caremesh("curate", *options).exit_code == 0


def test_in_the_middle_of_a_download(tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    body = b'{"resourceType": "Patient", "id": "p"}\n'
    # The second file never comes: its server says that it is busy, and the client waits.
    plan = BulkServer(
        files={"f0": Served("Patient", body), "f1": Served("Patient", body)},
        fault=lambda seen: "500" if seen.path.endswith("f1") else None,
    )
    incoming = landing / ".incoming-slow"
    with run_bulk_server(plan):
        begin = ("--server", plan.base, "--landing", landing, "--name", "slow", "--follow", "--lake", lake, "--quiet")
        code, said = interrupt_when(lambda: bool([*incoming.glob("Patient/*.ndjson")]), "export", "start", *begin)
    assert (code, said) == (130, [SAID])
    assert len([*incoming.glob("Patient/*.ndjson")]) == 1
