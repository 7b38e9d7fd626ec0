"""The command line itself: help, errors that give the next move, exit codes, output that programs can read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from caremesh.cli import app
from caremesh.pipeline import STAGES
from tests.conftest import ROOT
from tests.integration.small_mesh import patient, write_lines, write_project

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_stands_in_the_readme(name: str) -> None:
    assert COMMANDS[name].help
    assert f"caremesh {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_stage_is_a_command() -> None:
    assert set(STAGES) <= set(COMMANDS)


def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys\n"
        "sys.argv = ['caremesh', '--help']\n"
        "from caremesh.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'dbt', 'great_expectations', 'awswrangler', 'duckdb', 'pyarrow', 'pandas', 'boto3'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run"], 2, "--landing DIR"),
        (["run", "--landing", "nowhere"], 2, "not a folder"),
        (["status", "--lake", "nowhere"], 15, "caremesh run --landing DIR first"),
        (["query", "select 1", "--lake", "nowhere"], 15, "there is no lake here"),
        (["releases", "clinical.nothing", "--lake", "LAKE"], 10, "one of: clinical.patient"),
        (["query", "select * from nothing", "--lake", "LAKE"], 19, "nothing"),
        (["rollback", "clinical.patient", "--lake", "LAKE"], 13, "never published"),
        (["run", "--target", "aws", "--landing", "LANDING"], 2, "--target local"),
        (["new", "clinical", "x", "--resource", "Patint"], 2, "did you mean Patient"),
        (["bogus"], 2, "No such command"),
    ],
)
def test_a_users_mistake_gives_a_message_and_its_exit_code(
    caremesh, arguments: list[str], code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    caremesh("land", "--landing", landing, "--lake", lake, "--project", project)
    caremesh("publish", "--lake", lake, "--project", project)
    filled = [{"LAKE": str(lake), "LANDING": str(landing)}.get(a, a) for a in arguments]
    if arguments[0] in ("run", "status", "releases", "rollback", "new"):
        filled += ["--project", str(project)]
    result = caremesh(*filled)
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr


def test_output_without_a_terminal_is_plain(caremesh, tmp_path: Path) -> None:
    project, landing = write_project(tmp_path / "project"), tmp_path / "landing"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    result = caremesh("land", "--landing", landing, "--lake", tmp_path / "lake", "--project", project)
    assert result.stderr == "✓ land      1 export(s), 1 files, 1 lines; 1 read now\n"
    quiet = caremesh("land", "--landing", landing, "--lake", tmp_path / "lake", "--project", project, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


def test_json_rows_are_read_back_as_they_are(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    for stage in ("land", "flatten", "check", "publish"):
        extra = ("--landing", landing) if stage == "land" else ()
        caremesh(stage, "--lake", lake, "--project", project, *extra)
    sql = "select date '2024-02-29' as d, 1.5 as x, null as n, 'ü\"' as t from clinical.patient"
    result = caremesh("query", sql, "--lake", lake, "--format", "json")
    assert json.loads(result.stdout) == [{"d": "2024-02-29", "x": 1.5, "n": None, "t": 'ü"'}]


def test_a_query_cannot_change_the_lake(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    for stage in ("land", "flatten", "check", "publish"):
        extra = ("--landing", landing) if stage == "land" else ()
        caremesh(stage, "--lake", lake, "--project", project, *extra)
    assert caremesh("query", "drop view clinical.patient", "--lake", lake).exit_code == 19
    assert caremesh("query", "select count(*) from clinical.patient", "--lake", lake).exit_code == 0
