from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from caremesh.demo import ExportPlan, write_export, write_increment
from caremesh.demo.chart import Chart
from caremesh.demo.export import write_resources
from caremesh.demo.plan import window

Resource = dict[str, Any]
Read = Callable[[Path], dict[str, list[Resource]]]


@dataclass(frozen=True)
class Export:
    """An export on disk and its resources by type."""

    plan: ExportPlan
    folder: Path
    resources: dict[str, list[Resource]] = field(repr=False)  # else a failing test prints them all

    def of(self, resource_type: str) -> list[Resource]:
        """What people recorded."""
        return [r for r in self.resources.get(resource_type, []) if "tag" not in r["meta"]]

    def generated(self, resource_type: str) -> list[Resource]:
        """What the NLP made of notes."""
        return [r for r in self.resources.get(resource_type, []) if "tag" in r["meta"]]


def _read(folder: Path) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = defaultdict(list)
    for file in sorted(folder.glob("*/*.ndjson")):
        found[file.parent.name] += [orjson.loads(line) for line in file.read_bytes().splitlines()]
    return found


@pytest.fixture(scope="session")
def read_export() -> Read:
    return _read


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """The default plan, with files small enough that every big type has several."""
    plan = ExportPlan(patients=200, resources_per_file=400)
    folder = write_export(plan, tmp_path_factory.mktemp("base"))
    return Export(plan, folder, _read(folder))


@pytest.fixture(scope="session")
def increments(base: Export, tmp_path_factory: pytest.TempPathFactory) -> tuple[Export, Export]:
    out = tmp_path_factory.mktemp("increments")
    folders = [write_increment(base.plan, out, sequence=number) for number in (1, 2)]
    first, second = (Export(base.plan, folder, _read(folder)) for folder in folders)
    return first, second


@pytest.fixture(scope="session")
def crowd() -> Export:
    """Enough patients that rates can be judged; another seed, so that nothing hangs on the default one."""
    plan = ExportPlan(patients=1000, seed=11)
    found: dict[str, list[Resource]] = {"Patient": [], "Encounter": [], "Appointment": []}

    def keep(resource_type: str, line: bytes) -> None:
        if resource_type in found:
            found[resource_type].append(orjson.loads(line))

    write_resources(plan, 0, Chart(keep, window(plan)))
    return Export(plan, Path(), found)
