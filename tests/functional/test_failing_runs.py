"""A failure looks like one: a red cross where it is, every error told, the products listed, the code of the worst."""

from __future__ import annotations

import re
import shutil
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console

from caremesh import errors
from caremesh.cli.running import finish
from caremesh.console import RunWatcher, run_table
from caremesh.errors import EXIT_CODES, CareMeshError, ContractError, ContractErrors
from caremesh.pipeline import attempt
from caremesh.run_report import RunReport
from tests.conftest import ROOT, SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_lines, write_project

KINDS = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, CareMeshError)]
IN_A_RUN = [k for k in KINDS if k.exit_code not in (1, 19, 21)]
NO_CODE = {KeyboardInterrupt: 130, ValueError: 1}


def failure(kind: type[BaseException], message: str) -> BaseException:
    try:
        raise kind([ContractError(message)] if kind is ContractErrors else message)
    except BaseException as error:
        return error


@pytest.mark.parametrize("first", [*IN_A_RUN, *NO_CODE])
def test_any_two_errors_of_a_run_are_told_and_the_worse_gives_the_code(
    first: type[BaseException], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    order = list(EXIT_CODES)
    for second in [*IN_A_RUN, *NO_CODE]:
        happened = (failure(first, "what came first"), failure(second, "what came second"))
        report = RunReport(landing=None, products=(), curated=None, changes=None, errors=happened)
        with pytest.raises(typer.Exit) as left:
            finish(report, settings_for(tmp_path))
        told = capfd.readouterr().err
        codes = [NO_CODE.get(kind) or kind.exit_code for kind in (first, second)]  # type: ignore[attr-defined]
        assert left.value.exit_code == min(codes, key=order.index)
        for kind, message in ((first, "what came first"), (second, "what came second")):
            assert (message in told) is (kind not in NO_CODE)
        assert ("ValueError" in told) is (ValueError in (first, second))


def test_a_run_tells_all_that_went_wrong_until_one_after_the_other_is_mended(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project, "--landing", landing)
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    for stage in ("land", "flatten", "check", "publish"):
        caremesh(stage, *(options if stage == "land" else options[:4]))
    bad = write_lines(landing / "b" / "Patient.ndjson", [patient(2, gender="MARKER-no-gender")])
    (landing / "c").mkdir()
    (landing / "c" / "Patient.ndjson").write_text("{damaged\n")
    (lake / "catalog").write_text("a file where the folder of pages should be")

    run = caremesh("run", *options)

    assert run.exit_code == 12
    assert shown_stages(run.stderr) == [
        "✓ land",
        "✓ flatten",
        "✗ check     1 of 1 products failed: clinical.patient",
        "✗ publish   1 of 1 products not published, as their checks failed",
        "✗ curate    failed",
        "✗ register  failed",
    ]
    assert re.search(r"clinical\.patient .* failed", run.stdout)
    assert "1 line(s) quarantined" in run.stdout
    told = [line for line in run.stderr.splitlines() if line.startswith("error:")]
    assert [kind in line for kind, line in zip(("gender_valid", "no dbt project", "catalog"), told, strict=True)] == (
        [True] * 3
    )
    assert "MARKER" not in run.stderr + run.stdout

    bad.unlink()
    caremesh("land", "--forget", "b", *options[:4])
    assert caremesh("run", *options).exit_code == 17
    write_small_dbt_project(project / "dbt_project")
    assert caremesh("run", *options).exit_code == 18
    (lake / "catalog").unlink()
    done = caremesh("run", *options)
    assert (done.exit_code, "✗" in done.stderr, "error:" in done.stderr) == (3, False, False)
    (landing / "c" / "Patient.ndjson").unlink()
    caremesh("land", "--forget", "c", *options[:4])
    assert caremesh("run", *options).exit_code == 0


def write_small_dbt_project(folder: Path) -> None:
    """A project with one curated table."""
    shutil.copytree(ROOT / "dbt_project", folder, ignore=shutil.ignore_patterns("models", "seeds", "tests"))
    (folder / "models").mkdir()
    (folder / "models" / "person.sql").write_text("select patient_id from {{ source('clinical', 'patient') }}\n")
    (folder / "models" / "person.yml").write_text(
        "models:\n  - name: person\n    description: One row per person.\n    columns:\n"
        "      - {name: patient_id, data_type: varchar, config: {meta: {classification: direct_identifier}}}\n"
    )


def shown_stages(text: str) -> list[str]:
    """The stages' lines; of those that did well, mark and name."""
    lines = [line for line in text.splitlines() if line[:1] in "✓✗-"]
    return [" ".join(line.split()[:2]) if line.startswith("✓") else line for line in lines]


def test_a_stage_that_fails_says_how_far_it_came(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    gone = write_lines(landing / "Patient.ndjson", [patient(1)])
    assert caremesh("land", *options, "--landing", landing).exit_code == 0
    gone.unlink()
    result = caremesh("flatten", *options)
    assert (result.exit_code, shown_stages(result.stderr)) == (
        14,
        ["✗ flatten   failed: 0 of 1 products flattened"],
    )


@pytest.mark.parametrize("stage", ["check", "publish", "curate"])
def test_a_stage_with_nothing_to_do_is_not_ticked(stage: str, caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "Patient.ndjson", [patient(1)])
    assert caremesh("land", *options, "--landing", landing).exit_code == 0
    result = caremesh(stage, *options)
    assert (result.exit_code, [line[:1] for line in shown_stages(result.stderr)]) == (0, ["-"])


def test_a_misspelt_domain_is_an_error(caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    result = caremesh("run", "--landing", landing, "--lake", lake, "--project", project, "--domain", "clinicla")
    assert (result.exit_code, "one of: clinical.patient" in result.stderr) == (2, True)
    assert not lake.exists()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_became_of_each_product_is_seen_at_any_width(width: int, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1, gender="no gender")])
    settings = settings_for(lake, landing, project=project)
    report = attempt(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten", "check", "publish"))
    console = Console(width=width)
    with console.capture() as captured:
        console.print(run_table(report, {}, width=width))
    (row,) = [line for line in captured.get().splitlines() if "clinical.patient" in line]
    assert "failed" in row
    assert max(map(len, captured.get().splitlines())) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_a_stages_line_is_red_where_it_failed_and_one_line_at_any_width(width: int) -> None:
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, width=width, color_system="standard")
    watcher = RunWatcher(console, clock=lambda: 0.0, quiet=False)
    watcher.begin("check", total=0, unit="")
    products = ", ".join(f"clinical.product_number_{n}" for n in range(9))
    watcher.end(f"9 of 9 products failed: [bold]{products}", outcome="failed")
    lines = [line for line in drawn.getvalue().splitlines() if "products failed" in line]
    assert len(lines) == 1
    assert lines[0].count("\x1b[31m") == 2
    assert f"[bold]{products}" in lines[0]


@pytest.mark.parametrize(
    ("name", "says"),
    [("Bundle.ndjson", "take the resources out of their Bundles"), ("Device.ndjson", "caremesh products lists what")],
)
def test_a_landing_zone_of_which_nothing_is_read_is_an_error(name: str, says: str, caremesh, tmp_path: Path) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / name, [{"resourceType": name.split(".")[0], "id": "a"}])
    result = caremesh("run", "--landing", landing, "--lake", lake, "--project", project)
    assert (result.exit_code, says in result.stderr) == (14, True)
    assert shown_stages(result.stderr) == ["✗ land      failed"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Patient.NDJSON", 3),
        ("Patient.jsonl", 3),
        ("Patient-2.json", 3),
        ("patient.3.ndjson", 3),
        ("notes.txt", 0),
        ("manifest.json", 0),
    ],
)
def test_a_file_that_looks_like_one_of_an_export_is_not_passed_over_with_exit_code_0(
    name: str, code: int, caremesh, tmp_path: Path
) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    write_lines(landing / name, [patient(2)])
    result = caremesh("land", "--landing", landing, "--lake", lake, "--project", project)
    assert (result.exit_code, f"not taken in: {landing / name}" in result.stdout) == (code, code == 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--export", "mistyped"),
        ("dump", "--raw", "--export", "mistyped"),
        ("replay", "--export", "mistyped"),
        ("discard", "mistyped", "--reason", "none"),
        ("discard", "a", "Patient-1.ndjson", "--reason", "none"),
        ("reopen", "mistyped", "Patient.ndjson"),
        ("reopen", "a", "Patient-1.ndjson"),
    ],
    ids=" ".join,
)
def test_a_misspelt_export_or_file_is_an_error_and_not_an_empty_answer(
    arguments: tuple[str, ...], caremesh, tmp_path: Path
) -> None:
    project, landing, lake = write_project(tmp_path / "project"), tmp_path / "landing", tmp_path / "lake"
    options = ("--lake", lake, "--project", project)
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    assert caremesh("land", "--landing", landing, *options).exit_code == 0
    assert caremesh("flatten", *options).exit_code == 0
    result = caremesh("quarantine", *arguments, *options)
    assert (result.exit_code, "one of: " in result.stderr) == (2, True), result.stderr
