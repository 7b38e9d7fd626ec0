"""The command line itself: help, errors that give the next move, exit codes, output that programs can read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from rich.console import Console

from caremesh.cli import app
from caremesh.console import rows_table
from caremesh.pipeline import STAGES
from tests.conftest import ROOT
from tests.integration.small_mesh import patient, run_stages, write_lines, write_project

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
        "heavy |= {'sqlglot', 'pyathena'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run"], 2, "--landing DIR"),
        (["run", "--landing", "LANDING", "--memory-limit", "foo"], 2, "no amount of memory"),
        (["run", "--landing", "LANDING", "--lake", "FILE"], 15, "cannot be used as a lake"),
        (["run", "--landing", "nowhere"], 2, "not a folder"),
        (["run"], 2, "--landing s3://bucket/prefix"),
        (["check", "--lake", "LAKE", "--engine", "duckdb"], 2, "No such option"),
        (["status", "--lake", "nowhere"], 15, "name it with --lake DIR"),
        (["query", "select 1", "--lake", "nowhere"], 15, "there is no lake here"),
        (["releases", "clinical.nothing", "--lake", "LAKE"], 2, "one of: clinical.patient"),
        (["query", "select * from nothing", "--lake", "LAKE"], 19, "nothing"),
        (["query", "select 1", "--lake", "LAKE", "--estimate"], 2, "are for Athena"),
        (["query", "select 1", "--lake", "LAKE", "--max-bytes", "1"], 2, "are for Athena"),
        (["rollback", "clinical.patient", "--lake", "LAKE"], 13, "never published"),
        (["run", "--target", "aws", "--landing", "LANDING"], 2, "--lake s3://bucket/prefix"),
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
    filled = [
        {"LAKE": str(lake), "LANDING": str(landing), "FILE": str(landing / "Patient.ndjson")}.get(a, a)
        for a in arguments
    ]
    if arguments[0] in ("run", "status", "releases", "rollback", "new"):
        filled += ["--project", str(project)]
    result = caremesh(*filled)
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr


def test_hints_can_be_pasted_where_they_name_a_lake(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "the lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    (landing / "a" / "Patient-1.ndjson").write_text("{damaged\n", encoding="utf-8")
    land = ("land", "--landing", landing, *options)
    assert caremesh(*land).exit_code == 0
    assert f"quarantine list --lake '{lake}'\n" in caremesh("flatten", *options).stdout
    shutil.rmtree(landing / "a")
    write_lines(landing / "b" / "Patient.ndjson", [patient(2)])
    gone = caremesh(*land)
    assert (gone.exit_code, gone.stderr.endswith(f": caremesh land --forget a --lake '{lake}'\n")) == (14, True)
    assert caremesh("land", "--forget", "a", *options).exit_code == 0
    empty = caremesh("flatten", *options)
    assert (empty.exit_code, f"Try: caremesh land --landing LANDING --lake '{lake}'\n" in empty.stderr) == (14, True)


def test_a_query_needs_no_project(caremesh, lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(explicit: Path | None) -> Path:
        raise AssertionError(explicit)

    monkeypatch.setenv("CAREMESH_PROJECT", str(tmp_path / "nowhere"))
    monkeypatch.setattr("caremesh.cli.environment.project_root", fail)
    result = caremesh("query", "select count(*) as n from clinical.patient", "--lake", lake, "--format", "csv")
    assert (result.exit_code, result.stdout.split()) == (0, ["n", "1"])


def test_output_without_a_terminal_is_plain(caremesh, tmp_path: Path) -> None:
    project, landing = write_project(tmp_path / "project"), tmp_path / "landing"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    result = caremesh("land", "--landing", landing, "--lake", tmp_path / "lake", "--project", project)
    assert result.stderr == "✓ land      1 export(s), 1 files, 1 lines; 1 read now\n"
    quiet = caremesh("land", "--landing", landing, "--lake", tmp_path / "lake", "--project", project, "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")


@pytest.fixture
def lake(caremesh, tmp_path: Path) -> Path:
    """A lake with one published patient."""
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    assert run_stages(caremesh, lake=lake, landing=landing, project=project) == [0, 0, 0, 0]
    return lake


def test_json_rows_are_read_back_as_they_are(caremesh, lake: Path) -> None:
    values = (
        "date '2024-02-29' as d, 1.5 as x, null as n, 'ü\"' as t, 12345678901234567.89 as long, 'nan'::double as nan"
    )
    result = caremesh("query", f"select {values} from clinical.patient", "--lake", lake, "--format", "json")
    expected = {"d": "2024-02-29", "x": 1.5, "n": None, "t": 'ü"', "long": "12345678901234567.89", "nan": None}
    assert json.loads(result.stdout) == [expected]


def test_table_cells_are_shown_as_they_are(caremesh, lake: Path) -> None:
    result = caremesh("query", "select '[a-z]' as v, 'see [/x]' as w", "--lake", lake)
    assert (result.exit_code, "[a-z]" in result.stdout, "see [/x]" in result.stdout) == (0, True, True)


@pytest.mark.parametrize(
    "sql",
    [
        "drop view clinical.patient",
        "copy (select 'forged' as patient_id) to 'FILE' (format parquet)",
        "select 1; copy (select 1) to 'FILE'",
        "install httpfs",
        "attach 'FILE' as other",
        "",
        "select cast(patient_id as integer) from clinical.patient",
    ],
)
def test_a_query_that_would_do_more_than_read_is_refused(caremesh, lake: Path, sql: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    result = caremesh("query", sql.replace("FILE", str(target)), "--lake", lake, "--format", "csv")
    assert (result.exit_code, "Traceback" in result.stderr) == (19, False)
    assert not target.exists()


def test_an_error_of_our_own_shows_where_it_came_up_and_not_what_it_says(
    caremesh, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("".join(["MARK", "ER: a row"]))

    monkeypatch.setattr("caremesh.lake.query.run_query", fail)
    result = caremesh("query", "select 1", "--lake", lake)
    assert (result.exit_code, "RuntimeError" in result.stderr, "MARKER" in result.stderr) == (1, True, False)
    assert "in fail" in result.stderr


def test_new_says_where_the_product_is_and_which_elements_it_left_out(caremesh, tmp_path: Path) -> None:
    write_project(tmp_path)

    result = caremesh("new", "clinical", "allergy", "--resource", "AllergyIntolerance", "--project", tmp_path)

    told, left = result.stdout.splitlines()
    assert (result.exit_code, told.split(": ")[0]) == (0, f"wrote {tmp_path / 'domains/clinical/allergy'}")
    assert {"onset[x]", "reaction", "identifier"} <= set(left.split(": ")[1].split(", "))


@pytest.mark.parametrize("command", ["flatten", "check", "publish", "curate", "register", "status"])
def test_a_command_that_needs_a_lake_makes_none(caremesh, command: str, tmp_path: Path) -> None:
    result = caremesh(command, "--lake", tmp_path / "mistyped")
    assert (result.exit_code, (tmp_path / "mistyped").exists()) == (15, False)


def test_a_copied_lake_does_not_answer_from_the_original(caremesh, lake: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(lake, copy)
    refused = caremesh("query", "select count(*) from clinical.patient", "--lake", copy)
    assert (refused.exit_code, "caremesh publish --lake" in refused.stderr) == (19, True)
    assert caremesh("publish", "--lake", copy, "--project", tmp_path / "project").exit_code == 0
    assert caremesh("query", "select count(*) from clinical.patient", "--lake", copy).exit_code == 0


def test_rows_too_wide_for_the_terminal_stand_upright() -> None:
    def shown(width: int) -> str:
        console = Console(width=width)
        with console.capture() as captured:
            console.print(rows_table(["first", "second", "third"], [("a" * 20, 1, 2)], width=width))
        return captured.get()

    assert "column" not in shown(60)
    assert [line.split()[0] for line in shown(36).splitlines() if line.strip()][-3:] == ["first", "second", "third"]


def test_an_ndjson_file_that_is_not_taken_in_gives_exit_code_3(caremesh, tmp_path: Path) -> None:
    project, landing = write_project(tmp_path / "project"), tmp_path / "landing"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    write_lines(landing / "condition.ndjson", [patient(2)])
    result = caremesh("land", "--landing", landing, "--lake", tmp_path / "lake", "--project", project, "--quiet")
    assert (result.exit_code, "condition.ndjson" in result.stdout) == (3, True)


@pytest.mark.parametrize("stream", [">&-", "2>&-"])
def test_a_closed_stream_does_not_fail_a_command(stream: str, tmp_path: Path) -> None:
    view, lines, rows = (tmp_path / name for name in ("view.json", "lines.ndjson", "rows.csv"))
    view.write_text('{"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}')
    lines.write_text('{"resourceType": "Patient", "id": "a"}\n')
    command = f"'{sys.executable}' -m caremesh view run {view} {lines} -o {rows} {stream}"
    assert subprocess.run(command, shell=True, cwd=ROOT, check=False).returncode == 0
    assert rows.read_text().split() == ["id", "a"]


def test_a_reader_who_leaves_gets_no_complaint() -> None:
    command = [sys.executable, "-m", "caremesh", "view", "sql", str(ROOT / "domains/clinical/patient/view.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    said = process.stderr.read()
    assert (process.wait(), said) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_is_lost_at_the_very_end_is_an_error() -> None:
    program = "import sys; from caremesh import __main__ as start; sys.stdout.write('rows'); start._leave(3)"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([sys.executable, "-I", "-c", program], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, b"could not be written: No space left" in done.stderr) == (1, True)
