"""Releases over time: nothing new is a no-op, increments replace by resource, rollback holds until it is undone."""

from __future__ import annotations

import json
from pathlib import Path

from caremesh.pipeline import STAGES, run
from caremesh.run_report import RunReport
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_lines, write_project

UNTIL_PUBLISHED = STAGES[:4]


def go(project: Path, landing: Path, lake: Path, now: str = "2026-01-02T03:04:05Z") -> RunReport:
    settings = settings_for(lake, landing, project=project, now=now)
    return run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)


def rows_of(caremesh, lake: Path) -> list[dict[str, object]]:
    sql = "select patient_id, gender from clinical.patient order by 1"
    return json.loads(caremesh("query", sql, "--lake", lake, "--format", "json").stdout)


def test_the_same_export_twice_makes_no_new_release(tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    first = go(project, landing, lake)
    second = go(project, landing, lake, now="2027-01-01T00:00:00Z")
    assert [p.outcome for p in first.products] == ["published"]
    assert [(p.outcome, p.is_new) for p in second.products] == [("unchanged", False)]
    assert second.landing.files_read == 0
    assert [p.manifest for p in second.products] == [p.manifest for p in first.products]


def test_an_increment_replaces_the_resources_that_it_holds_and_keeps_the_others(caremesh, tmp_path: Path) -> None:
    project, lake = write_project(tmp_path / "project"), tmp_path / "lake"
    old, new = {"lastUpdated": "2025-01-01T00:00:00Z"}, {"lastUpdated": "2025-06-01T00:00:00Z"}
    write_lines(tmp_path / "landing" / "a" / "Patient.ndjson", [patient(1, meta=old), patient(2, meta=old)])
    go(project, tmp_path / "landing", lake)
    changed = {**patient(2, meta=new), "gender": "male"}
    write_lines(tmp_path / "landing" / "b" / "Patient.ndjson", [changed, patient(3, meta=new)])
    report = go(project, tmp_path / "landing", lake)
    assert rows_of(caremesh, lake) == [
        {"patient_id": "p001", "gender": "female"},
        {"patient_id": "p002", "gender": "male"},
        {"patient_id": "p003", "gender": "female"},
    ]
    (product,) = report.products
    assert (product.manifest.lines, product.manifest.superseded, product.manifest.rows) == (4, 1, 3)


def test_a_rollback_serves_the_release_before_and_a_run_does_not_undo_it(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "Patient.ndjson", [patient(1)])
    first = go(project, landing, lake).products[0].manifest.release
    write_lines(landing / "later" / "Patient.ndjson", [patient(1), patient(2)])
    second = go(project, landing, lake).products[0].manifest.release

    back = caremesh("rollback", "clinical.patient", *options)
    assert (back.exit_code, back.stdout.splitlines()[0]) == (0, f"clinical.patient is at release {first}")
    assert f"publish clinical.patient --release {second}" in back.stdout
    assert len(rows_of(caremesh, lake)) == 1
    assert go(project, landing, lake).products[0].outcome == "withdrawn"
    assert len(rows_of(caremesh, lake)) == 1
    assert "withdrawn" in caremesh("releases", "clinical.patient", *options).stdout

    forth = caremesh("publish", "clinical.patient", "--release", second, *options)
    assert forth.exit_code == 0
    assert len(rows_of(caremesh, lake)) == 2
    assert go(project, landing, lake).products[0].outcome == "unchanged"


def test_a_rollback_without_an_earlier_release_says_so(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    go(project, landing, lake)
    back = caremesh("rollback", "clinical.patient", "--lake", lake, "--project", project)
    assert back.exit_code == 13
    assert "has no release before" in back.stderr


def test_a_file_that_is_gone_stops_the_run_until_the_export_is_dropped_on_purpose(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project, "--landing", landing)
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    extra = write_lines(landing / "b" / "Patient.ndjson", [patient(2)])
    assert caremesh("land", *options).exit_code == 0
    extra.unlink()
    refused = caremesh("land", *options)
    assert refused.exit_code == 14
    assert "caremesh land --forget b" in refused.stderr
    assert caremesh("land", "--forget", "b", *options).exit_code == 0
    assert caremesh("land", *options).exit_code == 0


def with_column(project: Path, *, required: bool) -> None:
    """Add a column to contract and view of the patient product."""
    folder = project / "domains" / "clinical" / "patient"
    contract, view = folder / "contract.odcs.yaml", folder / "view.json"
    stated = ["name: district", "logicalType: string", "physicalType: varchar", "classification: quasi_identifier"]
    stated += ["description: District."] + (["required: true"] if required else [])
    entry = "      - " + "\n        ".join(stated) + "\n"
    marker = "      - name: last_updated_at\n"
    contract.write_text(contract.read_text().replace(marker, entry + marker))
    column = '{"name": "district", "path": "address.first().district", "type": "string"},\n        '
    marker = '{"name": "last_updated_at"'
    view.write_text(view.read_text().replace(marker, column + marker))


def test_a_new_column_that_fails_its_check_leaves_the_old_release_serving(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    go(project, landing, lake)
    with_column(project, required=True)
    report = go(project, landing, lake)
    assert [p.outcome for p in report.products] == ["failed"]
    assert len(rows_of(caremesh, lake)) == 1


def test_a_rollback_across_a_new_column_serves_the_columns_of_the_release(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    go(project, landing, lake)
    with_column(project, required=False)
    go(project, landing, lake)
    district = ("query", "select district from clinical.patient", "--lake", lake)
    assert caremesh(*district).exit_code == 0
    assert caremesh("rollback", "clinical.patient", "--lake", lake, "--project", project).exit_code == 0
    assert caremesh(*district).exit_code == 19
    assert len(rows_of(caremesh, lake)) == 1


def test_a_candidate_made_under_another_contract_is_neither_checked_nor_published(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "Patient.ndjson", [{**patient(1), "gender": "x"}])
    caremesh("land", *options, "--landing", landing)
    caremesh("flatten", *options)
    contract = project / "domains" / "clinical" / "patient" / "contract.odcs.yaml"
    contract.write_text(contract.read_text().replace("[male, female, other, unknown]", "[x]"))
    checked = caremesh("check", *options)
    assert (checked.exit_code, "made under another contract" in checked.stderr) == (12, True)


def test_only_the_name_of_a_published_release_is_taken_for_one(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    go(project, landing, lake)
    for name in (".", "..", "../../../..", "000000000000"):
        result = caremesh("publish", "clinical.patient", "--release", name, "--lake", lake, "--project", project)
        assert (result.exit_code, "has no release" in result.stderr) == (13, True)
    assert len(rows_of(caremesh, lake)) == 1
