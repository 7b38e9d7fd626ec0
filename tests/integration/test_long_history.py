"""What a run costs does not depend on how many releases a lake has kept, nor on how often its pointers moved."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caremesh.lake.layout import CURRENT_FILE
from caremesh.lake.local import LocalLake
from caremesh.lake.local_pointer import LocalPointer
from caremesh.lake.pointer import LONGEST_HISTORY, Move, Pointer
from caremesh.lake.release import Manifest
from caremesh.pipeline import STAGES, forget_export, prune, run
from caremesh.products import Product, find_domains, select_products
from tests.conftest import SilentWatcher, settings_for
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.tiny_mesh import land_tiny, write_tiny_mesh

NOW = "2026-02-01T00:00:00Z"

_touched: Counter[str] | None = None


def _count(event: str, arguments: tuple[Any, ...]) -> None:
    if _touched is not None and event in ("open", "os.scandir", "os.listdir"):
        _touched[str(arguments[0])] += 1


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the files that this process opens, and the folders that it lists; what DuckDB opens is not among them."""
    global _touched
    if not hasattr(counting, "is_hooked"):
        sys.addaudithook(_count)
        counting.is_hooked = True  # type: ignore[attr-defined]
    _touched = Counter()
    try:
        yield _touched
    finally:
        _touched = None


class Mesh:
    """Two products over a few exports of patients and observations."""

    def __init__(self, home: Path, *products: str) -> None:
        self.project = write_tiny_mesh(home / "project", *products)
        self.products = select_products(find_domains(self.project / "domains"))
        self.landing, self.lake = home / "landing", LocalLake(home / "lake")
        self.landing.mkdir()

    def land(self, number: int) -> None:
        patient = json.dumps({"resourceType": "Patient", "id": f"p{number}", "gender": "female"})
        observation = json.dumps({"resourceType": "Observation", "id": f"o{number}", "valueString": f"v{number}"})
        export = Export({"Patient-1.ndjson": (patient, ""), "Observation-1.ndjson": (observation, "")})
        write_export(self.landing / f"e{number}", export)
        now = f"2026-01-{number:02}T00:00:00Z"
        land_tiny(self.project, self.landing, self.lake.root, products=self.products, now=now, is_last=False)
        for product in self.products:
            manifest = self.current(product).with_verdict({"passed": True, "results": []})
            home = self.lake.release_folder(product, manifest.release)
            (home / "manifest.json").write_text(json.dumps(manifest.to_json()))

    def current(self, product: Product) -> Manifest:
        manifest = self.lake.current(product)
        assert manifest is not None
        return manifest

    def run(self, *, now: str = NOW) -> None:
        settings = settings_for(self.lake.root, self.landing, project=self.project, now=now)
        stages = tuple(s for s in STAGES if s != "curate")
        run(settings, watcher=SilentWatcher(), command="test", stages=stages)

    def lengthen(self, product: Product, count: int, *, as_before: bool = False) -> None:
        """Let the product have had so many releases before its current one, and a move to each."""
        manifest = self.current(product)
        for number in range(count):
            name = f"{number:012x}"
            earlier = replace(manifest, release=name, inputs=manifest.inputs[:1])
            folder = self.lake.release_folder(product, name)
            folder.mkdir()
            (folder / "manifest.json").write_text(json.dumps(earlier.to_json()))
        moves = tuple(Move(f"{n:012x}", "2025-01-01T00:00:00Z", "publish") for n in range(count))
        pointer = self.lake.pointer(product)
        assert pointer is not None
        long = replace(pointer, history=(*moves, *pointer.history))
        if as_before:
            stated = {"release": long.release, "history": [vars(m) for m in long.history], "withdrawn": []}
            (self.lake.folder(product) / CURRENT_FILE).write_text(json.dumps(stated))
        else:
            LocalPointer(self.lake.folder(product)).write(long)


def _touched_by_runs(home: Path, releases: int) -> list[Counter[str]]:
    """What a run with nothing new touches, and one with an export, in a lake of two products and so many releases."""
    mesh = Mesh(home, "person", "reading")
    for number in (1, 2):
        mesh.land(number)
    for product in mesh.products:
        mesh.lengthen(product, releases - 2)
    found = []
    for number in (2, 3):
        with counting() as touched:
            mesh.land(number)
            mesh.run()
        lake = str(mesh.lake.root)
        found.append(Counter(path.removeprefix(lake) for path in touched.elements() if path.startswith(lake)))
    return found


