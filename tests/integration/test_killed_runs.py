"""Runs killed at any step: readers see the old or the new state, and the next run ends as an undisturbed one."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.lake.shown_state import STATE_FILE
from caremesh.pipeline import STAGES, Stage
from tests.integration.dying import Death
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.run_to_kill import UNTIL_CHECKED, UNTIL_PUBLISHED, start
from tests.integration.tiny_dbt import add_dbt_project
from tests.integration.tiny_mesh import write_tiny_mesh
from tests.scale import dice, share

FULL = {
    "format": 1,
    "source": "default",
    "job": "second",
    "submitted_at": "2026-01-02T00:00:00Z",
    "level": "system",
    "since": None,
    "until": None,
    "types": ["Patient"],
    "is_filtered": False,
    "files": None,
}

DEADLY = (-signal.SIGKILL, -signal.SIGXFSZ)
SIZES = (60, 700, 3_000, 12_000, 60_000, 400_000)
"""Bytes at which a file is left unfinished: what JSON, Parquet and DuckDB files of a tiny lake have, and some less."""

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

    def play(self, death: Death | None = None, *, steps: Path | None = None) -> bool:
        """Run what is waiting, and perhaps have it die; tell whether it did."""
        process = start(self.project, self.home / "landing", self.lake, self.stages, death=death, steps=steps)
        process.join()
        code = process.exitcode
        process.close()
        assert code in ((0, *DEADLY) if death else (0,)), f"a run ended with {code}"
        return code != 0

    def steps(self, origin: str) -> list[str]:
        """The names of the steps of a run that nothing disturbs."""
        self.reset(origin)
        self.play(steps=self.home / "steps")
        lake, temporary = self.lake.as_posix(), tempfile.gettempdir()
        said = (self.home / "steps").read_text(encoding="utf-8")
        return re.sub(rf"{temporary}/\w+", "temporary", said.replace(lake, "lake")).splitlines()

    def state(self) -> State:
        left_out = ("run.lock", "caremesh.duckdb", STATE_FILE)
        paths = [p for p in self.lake.rglob("*") if p.is_file() and p.name not in left_out]
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
    """Two tiny products, played up to publish."""
    project = write_tiny_mesh(home / "project", "person", "reading")
    return Scene(home, project, UNTIL_PUBLISHED).prepare(*_exports())


def _exports() -> tuple[Export, Export]:
    """Some resources go, some change, some lines are damaged."""
    first = {
        "Patient/Patient-1.ndjson": (*(_patient(n, "2025-12-01") for n in range(6)), ""),
        "Observation/Observation-1.ndjson": (*(_reading(n, "2025-12-01") for n in range(6)), "[]", ""),
    }
    second = {
        "Patient/Patient-1.ndjson": (*(_patient(n, "2026-01-01") for n in range(2, 9)), ""),
        "Observation/Observation-1.ndjson": (*(_reading(n, "2026-01-01") for n in range(4, 8)), '{"id"', ""),
    }
    return Export(first), Export(second, {"deleted/1.ndjson": ("Observation/o1", "Observation/o2")}, FULL)


def curated_scene(home: Path) -> Scene:
    """The tiny scene with two curated models, played to the end of all stages."""
    project = write_tiny_mesh(home / "project", "person", "reading")
    add_dbt_project(project)
    return Scene(home, project, STAGES).prepare(*_exports())


def _patient(number: int, day: str) -> str:
    meta = {"lastUpdated": f"{day}T00:00:00Z"}
    return json.dumps({"resourceType": "Patient", "id": f"p{number}", "gender": f"g{day}", "meta": meta})


def _reading(number: int, day: str) -> str:
    meta = {"lastUpdated": f"{day}T00:00:00Z"}
    resource = {"resourceType": "Observation", "id": f"o{number}", "valueString": f"v{number} {day}", "meta": meta}
    return json.dumps(resource)


@dataclass(frozen=True)
class Place:
    """Where a run is killed: from which lake on, and at what."""

    origin: str
    death: Death
    name: str

    @property
    def kind(self) -> tuple[str, str]:
        """What all steps of its kind share, whatever product, release or file they are of."""
        return self.origin, re.sub(r"person|reading|Patient|Observation|[0-9a-f]{8,}|-[0-9]+", "*", self.name)

    @property
    def shows(self) -> bool:
        """Whether something whole is put in its place here: in the wrong order, readers would see half of it."""
        return self.name.startswith(("replace", "rename"))


def places(scene: Scene, chance: random.Random) -> list[Place]:
    """Every step of a run and some sizes of files: first those that show something, then such as are most unlike.

    What is done up to checking is killed from `before` on, and publishing from `checked` on, which is much quicker.
    """
    late = scene.steps("checked")
    steps = {"before": scene.steps("before")[: -len(late)], "checked": late}
    found = [Place(o, Death(step=n), name) for o, names in steps.items() for n, name in enumerate(names, 1)]
    found += [Place(o, Death(size=size), f"a file of {size}") for o in steps for size in SIZES]
    chance.shuffle(found)
    seen: Counter[tuple[str, str]] = Counter()
    ranks: dict[Place, tuple[bool, int]] = {}
    for place in found:
        ranks[place] = (not place.shows, seen[place.kind])
        seen[place.kind] += 1
    return sorted(found, key=lambda place: ranks[place])


def cases(scene: Scene, kills: int, chance: random.Random) -> list[tuple[Place, ...]]:
    """So many kills: each place once; then the run after a kill is killed as well."""
    single = places(scene, chance)
    twice = [(chance.choice(single), chance.choice(single)) for _ in range(kills - len(single))]
    return [*((place,) for place in single), *twice][:kills]


def kill_often(scene: Scene, killed: list[tuple[Place, ...]]) -> Counter[str]:
    """Kill a run at each of the places; give how far the runs had come."""
    scene.reset("before")
    old = scene.tables()
    scene.play()
    calm = scene.state()
    reached: Counter[str] = Counter()
    for case in killed:
        scene.reset(case[0].origin)
        where = " and then ".join(f"{place.name} ({place.origin}, {place.death})" for place in case)
        for place in case:
            scene.play(place.death)
        reached[scene.reached()] += 1
        for name, rows in scene.tables().items():
            assert rows in (old[name], calm.tables[name]), f"{name} is neither old nor new, killed at {where}"
        scene.play()
        assert scene.state() == calm, f"another state after a kill at {where}"
    return reached


def expect_many_phases(reached: Counter[str], least: int) -> None:
    """A few kills may fall on few phases; many must not."""
    assert reached.total() < 20 or len(reached) >= least, f"the kills fell on too few phases: {dict(reached)}"


PART = 40
"""So many kills are a test, which another core may take."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(parts := math.ceil(share(400) / PART)))
def test_after_kills_up_to_publish_the_lake_is_as_if_none_had_been(part: int, tmp_path: Path) -> None:
    scene = tiny_scene(tmp_path)
    killed = cases(scene, share(400), dice("kills"))[part::parts]
    expect_many_phases(kill_often(scene, killed), least=4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_kills_of_the_last_stages_the_lake_is_as_if_none_had_been(tmp_path: Path) -> None:
    scene = curated_scene(tmp_path)
    late = [case for case in cases(scene, 1000, dice("late kills")) if re.search("curate|catalog", case[0].name)]
    expect_many_phases(kill_often(scene, late[: share(40, least=2)]), least=2)
