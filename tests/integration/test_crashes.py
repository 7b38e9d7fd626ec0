"""A run killed at any write leaves a lake that readers can use and that the next run completes."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.lake.shown_state import STATE_FILE
from caremesh.pipeline import STAGES, run
from tests.conftest import ROOT, SilentWatcher, settings_for
from tests.integration.dying import Death, dies_at
from tests.integration.run_to_kill import start
from tests.integration.small_mesh import patient, write_lines, write_project
from tests.scale import dice, share, stride

UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")
FIRST = [patient(n) for n in range(3)]
SECOND = [patient(n, birthDate="2000-01-01") for n in range(5)]


def go(project: Path, landing: Path, lake: Path) -> None:
    settings = settings_for(lake, landing, project=project)
    run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)


def state_of(lake: Path) -> dict[str, bytes]:
    """Every file that matters, but for Parquet (its rows are promised, not its bytes) and what states times."""
    skipped = (".parquet", ".duckdb", "run.lock", STATE_FILE)
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
    expected, every = state_of(lake), stride(most=3)
    step = dice("kills at a write").randrange(every) + 1 - every
    while True:
        step += every
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
def test_a_real_run_killed_again_and_again_ends_as_an_undisturbed_one(shared_data: Path, tmp_path: Path) -> None:
    landing, steps = shared_data / "synthea-25", tmp_path / "steps"
    calm, shaken = tmp_path / "calm", tmp_path / "shaken"
    assert play(landing, calm, steps=steps) == 0
    count, chance = len(steps.read_text().splitlines()), dice("kills of a real run")
    for _ in range(share(11, least=2)):
        # What a killed run has done is not done again: most of the steps are still ahead of a few kills.
        assert play(landing, shaken, death=Death(step=chance.randint(1, count // 3))) in (0, -signal.SIGKILL)
    assert play(landing, shaken) == 0
    assert contents(shaken) == contents(calm)


def play(landing: Path, lake: Path, **more: Any) -> int | None:
    """A whole run of our own products in a process of its own; gives how it ended."""
    process = start(ROOT, landing, lake, STAGES, **more)
    process.join()
    return process.exitcode


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
