"""Runs killed at random moments: readers see the old or the new state, and the next run ends as an undisturbed one."""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.pipeline import STAGES, Stage
from tests.conftest import ROOT
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.run_to_kill import UNTIL_CHECKED, UNTIL_PUBLISHED, start
from tests.integration.tiny_mesh import write_tiny_mesh

FULL = {
    "format": 1,
    "source": "https://fhir.example/r4",
    "job": "second",
    "submitted_at": "2026-01-02T00:00:00Z",
    "level": "system",
    "since": None,
    "until": None,
    "types": ["Patient"],
    "is_filtered": False,
    "files": None,
}

Table = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class State:
    """What a lake holds: the files in it, what its JSON files say, and the rows of every table that readers see."""

    files: frozenset[str]
    stated: dict[str, Any]
    tables: dict[str, Table]


@dataclass(frozen=True)
class Scene:
    """A lake that holds one export; another export waits in the landing zone, with deletions.

    In `before` stands the lake as it was then, in `checked` with candidates that need only be published.
    """

    home: Path
    project: Path
    stages: tuple[Stage, ...]

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    def prepare(self, first: Export, second: Export) -> Scene:
        write_export(self.home / "landing" / "first", first)
        self.play()
        shutil.copytree(self.lake, self.home / "before")
        write_export(self.home / "landing" / "second", second)
        replace(self, stages=UNTIL_CHECKED).play()
        shutil.copytree(self.lake, self.home / "checked")
        self.reset("before")
        return self

    def reset(self, origin: str) -> None:
        shutil.rmtree(self.lake)
        shutil.copytree(self.home / origin, self.lake)

    def time(self, origin: str) -> float:
        self.reset(origin)
        began = time.monotonic()
        self.play()
        return time.monotonic() - began

    def play(self, kill_after: float | None = None) -> bool:
        """Run what is waiting, and perhaps kill it; tell whether it was killed."""
        process = start(self.project, self.home / "landing", self.lake, self.stages)
        process.join(kill_after)
        process.kill()
        process.join()
        code = process.exitcode
        process.close()
        assert code in ((0,) if kill_after is None else (0, -signal.SIGKILL)), f"a run ended with {code}"
        return code != 0

    def state(self) -> State:
        paths = [p for p in self.lake.rglob("*") if p.is_file() and p.name not in ("run.lock", "caremesh.duckdb")]
        names = {p: p.relative_to(self.lake).as_posix() for p in paths}
        stated = {names[p]: _without_sizes(json.loads(p.read_text())) for p in paths if p.suffix == ".json"}
        return State(frozenset(names.values()), stated, self.tables())

    def tables(self) -> dict[str, Table]:
        """What a reader finds now, by table."""
        with duckdb.connect(str(LocalLake(self.lake).database), read_only=True) as connection:
            names = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables order by 1"
            ).fetchall()
            return {n: tuple(connection.execute(f"select * from {n} order by all").fetchall()) for (n,) in names}

    def reached(self) -> str:
        """The last thing that a killed run is known to have done."""
        lake, base = self.lake, self.home / "before"
        for what, pattern in REACHED.items():
            if any(_differs(p, base / p.relative_to(lake)) for p in lake.glob(pattern)):
                return what
        return "nothing yet"


REACHED = {
    "registered": "catalog/*",
    "curated": "curated/current.json",
    "shown": "caremesh.duckdb",
    "pointers moved": "products/*/*/current.json",
    "checked": "products/*/*/candidates/*/report.html",
    "flattened": "products/*/*/candidates/*/manifest.json",
    "in flatten": "scratch/*",
    "landed": "ledger.json",
}
"""The last thing done first: which file of the lake shows it."""


def _differs(path: Path, before: Path) -> bool:
    return path.is_dir() or not before.exists() or path.read_bytes() != before.read_bytes()


def _without_sizes(stated: Any) -> Any:
    """Parquet promises rows, not bytes."""
    return {k: v for k, v in stated.items() if k != "bytes"} if isinstance(stated, dict) else stated


