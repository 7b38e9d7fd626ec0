"""Erasure from whole lakes: the rest must be what a lake would hold into which the person never came."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.demo import ExportPlan, write_export, write_increment
from caremesh.erasure import erase
from caremesh.lake.local import LocalLake
from caremesh.pipeline import STAGES, Stage, run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.test_erasure import finds
from tests.scale import is_soak

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_demo_with_an_increment_and_damaged_lines(tmp_path: Path) -> None:
    landing, plan = tmp_path / "landing", ExportPlan(patients=25, seed=7, damaged_lines=25)
    write_export(plan, landing, on_progress=lambda *_: None)
    write_increment(plan, landing, sequence=1, on_progress=lambda *_: None)
    hold_against_a_lake_without_her(landing, tmp_path)


def test_synthea(shared_data: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_data / "synthea-10", tmp_path / "landing")
    # What an erasure means for curated tables is the same as for the demo's, and dbt takes half of the time.
    hold_against_a_lake_without_her(tmp_path / "landing", tmp_path, stages=STAGES if is_soak() else STAGES[:4])


def hold_against_a_lake_without_her(landing: Path, folder: Path, *, stages: Sequence[Stage] = STAGES) -> None:
    without, lake = folder / "without", folder / "lake"
    shutil.copytree(landing, without)
    patient = busiest(landing)
    gone = drop_plainly(without, patient)
    assert len(gone) > 100
    go(lake, landing, stages)
    assert finds(lake, (patient,))
    settings = settings_for(lake, now="2026-03-01T00:00:00Z")
    receipt = erase(settings, f"Patient/{patient}", salt="5a17", confirm=lambda _: True, say=lambda _: None)
    assert receipt is not None
    assert bool(receipt.curated) == ("curate" in stages)
    assert finds(landing, tuple(gone)) + finds(lake, tuple(gone)) == []
    after = tables(lake)
    go(lake, landing, stages)
    assert tables(lake) == after
    go(folder / "other", without, stages)
    assert tables(folder / "other") == after


def busiest(landing: Path) -> str:
    """The patient with most encounters: there is most to erase of her."""
    counts: dict[str, int] = {}
    for path in landing.rglob("Encounter*.ndjson"):
        for line in path.read_text().splitlines():
            if line.startswith("{") and line.endswith("}") and '"Patient/' in line:
                name = line.split('"Patient/')[1].split('"')[0]
                counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: (counts[name], name))


def drop_plainly(landing: Path, patient: str) -> set[str]:
    """Blank every line that holds her id anywhere, then every line that refers to a resource that went with these.

    That is enough for exports in which nobody shares a resource with her. Gives the ids of what went.
    """
    gone, before = {patient}, 0
    while len(gone) != before:
        before = len(gone)
        words = {f'/{name}"' for name in gone} | {f'"{name}"' for name in gone}
        for path in landing.rglob("*.ndjson"):
            kept = []
            for line in path.read_text().split("\n"):
                if patient in line or any(word in line for word in words & set(quoted(line))):
                    gone |= id_of(line)
                    line = ""
                kept.append(line)
            path.write_text("\n".join(kept))
    return gone


def quoted(line: str) -> list[str]:
    """The texts in quotes of a line, and of references what follows the type."""
    return [word for text in line.split('"') for word in (f'"{text}"', f'/{text.rpartition("/")[2]}"')]


def id_of(line: str) -> set[str]:
    try:
        return {json.loads(line)["id"]}
    except (ValueError, LookupError):
        return set()


def go(lake: Path, landing: Path, stages: Sequence[Stage]) -> None:
    run(settings_for(lake, landing), watcher=SilentWatcher(), command="test", stages=stages)


def tables(lake: Path) -> dict[str, Any]:
    """The rows of all tables, but for release names and what else tells one lake from another."""
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables order by 1"
        ).fetchall()
        return {
            name: sorted(connection.execute(f"select * {exclude(name)} from {name}").fetchall(), key=repr)
            for (name,) in names
        }


def exclude(table: str) -> str:
    if table == "ledger.removals":
        return "exclude (release, made_at)"
    return "exclude (release)" if table in ("quarantine.lines", "ledger.incomplete") else ""
