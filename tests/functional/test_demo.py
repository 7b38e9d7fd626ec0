"""The whole road once, as a newcomer walks it: `caremesh demo`, and what it leaves behind."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from caremesh.demo import ExportPlan, export_name, list_damage
from tests.conftest import Result

PRODUCTS = (
    "clinical.condition",
    "clinical.document",
    "clinical.encounter",
    "clinical.nlp_finding",
    "clinical.observation",
    "clinical.patient",
    "operations.claim",
    "operations.claim_line",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {}


def test_the_demo_runs_all_six_stages_and_says_what_it_did(caremesh, folder: Path) -> None:
    result = caremesh("demo", "--folder", folder, "--patients", 60)
    assert result.exit_code == 0, result.stderr
    stages = re.findall(r"✓ (\w+)", result.stderr)
    assert stages == ["land", "flatten", "check", "publish", "curate", "register"]
    for product in PRODUCTS:
        line = next(x for x in result.stdout.splitlines() if x.strip().startswith(product + " "))
        assert "published" in line, line
    assert (folder / "lake" / "catalog" / "index.html").is_file()
    told = caremesh("incomplete", "clinical.encounter", "--lake", folder / "lake").stdout.splitlines()
    assert [line.split()[2:] for line in told if "clinical.encounter" in line] == [
        ["patient_id", "0"],
        ["part_of_id", "0"],
        ["rows", "0"],
    ]


def test_a_second_demo_changes_nothing_and_says_so(caremesh, folder: Path) -> None:
    before = {p: p.read_bytes() for p in (folder / "lake").rglob("*") if p.suffix in (".json", ".html", ".parquet")}
    result = caremesh("demo", "--folder", folder, "--patients", 60)
    assert result.exit_code == 0
    assert "nothing changed" in result.stdout
    assert {p: p.read_bytes() for p in before} == before


def test_the_example_queries_work_when_pasted(caremesh, folder: Path) -> None:
    result = caremesh("demo", "--folder", folder, "--patients", 60)
    pasted = [shlex.split(x)[1:] for x in result.stdout.splitlines() if " query --lake " in x]
    assert len(pasted) == 3
    for arguments in pasted:
        answer = caremesh(*arguments, "--format", "json")
        assert answer.exit_code == 0, answer.stderr
        assert json.loads(answer.stdout), arguments


@pytest.mark.slow
def test_an_increment_supersedes_and_adds(caremesh, tmp_path: Path) -> None:
    def patients() -> int:
        sql = "select count(*) as n, count(distinct patient_id) as ids from clinical.patient"
        (row,) = json.loads(caremesh("query", sql, "--lake", tmp_path / "lake", "--format", "json").stdout)
        assert row["n"] == row["ids"]
        return row["n"]

    assert caremesh("demo", "--folder", tmp_path, "--patients", 60).exit_code == 0
    before = patients()
    result = caremesh("demo", "--folder", tmp_path, "--patients", 60, "--increment")
    assert result.exit_code == 0, result.stderr
    assert patients() > before
    encounter = next(x for x in result.stdout.splitlines() if "clinical.encounter" in x).split()
    assert int(encounter[2].replace(",", "")) > 0, "some encounters of the base export were superseded"


def test_damaged_lines_give_exit_code_3_and_stand_in_quarantine(caremesh, tmp_path: Path) -> None:
    plan = ExportPlan(patients=20, damaged_lines=9)
    result = caremesh("demo", "--folder", tmp_path, "--patients", 20, "--damaged-lines", 9, "--export-only")
    assert result.exit_code == 0
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    codes = [
        caremesh(s, "--lake", lake, *(("--landing", landing) if s == "land" else ())).exit_code
        for s in ("land", "flatten", "check", "publish")
    ]
    sql = "select file, line from quarantine.lines"
    rows = json.loads(caremesh("query", sql, "--lake", lake, "--format", "json").stdout)
    used = {"Patient", "Encounter", "Condition", "Observation", "Claim", "ExplanationOfBenefit"}
    damaged = [d for d in list_damage(plan, landing / export_name(plan)) if d.file.split("/")[0] in used]
    assert {(r["file"], r["line"]) for r in rows} == {(d.file, d.line) for d in damaged}
    assert damaged
    assert codes == [0, 3, 3, 3]


@pytest.mark.slow
def test_a_corrected_line_is_replayed_and_run_and_the_catalog_says_so(caremesh, tmp_path: Path) -> None:
    arguments = ("--folder", tmp_path, "--patients", 5, "--damaged-lines", 6)
    assert caremesh("demo", *arguments).exit_code == 3
    lake, dump = ("--lake", tmp_path / "lake"), tmp_path / "dump.ndjson"
    assert caremesh("quarantine", "dump", "--raw", "-o", dump, *lake).exit_code == 0
    rows = [json.loads(row) for row in dump.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 6
    for number, row in enumerate(rows):
        row["raw"] = {"resourceType": "Patient", "id": f"corrected-{number}", "gender": "female"}
    dump.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    replayed = caremesh("quarantine", "replay", dump, "--run", *lake)

    assert replayed.exit_code == 0, replayed.stderr
    sql = "select count(*) as n from clinical.patient where patient_id like 'corrected-%'"
    assert caremesh("query", sql, *lake, "--format", "csv").stdout == "n\n6\n"
    page = (tmp_path / "lake/catalog/clinical.patient.html").read_text(encoding="utf-8")
    assert re.search(r"<dd>0<small> open, 1 decided</small></dd>", page)
    again = caremesh("run", "--landing", tmp_path / "landing", *lake)
    assert (again.exit_code, "nothing changed" in again.stdout) == (0, True)