def tiny_scene(home: Path) -> Scene:
    """Two tiny products; some resources go, some change, some lines are damaged."""
    first = {
        "Patient/Patient-1.ndjson": (*(_patient(n, "2025-12-01") for n in range(6)), ""),
        "Observation/Observation-1.ndjson": (*(_reading(n, "2025-12-01") for n in range(6)), "[]", ""),
    }
    second = {
        "Patient/Patient-1.ndjson": (*(_patient(n, "2026-01-01") for n in range(2, 9)), ""),
        "Observation/Observation-1.ndjson": (*(_reading(n, "2026-01-01") for n in range(4, 8)), '{"id"', ""),
    }
    increment = Export(second, {"deleted/1.ndjson": ("Observation/o1", "Observation/o2")}, FULL)
    project = write_tiny_mesh(home / "project", "person", "reading")
    return Scene(home, project, UNTIL_PUBLISHED).prepare(Export(first), increment)


def real_scene(home: Path) -> Scene:
    """Our own products with their examples: all but the last line of each type first, then all but the first line."""
    examples: dict[str, list[str]] = {}
    for view in sorted(ROOT.glob("domains/*/*/view.json")):
        known = examples.setdefault(json.loads(view.read_text())["resource"], [])
        lines = (view.parent / "example.ndjson").read_text(encoding="utf-8").splitlines()
        known.extend(line for line in lines if line not in known)
    first = {f"{kind}/{kind}-1.ndjson": (*lines[:-1], "") for kind, lines in examples.items()}
    second = {f"{kind}/{kind}-1.ndjson": (*lines[1:], "") for kind, lines in examples.items()}
    return Scene(home, ROOT, STAGES).prepare(Export(first), Export(second, {}, FULL))


def _patient(number: int, day: str) -> str:
    meta = {"lastUpdated": f"{day}T00:00:00Z"}
    return json.dumps({"resourceType": "Patient", "id": f"p{number}", "gender": f"g{day}", "meta": meta})


def _reading(number: int, day: str) -> str:
    meta = {"lastUpdated": f"{day}T00:00:00Z"}
    resource = {"resourceType": "Observation", "id": f"o{number}", "valueString": f"v{number} {day}", "meta": meta}
    return json.dumps(resource)


def kill_often(scene: Scene, kills: int, dice: random.Random) -> Counter[str]:
    """Kill so many runs, each after a delay drawn over a whole run; give how far they had come.

    Checking takes most of a run: every other one has that behind it, so that kills fall on publishing as well.
    """
    old = scene.tables()
    whole = {origin: scene.time(origin) for origin in ("checked", "before")}
    calm = scene.state()
    reached: Counter[str] = Counter()
    for origin in islice(cycle(whole), kills):
        scene.reset(origin)
        while not scene.play(kill_after=dice.uniform(0, whole[origin])):
            # It ended before it was killed: a run takes less now than when it was measured.
            whole[origin] = scene.time(origin)
            scene.reset(origin)
        reached[scene.reached()] += 1
        for name, rows in scene.tables().items():
            assert rows in (old[name], calm.tables[name]), f"{name} is neither old nor new, seen {scene.reached()}"
        scene.play()
        assert scene.state() == calm, f"another state after a kill when it was {scene.reached()}"
    return reached


def kill_in_two_places(home: Path, make: Callable[[Path], Scene], kills: int) -> Counter[str]:
    """Both cores kill runs, each in a lake of its own.

    Two processes do it: where threads start processes, each looks after those of the other as well, and may take away
    how one ended.
    """
    scenes = [make(home / name) for name in ("one", "two")]
    with ProcessPoolExecutor(len(scenes), mp_context=multiprocessing.get_context("spawn")) as pool:
        asked = [pool.submit(kill_often, s, kills // len(scenes), random.Random(n)) for n, s in enumerate(scenes)]
        return sum((a.result() for a in asked), Counter())


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_after_280_kills_up_to_publish_the_lake_is_as_if_none_had_been(tmp_path: Path) -> None:
    reached = kill_in_two_places(tmp_path, tiny_scene, 280)
    assert len(reached) >= 5, f"the kills fell on too few phases: {dict(reached)}"


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_after_20_kills_of_all_stages_of_our_own_products_the_lake_is_as_if_none_had_been(tmp_path: Path) -> None:
    reached = kill_in_two_places(tmp_path, real_scene, 20)
    assert len(reached) >= 3, f"the kills fell on too few phases: {dict(reached)}"