def test_a_run_touches_as_many_files_with_200_releases_as_with_two(tmp_path: Path) -> None:
    few = _touched_by_runs(tmp_path / "few", 2)
    many = _touched_by_runs(tmp_path / "many", 200)
    # A pointer that moves often has a folder of older moves, which is looked into once.
    for touched in many:
        for product in ("person", "reading"):
            assert touched.pop(f"/products/ward/{product}/moves", 1) == 1
    assert many == few


@pytest.fixture(scope="module")
def long_mesh(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    """Eight exports landed one by one, a release of each; every test works in a copy."""
    mesh = Mesh(tmp_path_factory.mktemp("long"), "person")
    for number in range(1, 9):
        mesh.land(number)
    return mesh


@pytest.mark.parametrize("dropped", [8, 5, 2])
def test_what_is_dropped_leaves_the_newest_release_from_before_it_as_the_base(
    long_mesh: Mesh, tmp_path: Path, dropped: int
) -> None:
    mesh = Mesh(tmp_path, "person")
    (product,) = mesh.products
    shutil.rmtree(mesh.landing)
    shutil.copytree(long_mesh.landing, mesh.landing)
    shutil.copytree(long_mesh.lake.root, mesh.lake.root)
    pointer = mesh.lake.pointer(product)
    assert pointer is not None
    by_exports = {len(m.inputs): m.release for m in mesh.lake.releases(product)}
    settings = settings_for(mesh.lake.root, project=mesh.project)
    forget_export(settings, f"e{dropped}", command="test")
    shutil.rmtree(mesh.landing / f"e{dropped}")
    mesh.land(9)
    made = mesh.current(product)
    assert made.base == by_exports[dropped - 1]
    home = mesh.lake.release_folder(product, made.release)
    rows = [row["person_id"] for f in (home / made.data).iterdir() for row in pq.read_table(f).to_pylist()]
    assert sorted(rows) == [f"p{n}" for n in range(1, 10) if n != dropped]


def test_a_lake_of_an_earlier_caremesh_keeps_its_moves_and_the_next_publish_shortens_the_pointer(
    tmp_path: Path,
) -> None:
    mesh = Mesh(tmp_path, "person")
    (product,) = mesh.products
    mesh.land(1)
    mesh.lengthen(product, 150, as_before=True)
    before = mesh.lake.complete_pointer(product)
    mesh.land(2)
    now, after = mesh.lake.pointer(product), mesh.lake.complete_pointer(product)
    assert before
    assert now
    assert after
    assert len(before.history) == 151
    assert (after.history[:-1], after.history[-1].release) == (before.history, mesh.current(product).release)
    assert len(now.history) <= LONGEST_HISTORY
    assert len(mesh.lake.releases(product)) == 152
    settings = settings_for(mesh.lake.root, project=mesh.project, now="2026-05-01T00:00:00Z")
    with mesh.lake.hold(command="test", since=""):
        assert mesh.lake.rollback(product, f"{3:012x}", at="2026-04-01T00:00:00Z") == f"{3:012x}"
    retired, _ = prune(settings, keep=1, before="2999-01-01T00:00:00Z", command="test")
    assert len(retired[product.id]) == 151
    left = mesh.lake.complete_pointer(product)
    assert left
    assert {move.release for move in left.history} == {f"{3:012x}"}
    assert list((mesh.lake.folder(product) / "moves").glob("*")) == []


def test_a_writer_that_was_killed_between_the_moves_and_the_pointer_left_nothing_that_counts(tmp_path: Path) -> None:
    pointer = LocalPointer(tmp_path)
    moves = tuple(Move(f"r{n}", "2026-01-01T00:00:00Z", "publish") for n in range(LONGEST_HISTORY))
    pointer.write(Pointer("r99", moves))
    before = (tmp_path / CURRENT_FILE).read_bytes()
    pointer.write(Pointer("r100", (*moves, Move("r100", "2026-02-01T00:00:00Z", "publish"))))
    (tmp_path / CURRENT_FILE).write_bytes(before)
    assert pointer.read_complete() == Pointer("r99", moves)
    pointer.write(Pointer("r98", moves))
    assert list((tmp_path / "moves").iterdir()) == []
