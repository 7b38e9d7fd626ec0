"""The gate: a candidate that breaks its contract is set aside, and the release before it keeps serving."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.small_mesh import patient, run_stages, write_lines, write_project

GOOD = [patient(1), patient(2)]
BAD = [patient(1), {**patient(2), "gender": "MARKER-not-a-gender"}, {**patient(3), "gender": "MARKER-nor-this"}]


def test_a_failing_candidate_is_not_published_and_status_shows_it(caremesh, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "first" / "Patient.ndjson", GOOD)
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    before = json.loads((lake / "products/clinical/patient/current.json").read_text())

    write_lines(landing / "second" / "Patient.ndjson", BAD)
    assert caremesh("land", *options, "--landing", landing).exit_code == 0
    assert caremesh("flatten", *options).exit_code == 0
    checked = caremesh("check", *options)
    published = caremesh("publish", *options)

    assert (checked.exit_code, published.exit_code) == (12, 12)
    assert "gender_valid (2 rows)" in checked.stderr
    assert json.loads((lake / "products/clinical/patient/current.json").read_text()) == before
    count = caremesh("query", "select count(*) as n from clinical.patient", "--lake", lake, "--format", "csv")
    assert count.stdout == "n\n2\n"
    status = caremesh("status", *options)
    assert "failed: gender_valid (2 rows)" in status.stdout
    report = next(lake.glob("products/clinical/patient/candidates/*/report.html")).read_text()
    assert "gender_valid" in report
    for text in (report, checked.stderr, checked.stdout, status.stdout):
        assert "MARKER" not in text, "row content left the lake"


def test_a_corrected_export_is_published_and_the_failed_candidate_goes(caremesh, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    for export, resources, expected in (("first", BAD, 12), ("second", [*GOOD, patient(3)], 0)):
        write_lines(landing / export / "Patient.ndjson", resources)
        assert run_stages(caremesh, lake=lake, landing=landing, project=project)[-1] == expected
    assert list(lake.glob("products/clinical/patient/candidates/*")) == []
    assert "failed" not in caremesh("status", *options).stdout
