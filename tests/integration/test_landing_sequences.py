"""Random sequences of exports give what a slow model of landing in memory gives, landed one by one or rebuilt."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caremesh.errors import LandingError
from caremesh.id_spaces import IdSpaces
from caremesh.lake.layout import LAKE_MARK, LEDGER_FILE
from caremesh.lake.local import LocalLake
from caremesh.pipeline import forget_export
from caremesh.products import Product, find_domains, select_products
from tests.conftest import settings_for
from tests.integration.core_sequences import core, ending
from tests.integration.landing_model import Model, Outcome
from tests.integration.landing_sequences import Step, make_sequence, remove_export, write_export
from tests.integration.tiny_mesh import land_tiny, write_tiny_mesh
from tests.scale import draw, is_soak, repeat_with, share

NET = "landing_sequences"
FULL = 2000
"""So many sequences are a full run."""

CORE_SHARE = 600
"""Of each 2,000 sequences of a smaller run, so many are of the fixed core, until it is used up."""

LATE = "2026-03-01T00:00:00Z"
# A sequence flushes to disk a hundred times, and what the disk does is not what is looked at here.
MEMORY = Path("/dev/shm")


class Mesh:
    """One sequence at work: the platform's landing zone and lake, and the model's."""

    def __init__(self, home: Path, products: tuple[str, ...]) -> None:
        self.names = products
        self.project = write_tiny_mesh(home / "project", *products)
        self.products = select_products(find_domains(self.project / "domains"))
        self.landing, self.lake, self.model = home / "landing", home / "lake", Model()
        self.landing.mkdir()

    def take(self, step: Step, *, is_last: bool) -> None:
        """Do to both what a step says."""
        self.model.spaces = step.spaces
        for name in step.forgotten:
            remove_export(self.landing / name)
            forget_export(settings_for(self.lake, project=self.project), name, command="test")
            self.model.forget(name)
        for name, export in step.put.items():
            write_export(self.landing / name, export, torn=step.torn)
        if step.torn:
            self.refuse(step)
        self.model.zone.update(step.put)
        self.model.land(now=step.now)
        self.land(self.lake, now=step.now, is_last=is_last)

    def refuse(self, step: Step) -> None:
        """Expect that nothing is landed while a file is missing; then let it come."""
        before = self.ledger()
        with pytest.raises(LandingError):
            self.land(self.lake, now=step.now, is_last=False)
        assert self.ledger() == before, "an export that is not whole changed the ledger"
        for name, export in step.put.items():
            write_export(self.landing / name, export)

    def ledger(self) -> bytes | None:
        file = self.lake / LEDGER_FILE
        return file.read_bytes() if file.exists() else None

    def land(self, lake: Path, *, now: str, is_last: bool) -> None:
        spaces = IdSpaces(self.model.spaces.order, self.model.spaces.shared)
        land_tiny(self.project, self.landing, lake, products=self.products, now=now, is_last=is_last, id_spaces=spaces)

    def differences(self, lake: Path, model: Model) -> Iterable[str]:
        """What differs in a lake from the model, in words that hold ids of the model only."""
        for product in self.products:
            found = _found(LocalLake(lake), product)
            for what, value in _stated(model.outcome(product.name), found).items():
                if found.get(what) != value:
                    more, less = _unlike(found.get(what), value), _unlike(value, found.get(what))
                    yield f"{product.name}: {what}: found {more}, expected {less}"

    def rebuilt(self, lake: Path) -> Path:
        """A lake that knows what was landed and has no release: each product is made from all landed files."""
        lake.mkdir()
        for name in (LAKE_MARK, LEDGER_FILE):
            shutil.copy(self.lake / name, lake / name)
        self.land(lake, now=LATE, is_last=False)
        return lake

    def releases(self, lake: Path) -> list[str]:
        return [m.release for p in self.products if (m := LocalLake(lake).current(p))]


def _found(lake: LocalLake, product: Product) -> dict[str, Any]:
    manifest = lake.current(product)
    if manifest is None:
        return {}
    home = lake.release_folder(product, manifest.release)
    inputs = [(i.export, i.name) for i in manifest.inputs]
    quarantined = _rows(home / manifest.quarantine)
    # A later part of the keys overrides the earlier ones.
    keys = {(k["source_id"], k["id"]): k for k in _rows(home / "keys")}
    claimed = {(q["export"], q["file"], q["line"]): q["reason"] for q in quarantined if "the id also" in q["reason"]}
    return {
        "rows": sorted((tuple(row.values()) for row in _rows(home / manifest.data)), key=repr),
        "counts": {key: _counts(i) for key, i in zip(inputs, manifest.inputs, strict=True)},
        "number of rows": manifest.rows,
        "quarantined": {(q["export"], q["file"], q["line"]) for q in quarantined},
        "claimed": claimed,
        "used": {i: inputs[k["file"]] for i, k in keys.items() if k["removed_by"] is None},
        "removed": {i: (k["removed_by"], k["reason"]) for i, k in keys.items() if k["removed_by"] is not None},
    }


def _counts(file: Any) -> tuple[int, ...]:
    assert file.lines == file.used + file.superseded + file.deleted + file.quarantined
    return (file.used, file.superseded, file.deleted, file.quarantined)


def _stated(outcome: Outcome, found: dict[str, Any]) -> dict[str, Any]:
    named = found.get("removed", {})
    return {
        "rows": sorted(outcome.rows, key=repr),
        "counts": outcome.counts,
        "number of rows": len(outcome.rows),
        "quarantined": outcome.quarantined,
        "claimed": {
            line: f"the id also comes from source {space}, which comes first" for line, space in outcome.claimed.items()
        },
        "used": outcome.used,
        # Where several deletions kill, any of them may be named.
        "removed": {i: named[i] if named.get(i) in any_of else any_of for i, any_of in outcome.removed.items()},
    }


def _unlike(one: Any, other: Any) -> Any:
    """What stands in one and not in the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: value for key, value in one.items() if key not in other or other[key] != value}
    return [item for item in one if item not in other] if isinstance(one, list) and isinstance(other, list) else one


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def first_difference(seed: int, home: Path) -> str | None:
    """Play one sequence; give what first differs, or None."""
    products, steps = make_sequence(seed)
    mesh = Mesh(home, products)
    for number, step in enumerate(steps, 1):
        mesh.take(step, is_last=number == len(steps))
        for difference in mesh.differences(mesh.lake, mesh.model):
            return f"seed {seed}, landing {number}: {difference}"
    if ending(seed) == "as it is":
        return None
    if ending(seed) == "rebuilt":
        rebuilt = mesh.rebuilt(home / "rebuilt")
        if mesh.releases(rebuilt) != mesh.releases(mesh.lake):
            return f"seed {seed}: the rebuilt releases go by other names"
        return next((f"seed {seed}, rebuilt: {d}" for d in mesh.differences(rebuilt, mesh.model)), None)
    model = Model()
    model.zone, model.spaces = mesh.model.zone, mesh.model.spaces
    model.land(now=LATE)
    mesh.land(home / "at-once", now=LATE, is_last=False)
    return next((f"seed {seed}, at once: {d}" for d in mesh.differences(home / "at-once", model)), None)


def play(seed: int) -> str | None:
    """Play one sequence in a folder of its own; an error is a difference too."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as home:
        try:
            return first_difference(seed, Path(home))
        except Exception as error:
            return f"seed {seed}: {type(error).__name__}: {error}"


def all_cases() -> list[int]:
    """The seeds of this run: the fixed core, and those that are drawn."""
    fixed = core()[: share(CORE_SHARE)]
    return [*fixed, *draw(NET, FULL - len(fixed) if is_soak() else FULL - CORE_SHARE)]


CASES = all_cases()
PARTS = math.ceil(len(CASES) / 20)
"""Each part is a piece of work that another core may take."""


@pytest.mark.parametrize("part", range(PARTS))
def test_sequences_of_exports_give_what_the_model_gives(part: int, request: pytest.FixtureRequest) -> None:
    cases = CASES[part::PARTS]
    found = [difference for seed in cases if (difference := play(seed))]
    told = "\n".join([*found[:5], repeat_with(request.node.nodeid, net=NET)])
    assert not found, f"{len(found)} of {len(cases)} sequences differ:\n{told}"
