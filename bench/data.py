"""The files that are measured on: synthetic exports of one resource type each, made once and kept.

    full/<Type>.ndjson      200 MB of every type
    large/<Type>.ndjson     800 MB of Observation; its first 200 MB are those of full/
    extract/<Type>.ndjson   the first 20 MB, for slow peers
    small/<Type>.ndjson     the first 4 MB, for comparing rows
    one/<Type>.ndjson       the first line, for the cost of starting up
    damaged/<Type>.ndjson   Observation again, with ten broken lines added

Every file has a folder of its own kind because Pathling reads folders.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from caremesh.demo import ExportPlan
from caremesh.demo.chart import Chart
from caremesh.demo.history import write_history
from caremesh.demo.network import build_network
from caremesh.demo.patients import draw_patient, write_patient
from caremesh.demo.plan import window

VIEWS: Mapping[str, str] = {
    "patient": "Patient",
    "observation": "Observation",
    "encounter": "Encounter",
    "explanation_of_benefit": "ExplanationOfBenefit",
}
"""The benchmark's views, and the resource type of each."""

LARGE_VIEW = DAMAGED_VIEW = START_VIEW = "observation"
"""The view on which the large file, the damaged file and starting up are measured."""

# Each makes of a whole line one that is set aside: truncated, broken JSON, text where an object must stand.
_BREAKS: tuple[Callable[[bytes], bytes], ...] = (
    lambda line: line[: len(line) // 2] + b"\n",
    lambda line: line.replace(b":", b"", 1),
    lambda line: orjson.dumps(orjson.loads(line) | {"subject": "nobody"}) + b"\n",
)
_BROKEN = 10


@dataclass(frozen=True)
class Sizes:
    """Least sizes of the files, in bytes."""

    full: int = 200_000_000
    large: int = 800_000_000
    extract: int = 20_000_000
    small: int = 4_000_000
    # More than enough for `full` bytes of Patient, the smallest resource.
    patients: int = 150_000


@dataclass(frozen=True)
class Data:
    """A folder with the files."""

    folder: Path

    def file(self, kind: str, resource: str) -> Path:
        """Where a file of one kind stands: full, large, extract, small, one or damaged."""
        return self.folder / kind / f"{resource}.ndjson"

    def broken_lines(self) -> list[int]:
        """Give the numbers of the broken lines in the damaged file, from 1."""
        return [int(number) for number in (self.folder / "damaged" / "lines.txt").read_text().split()]


def prepare_data(folder: Path, sizes: Sizes) -> Data:
    """Make the files, unless they are there; the folder appears when they are complete."""
    data = Data(folder)
    if folder.exists():
        return data
    unfinished = Data(folder.with_name(f".{folder.name}"))
    shutil.rmtree(unfinished.folder, ignore_errors=True)
    _generate(unfinished, sizes)
    for resource in VIEWS.values():
        for kind, size in (("extract", sizes.extract), ("small", sizes.small), ("one", 1)):
            _cut(unfinished.file("full", resource), unfinished.file(kind, resource), size)
    _damage(unfinished)
    unfinished.folder.rename(folder)
    return data


@dataclass
class _Filling:
    """A file that takes lines until it has its size."""

    file: BinaryIO
    missing: int


class _Collector:
    """A chart's sink that fills the files of each type and drops what no file needs any more."""

    def __init__(self, files: Mapping[str, list[_Filling]]) -> None:
        self._files = files

    def add(self, resource_type: str, line: bytes) -> None:
        for filling in self._files.get(resource_type, ()):
            if filling.missing > 0:
                filling.file.write(line)
                filling.missing -= len(line)

    def lacks(self, *resource_types: str) -> bool:
        return any(filling.missing > 0 for name in resource_types for filling in self._files[name])


def _generate(data: Data, sizes: Sizes) -> None:
    """Draw patients until every file is full: with their histories first, then Patient resources alone."""
    plan = ExportPlan(patients=sizes.patients)
    network = build_network(plan)
    wanted = [("full", name, sizes.full) for name in VIEWS.values()] + [("large", VIEWS[LARGE_VIEW], sizes.large)]
    with ExitStack() as stack:
        files: dict[str, list[_Filling]] = {}
        for kind, name, size in wanted:
            path = data.file(kind, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            files.setdefault(name, []).append(_Filling(stack.enter_context(path.open("wb")), size))
        collector = _Collector(files)
        chart = Chart(collector.add, window(plan))
        others = [name for name in VIEWS.values() if name != "Patient"]
        for index in range(plan.patients):
            patient = draw_patient(plan, network, index)
            if collector.lacks(*others):
                write_history(patient, network, chart)
            elif collector.lacks("Patient"):
                write_patient(patient, chart, died=None)
            else:
                return
    raise ValueError(f"{sizes.patients} patients do not fill files of {sizes.full} bytes: raise Sizes.patients")


def _cut(source: Path, target: Path, size: int) -> None:
    """Copy the first lines of a file, `size` bytes of them or a little more."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as lines, target.open("wb") as file:
        while file.tell() < size and (line := lines.readline()):
            file.write(line)


def _damage(data: Data) -> None:
    """Copy the full file with broken copies of some lines before them, spread evenly; write down their numbers."""
    source, target = (data.file(kind, VIEWS[DAMAGED_VIEW]) for kind in ("full", "damaged"))
    target.parent.mkdir()
    with source.open("rb") as lines:
        count = sum(1 for _ in lines)
    chosen = [(part + 1) * count // (_BROKEN + 1) for part in range(_BROKEN)]
    with source.open("rb") as lines, target.open("wb") as file:
        for index, line in enumerate(lines):
            if index in chosen:
                file.write(_BREAKS[chosen.index(index) % len(_BREAKS)](line))
            file.write(line)
    numbers = [index + 1 + before for before, index in enumerate(chosen)]
    (target.parent / "lines.txt").write_text("\n".join(map(str, numbers)))
