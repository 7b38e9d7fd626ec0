"""A run killed at any write leaves a lake that readers can use and that the next run completes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.dying import dies_at
from tests.integration.small_mesh import patient, write_lines, write_project

UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")
FIRST = [patient(n) for n in range(3)]
SECOND = [patient(n, birthDate="2000-01-01") for n in range(5)]


def go(project: Path, landing: Path, lake: Path) -> None:
    settings = settings_for(lake, landing, project=project)
    run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)


def state_of(lake: Path) -> dict[str, bytes]:
    """Every file that matters, but for Parquet (its bytes are not promised, its rows are) and the query database."""
    skipped = (".parquet", ".duckdb", "run.lock")
    return {
        path.relative_to(lake).as_posix(): path.read_bytes()
        for path in sorted(lake.rglob("*"))
        if path.is_file() and not path.name.endswith(skipped)
    }


def published_ids(lake: Path) -> list[str]:
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        return [i for (i,) in connection.execute("select patient_id from clinical.patient order by 1").fetchall()]


def run_and_die(step: int, project: Path, landing: Path, lake: Path) -> bool:
    """Run in a forked child that dies at a step; False once the run has fewer steps than that."""
    return dies_at(step, lambda: go(project, landing, lake))


@pytest.mark.slow
def test_killed_at_any_write_the_next_run_ends_as_if_undisturbed(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    first, second = tmp_path / "one" / "export", tmp_path / "two" / "export2"
    write_lines(first / "Patient.ndjson", FIRST)
    write_lines(second / "Patient.ndjson", SECOND)
    lake, after_first = tmp_path / "lake", tmp_path / "after-first"
    go(project, first, lake)
    shutil.copytree(lake, after_first)
    go(project, second, lake)
    expected, step = state_of(lake), 0
    while True:
        step += 1
        shutil.rmtree(lake)
        shutil.copytree(after_first, lake)
        died = run_and_die(step, project, second, lake)
        assert len(published_ids(lake)) in (3, 5), f"a reader saw half a release at step {step}"
        go(project, second, lake)
        assert published_ids(lake) == [f"p{n:03}" for n in range(5)], f"step {step}"
        assert state_of(lake) == expected, f"step {step}"
        if not died:
            break
    assert step > 8, "the run was killed at too few places to prove anything"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_real_run_killed_at_any_time_ends_as_an_undisturbed_one(shared_data: Path, tmp_path: Path) -> None:
    landing, calm, shaken = shared_data / "synthea-25", tmp_path / "calm", tmp_path / "shaken"
    assert start_run(landing, calm).wait() == 0
    for delay in (0.3, 0.7, 1.0, 1.3, 1.6, 2.0, 4.0, 8.0, 9.0, 10.0, 12.0):
        process = start_run(landing, shaken)
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            assert process.wait() == -signal.SIGKILL
    assert start_run(landing, shaken).wait() == 0
    assert contents(shaken) == contents(calm)


def start_run(landing: Path, lake: Path) -> subprocess.Popen[bytes]:
    """The command line in a process of its own."""
    arguments = ["run", "--landing", str(landing), "--lake", str(lake), "--quiet"]
    return subprocess.Popen([sys.executable, "-m", "caremesh", *arguments], stdout=subprocess.DEVNULL)


def contents(lake: Path) -> dict[str, object]:
    """What readers find: the release of every product, and a digest of the rows of every table."""
    found: dict[str, object] = {
        path.parent.name: json.loads(path.read_text())["release"] for path in lake.glob("products/*/*/current.json")
    }
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        tables = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by 1"
        ).fetchall()
        for (table,) in tables:
            digest = f"select count(*), bit_xor(hash(columns(*)::varchar)) from {table} as t"
            found[table] = connection.execute(digest).fetchone()
    return found
