"""Retention: what `caremesh prune` removes, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import PublishError
from caremesh.lake.local import LocalLake
from caremesh.lake.pointer import Move, Pointer, retirable, without
from caremesh.pipeline import STAGES, prune, rollback, run
from caremesh.products import find_domains, select_products
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_lines, write_project

LONG_AGO, LATER, NOW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"


def pointer(*moves: tuple[str, str]) -> Pointer:
    """A pointer that made these releases current, (release, month) each, the last of them now."""
    history = tuple(Move(release, f"2026-{month}-01T00:00:00Z", "publish") for release, month in moves)
    return Pointer(history[-1].release, history)


def test_the_newest_releases_stay_and_older_ones_go() -> None:
    moved = pointer(("a", "01"), ("b", "02"), ("c", "03"), ("d", "04"))
    assert retirable(moved, keep=2, before="2027-01-01T00:00:00Z") == ("b", "a")


def test_the_current_release_stays_however_few_are_kept() -> None:
    assert retirable(pointer(("a", "01"), ("b", "02")), keep=1, before="2027-01-01T00:00:00Z") == ("a",)


def test_a_release_that_was_current_until_lately_stays() -> None:
    moved = pointer(("a", "01"), ("b", "02"), ("c", "04"))
    assert retirable(moved, keep=1, before="2026-03-01T00:00:00Z") == ("a",)


def test_a_release_that_came_back_counts_from_when_it_was_left_last() -> None:
    moved = pointer(("a", "01"), ("b", "02"), ("a", "03"), ("c", "05"))
    assert retirable(moved, keep=1, before="2026-04-01T00:00:00Z") == ("b",)


def test_the_pointer_forgets_what_is_gone() -> None:
    moved = Pointer("c", pointer(("a", "01"), ("b", "02"), ("c", "03")).history, withdrawn=("a", "b"))
    left = without(moved, ("a",))
    assert ([m.release for m in left.history], left.withdrawn) == (["b", "c"], ("b",))


def test_prune_removes_old_releases_and_the_others_can_still_be_gone_back_to(tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    (product,) = select_products(find_domains(project / "domains"))
    made = []
    for number, now in enumerate((LONG_AGO, LATER, NOW), start=1):
        write_lines(landing / str(number) / "Patient.ndjson", [patient(n) for n in range(number)])
        settings = settings_for(lake, landing, project=project, now=now)
        report = run(settings, watcher=SilentWatcher(), command="test", stages=STAGES[:4])
        made.append(report.products[0].manifest.release)
    retired, _ = prune(settings, keep=2, before="2026-12-31T00:00:00Z", command="test")
    assert retired == {"clinical.patient": (made[0],)}
    assert not LocalLake(lake).release_folder(product, made[0]).exists()
    with pytest.raises(PublishError, match="has no release"):
        rollback(settings, "clinical.patient", made[0], command="test")
    assert rollback(settings, "clinical.patient", None, command="test") == (made[2], made[1])
