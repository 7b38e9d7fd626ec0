"""A lake on a disk that is full, or that nobody may write to: a clear error, an intact lake, and the next run works."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.errors import LakeError, RegisterError
from caremesh.lake.local import LocalLake
from tests.conftest import NOW, ROOT
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.test_killed_runs import tiny_scene
from tests.integration.test_landing_sequences import Mesh
from tests.scale import dice, is_soak, share

Play = Callable[[Sequence[str]], list[dict[str, Any]]]

MAY_MOUNT = ("unshare", "--map-root-user", "--mount")
# Kilobytes: from not even a lock file, by steps in which every kind of file fails, to enough.
SCARCE, ENOUGH = [*range(0, 64, 4), 96, 160, 224], 1024
FREE = [*sorted(dice("full disk").sample(SCARCE, share(len(SCARCE), least=5))), ENOUGH]
PLACES = ("could not be written", "engine failed", "candidate", "DuckDB file")


def run_in_child(mesh: Mesh, *, limit: int) -> str:
    """Land what is new in a child that may write files of so many bytes only; give the error that it meets."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            mesh.land(mesh.lake, now=NOW, is_last=True)
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as said:
        return said.read()


@pytest.mark.parametrize(
    ("limit", "place"), [(100, "ledger.json"), (3_000, "DuckDB file"), (100_000, "DuckDB file")], ids=str
)
def test_files_that_may_not_grow_end_a_run_with_a_lake_error_and_the_old_state(
    limit: int, place: str, tmp_path: Path
) -> None:
    mesh = Mesh(tmp_path, ("person",))
    write_export(mesh.landing / "first", Export({"Patient-1.ndjson": ('{"resourceType": "Patient", "id": "p1"}',)}))
    mesh.land(mesh.lake, now=NOW, is_last=True)
    write_export(mesh.landing / "second", Export({"Patient-1.ndjson": ('{"resourceType": "Patient", "id": "p2"}',)}))
    said = run_in_child(mesh, limit=limit)
    assert said.startswith("LakeError: ")
    assert place in said
    assert ids_in(mesh.lake) == ["p1"]
    mesh.land(mesh.lake, now=NOW, is_last=True)
    assert ids_in(mesh.lake) == ["p1", "p2"]


def ids_in(lake: Path) -> list[str]:
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        return [i for (i,) in connection.execute("select person_id from ward.person order by 1").fetchall()]


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Play cases of `tests.integration.scarce_disk` on a lake with two products and an export that waits."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here, to mount a small disk with")
    probe = tmp_path_factory.mktemp("probe")
    mount = subprocess.run([*MAY_MOUNT, "mount", "-t", "tmpfs", "tmpfs", str(probe)], capture_output=True)
    if mount.returncode:
        pytest.skip("nobody may mount a small disk here")
    home = tmp_path_factory.mktemp("scarce")
    tiny_scene(home)

    def call(cases: Sequence[str]) -> list[dict[str, Any]]:
        command = [*MAY_MOUNT, sys.executable, "-m", "tests.integration.scarce_disk", str(home), *cases]
        subprocess.run(command, cwd=ROOT, check=True)
        outcomes: list[dict[str, Any]] = json.loads((home / "outcomes.json").read_text())
        return outcomes

    return call


def expect_clear_error_and_intact_lake(outcome: dict[str, Any], *, calm: dict[str, Any]) -> None:
    case = f"{outcome['case']} KB free"
    assert outcome["code"] in (LakeError.exit_code, RegisterError.exit_code), f"{case}: {outcome['errors']}"
    assert "Try: " in outcome["errors"], case
    assert "Traceback" not in outcome["errors"], case
    assert outcome["tables"] in (calm["before"], calm["after"]), f"{case}: readers see another state"
    assert outcome["query_code"] == 0, case
    assert outcome["again"] == 0, case
    assert outcome["after"] == calm["after"], f"{case}: the next run ends otherwise"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_lake_that_cannot_be_written_to_says_so_and_still_answers(play: Play) -> None:
    (outcome,) = play(["read-only"])
    expect_clear_error_and_intact_lake(outcome, calm={"before": outcome["tables"], "after": outcome["after"]})
    assert "Read-only file system" in outcome["errors"]
    assert len(outcome["tables"]["ward.person"]) == 6
    assert len(outcome["after"]["ward.person"]) == 9


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_disk_that_is_full_at_any_write_is_named_and_leaves_the_lake_intact(play: Play) -> None:
    untouched, *outcomes, enough = play(["read-only", *map(str, FREE)])
    assert enough["code"] == 0
    calm = {"before": untouched["tables"], "after": enough["after"]}
    for outcome in outcomes:
        expect_clear_error_and_intact_lake(outcome, calm=calm)
    said = " ".join(o["errors"] for o in outcomes)
    assert (all if is_soak() else any)(place in said for place in PLACES), said
