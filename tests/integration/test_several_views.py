"""A product of several views, from landing to published: rows of three types in one table, increments, deletions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.pipeline import run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import write_lines, write_project
from tests.products.generated import GENERATED, HEALTHLAKE

Resource = dict[str, Any]
UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")
Rows = set[tuple[str, str, str | None]]


def finding(resource_type: str, resource_id: str, code: str, *, is_generated: bool = True) -> Resource:
    concept = {"coding": [{"system": f"{HEALTHLAKE}/aws-cm/infer-icd10/", "code": code}]}
    name = "medicationCodeableConcept" if resource_type == "MedicationStatement" else "code"
    meta = GENERATED if is_generated else {}
    return {"resourceType": resource_type, "id": resource_id, "meta": meta, "status": "unknown", name: concept}


def write_export(folder: Path, *resources: Resource, gone: tuple[str, ...] = ()) -> None:
    for resource_type in {r["resourceType"] for r in resources}:
        of_type = [r for r in resources if r["resourceType"] == resource_type]
        write_lines(folder / f"{resource_type}.ndjson", of_type)
    if gone:
        entries = [{"request": {"method": "DELETE", "url": url}} for url in gone]
        write_lines(folder / "deleted" / "Bundle-0.ndjson", [{"resourceType": "Bundle", "entry": entries}])


def publish(folder: Path, lake: str) -> tuple[Manifest, Rows]:
    """Run the stages; give the manifest, and (type, id, code) of the published rows."""
    project = folder / "project"
    if not project.exists():
        write_project(project, "clinical/nlp_finding")
    settings = settings_for(folder / lake, folder / "landing", project=project)
    report = run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)
    with duckdb.connect(str(LocalLake(folder / lake).database), read_only=True) as connection:
        sql = "select resource_type, resource_id, code from clinical.nlp_finding"
        return report.products[0].manifest, set(connection.execute(sql).fetchall())


def sums(manifest: Manifest) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    return {(i.export, i.name): (i.used, i.superseded, i.deleted, i.quarantined) for i in manifest.inputs}


def write_first(landing: Path) -> None:
    write_export(
        landing / "a",
        finding("Condition", "x", "I10"),
        finding("Condition", "written", "I10", is_generated=False),
        finding("Observation", "x", "R05.9"),
        finding("Observation", "y", "R42"),
        finding("MedicationStatement", "m", "731533"),
    )
    with (landing / "a" / "Observation.ndjson").open("a") as file:
        file.write("{\n")


def write_second(landing: Path) -> None:
    """One finding is another code now, one is confirmed (no longer generated), one is deleted."""
    changed = finding("Condition", "x", "I11.9")
    confirmed = finding("Observation", "x", "R05.9", is_generated=False)
    write_export(landing / "b", changed, confirmed, gone=("MedicationStatement/m", "Condition/y"))


AFTER_BOTH = {("Condition", "x", "I11.9"), ("Observation", "y", "R42")}


def test_the_rows_are_those_of_all_views_and_every_line_is_counted(tmp_path: Path) -> None:
    write_first(tmp_path / "landing")
    manifest, rows = publish(tmp_path, "lake")
    assert rows == {
        ("Condition", "x", "I10"),
        ("Observation", "x", "R05.9"),
        ("Observation", "y", "R42"),
        ("MedicationStatement", "m", "731533"),
    }
    assert sums(manifest) == {
        ("a", "Condition.ndjson"): (2, 0, 0, 0),
        ("a", "Observation.ndjson"): (2, 0, 0, 1),
        ("a", "MedicationStatement.ndjson"): (1, 0, 0, 0),
    }


def test_an_increment_is_merged_type_by_type(tmp_path: Path) -> None:
    write_first(tmp_path / "landing")
    publish(tmp_path, "lake")
    write_second(tmp_path / "landing")
    manifest, rows = publish(tmp_path, "lake")
    assert rows == AFTER_BOTH
    assert sums(manifest) == {
        ("a", "Condition.ndjson"): (1, 1, 0, 0),
        ("a", "Observation.ndjson"): (1, 1, 0, 1),
        ("a", "MedicationStatement.ndjson"): (0, 0, 1, 0),
        ("b", "Condition.ndjson"): (1, 0, 0, 0),
        ("b", "Observation.ndjson"): (1, 0, 0, 0),
    }


def test_all_exports_at_once_give_the_rows_of_one_after_the_other(tmp_path: Path) -> None:
    write_first(tmp_path / "landing")
    write_second(tmp_path / "landing")
    _, rows = publish(tmp_path, "lake")
    assert rows == AFTER_BOTH


def test_a_changed_view_of_one_type_makes_a_new_release(tmp_path: Path) -> None:
    write_first(tmp_path / "landing")
    before, _ = publish(tmp_path, "lake")
    view = tmp_path / "project" / "domains" / "clinical" / "nlp_finding" / "view.observation.json"
    text = json.loads(view.read_text())
    text["where"].append({"path": "id = 'y'"})
    view.write_text(json.dumps(text))
    after, rows = publish(tmp_path, "lake")
    assert after.release != before.release
    assert {r for r in rows if r[0] == "Observation"} == {("Observation", "y", "R42")}
    assert len(rows) == 3
