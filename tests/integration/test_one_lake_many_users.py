"""Readers and writers of one lake: a reader blocks nobody, and a second writer is turned away at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from caremesh.errors import LakeLockedError
from caremesh.lake.local import LocalLake
from caremesh.lake.lock import hold_lock
from tests.integration.small_mesh import patient, run_stages, write_lines, write_project


def test_an_open_reader_neither_blocks_a_run_nor_breaks(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    program = (
        "import duckdb, sys\n"
        "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
        "count = lambda: connection.execute('select count(*) from clinical.patient').fetchone()[0]\n"
        "print(count(), flush=True)\n"
        "sys.stdin.readline()\n"
        "print(count(), flush=True)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", program, str(LocalLake(lake).database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout.readline() == "1\n"
    write_lines(landing / "later" / "Patient.ndjson", [patient(1), patient(2)])
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    after, _ = reader.communicate("go on\n", timeout=30)
    assert (after, reader.returncode) == ("1\n", 0), "the reader keeps the release that it opened"
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        assert connection.execute("select count(*) from clinical.patient").fetchone() == (2,)


def test_a_second_run_ends_at_once_and_names_the_holder(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    with hold_lock(lake, command="caremesh run", since="2026-01-01T00:00:00Z"):
        second = caremesh("land", "--lake", lake, "--landing", landing, "--project", project)
    assert second.exit_code == 16
    assert "'caremesh run', since 2026-01-01T00:00:00Z" in second.stderr
    assert not (lake / "ledger.json").exists(), "the second run did nothing"
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]


def test_a_lock_file_that_somebody_removes_lets_no_second_writer_in(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    with hold_lock(lake, command="caremesh run", since="2026-01-01T00:00:00Z"):
        (lake / "run.lock").unlink()
        with pytest.raises(LakeLockedError), hold_lock(lake, command="caremesh prune", since=""):
            pass
    with hold_lock(lake, command="caremesh prune", since=""):
        assert "caremesh prune" in (lake / "run.lock").read_text()
