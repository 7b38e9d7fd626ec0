"""`caremesh files`: every landed file, with its lines, and what became of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_mesh import patient, write_lines, write_project


@pytest.fixture
def told(tmp_path: Path, caremesh: Any) -> Any:
    """Call stages on a lake of these products, then for the files that it has."""

    def call(*stages: str, products: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        project = tmp_path / "-".join(products).replace("/", ".")
        if not project.exists():
            write_project(project, *products)
        options = ("--lake", tmp_path / "lake", "--project", project)
        for stage in stages:
            more = ("--landing", tmp_path / "landing") if stage == "land" else ()
            assert caremesh(stage, *options, *more).exit_code in (0, 3)
        rows = json.loads(caremesh("files", "--format", "json", *options).stdout)
        return {f"{row['export']}/{row['file']}": row for row in rows}

    return call


def state(row: dict[str, Any]) -> tuple[str, list[str]]:
    return row["state"], row["waits_for"]


def test_a_file_is_landed_then_in_some_then_in_all_products_that_read_it(told, tmp_path: Path) -> None:
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p001"}}
    written = write_lines(tmp_path / "landing/a/Condition.ndjson", [condition, condition])

    both = ("clinical/condition", "clinical/nlp_finding")

    row = told("land", products=both)["a/Condition.ndjson"]
    assert state(row) == ("landed", ["clinical.condition", "clinical.nlp_finding"])
    digest = hashlib.sha256(written.read_bytes()).hexdigest()
    assert (row["lines"], row["bytes"], row["digest"]) == (2, written.stat().st_size, digest)

    told("flatten", "check", "publish", products=both[:1])
    row = told(products=both)["a/Condition.ndjson"]
    assert state(row) == ("partly", ["clinical.nlp_finding"])
    counted = {"lines": 2, "used": 1, "superseded": 1, "deleted": 0, "quarantined": 0}
    assert row["products"] == {"clinical.condition": counted}

    row = told("flatten", "check", "publish", products=both)["a/Condition.ndjson"]
    assert state(row) == ("published", [])
    assert state(told(products=("clinical/patient",))["a/Condition.ndjson"]) == ("unused", [])


def test_delete_lists_copies_and_refused_lines_are_told(told, tmp_path: Path) -> None:
    landing, patients = tmp_path / "landing", ("clinical/patient",)
    lines = write_lines(landing / "a/Patient.ndjson", [patient(1), patient(2)])
    lines.write_text(lines.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    told("land", "flatten", "check", "publish", products=patients)
    (landing / "b").mkdir()
    (landing / "b/Patient.ndjson").write_bytes(lines.read_bytes())
    gone = {"request": {"method": "DELETE", "url": "Patient/p001"}}
    write_lines(landing / "c/deleted/list.ndjson", [{"resourceType": "Bundle", "type": "transaction", "entry": [gone]}])

    before = told("land", products=patients)
    assert state(before["c/deleted/list.ndjson"]) == ("landed", ["clinical.patient"])
    after = told("flatten", "check", "publish", products=patients)

    assert {name: state(row) for name, row in after.items()} == {
        "a/Patient.ndjson": ("published", []),
        "b/Patient.ndjson": ("copy", []),
        "c/deleted/list.ndjson": ("published", []),
    }
    counted = {"lines": 3, "used": 1, "superseded": 0, "deleted": 1, "quarantined": 1}
    assert after["a/Patient.ndjson"]["products"] == {"clinical.patient": counted}


def test_one_export_is_shown_alone_and_a_wrong_name_is_answered_with_the_right_ones(tmp_path, caremesh) -> None:
    options = ("--lake", tmp_path / "lake", "--project", write_project(tmp_path / "project", "clinical/patient"))
    for export in ("a", "b"):
        write_lines(tmp_path / f"landing/{export}/Patient.ndjson", [patient(1), patient(len(export))])
    assert caremesh("land", "--landing", tmp_path / "landing", *options).exit_code == 0

    shown = caremesh("files", "b", *options)
    assert (shown.exit_code, shown.stdout.count("Patient.ndjson"), shown.stdout.split()[0]) == (0, 1, "b")

    refused = caremesh("files", "c", *options)
    assert (refused.exit_code, "one of: a, b" in refused.stderr) == (2, True)
