"""`caremesh view`: one view over any files, rows out, and not a word of a patient in what is said beside them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import ROOT

VIEW: dict[str, Any] = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {
                    "name": "as_written",
                    "path": "value.ofType(Quantity).value",
                    "tag": [{"name": "ansi/type", "value": "VARCHAR"}],
                },
                {"name": "count", "path": "value.ofType(integer)"},
                {
                    "name": "at",
                    "path": "effective.ofType(dateTime)",
                    "tag": [{"name": "ansi/type", "value": "TIMESTAMP"}],
                },
                {
                    "name": "day",
                    "path": "effective.ofType(dateTime)",
                    "tag": [{"name": "ansi/type", "value": "DATE"}],
                },
                {"name": "notes", "path": "note.text", "collection": True},
                {"name": "ranges", "path": "referenceRange.low.value", "collection": True},
                {"name": "is_final", "path": "status = 'final'"},
            ]
        }
    ],
}
RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Observation",
        "id": "a",
        "status": "final",
        "valueQuantity": {"value": 120},
        "effectiveDateTime": "2024-02-29T10:30:00+02:00",
        "note": [{"text": 'says "ü",\nthen'}, {"text": ""}],
        "referenceRange": [{"low": {"value": 1}}, {"low": {"value": 2.5}}],
    },
    {"resourceType": "Observation", "id": "b", "status": "preliminary", "valueInteger": 7},
]
# The number with its last zero, which no JSON library of Python writes.
LINES = [json.dumps(RESOURCES[0]), json.dumps(RESOURCES[1]), json.dumps({**RESOURCES[1], "id": "c"})]
LINES[2] = LINES[2].replace('"valueInteger": 7', '"valueQuantity": {"value": 1.10}')


@pytest.fixture
def view(tmp_path: Path) -> Path:
    """The file of a view with a column of each kind."""
    path = tmp_path / "view.json"
    path.write_text(json.dumps(VIEW))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three observations."""
    path = tmp_path / "observations.ndjson"
    path.write_text("\n".join(LINES))
    return path


def rows_of(text: str) -> list[dict[str, Any]]:
    """The rows of NDJSON by their ids; a view gives them in no fixed order."""
    return sorted((json.loads(line) for line in text.splitlines()), key=lambda row: row["id"])


def test_rows_are_ndjson_with_values_as_json_has_them(caremesh, view: Path, file: Path) -> None:
    result = caremesh("view", "run", view, file)
    assert result.exit_code == 0
    assert rows_of(result.stdout) == [
        {
            "id": "a",
            "value": 120,
            "as_written": 120,
            "count": None,
            "at": "2024-02-29T10:30:00",
            "day": "2024-02-29",
            "notes": ['says "ü",\nthen', ""],
            "ranges": [1, 2.5],
            "is_final": True,
        },
        {
            "id": "b",
            "value": None,
            "as_written": None,
            "count": 7,
            "at": None,
            "day": None,
            "notes": [],
            "ranges": [],
            "is_final": False,
        },
        {
            "id": "c",
            "value": 1.1,
            "as_written": 1.1,
            "count": None,
            "at": None,
            "day": None,
            "notes": [],
            "ranges": [],
            "is_final": False,
        },
    ]
    assert '"value":120,"as_written":120,' in result.stdout
    assert '"value":1.1,"as_written":1.10,' in result.stdout
    assert result.stderr == "3 lines = 3 used + 0 superseded + 0 quarantined; 3 rows\n"


def test_rows_are_csv_with_lists_as_json(caremesh, view: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    result = caremesh("view", "run", view, file, "-o", out, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    header, *rows = csv.reader(io.StringIO(out.read_text(encoding="utf-8")))
    assert header == [c["name"] for c in VIEW["select"][0]["column"]]
    notes = json.dumps(['says "ü",\nthen', ""], ensure_ascii=False, separators=(",", ":"))
    assert sorted(rows) == [
        ["a", "120", "120", "", "2024-02-29T10:30:00", "2024-02-29", notes, "[1,2.5]", "true"],
        ["b", "", "", "7", "", "", "[]", "[]", "false"],
        ["c", "1.1", "1.10", "", "", "", "[]", "[]", "false"],
    ]


def test_csv_is_safe_for_a_spreadsheet_where_that_is_asked_for(caremesh, tmp_path: Path) -> None:
    columns = [
        ("id", "id", "id"),
        ("value", "value.ofType(Quantity).value", "decimal"),
        ("note", "note.text", "string"),
    ]
    stated = [dict(zip(("name", "path", "type"), c, strict=True)) for c in columns]
    view = {**VIEW, "select": [{"column": stated}]}
    (tmp_path / "view.json").write_text(json.dumps(view))
    line = {"resourceType": VIEW["resource"], "id": "a", "valueQuantity": {"value": -1.5}, "note": [{"text": "=1+\r2"}]}
    (tmp_path / "rows.ndjson").write_text(json.dumps(line))

    def row(*options: str) -> list[str]:
        result = caremesh("view", "run", tmp_path / "view.json", tmp_path / "rows.ndjson", "--format", "csv", *options)
        assert result.exit_code == 0, result.stderr
        return list(csv.reader(io.StringIO(result.stdout, newline="")))[1]

    assert row() == ["a", "-1.5", "=1+\r2"]
    assert row("--safe-csv") == ["a", "-1.5", "'=1+\r2"]
    refused = caremesh("view", "run", tmp_path / "view.json", tmp_path / "rows.ndjson", "--safe-csv")
    assert (refused.exit_code, "--safe-csv is for CSV" in refused.stderr) == (2, True)


def test_rows_are_parquet_with_types(caremesh, view: Path, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    assert caremesh("view", "run", view, file, "-o", out).exit_code == 0
    with duckdb.connect() as connection:
        found = connection.execute(f"select * from '{out}' order by id").fetchall()
        types = [t for _, t, *_ in connection.execute(f"describe select * from '{out}'").fetchall()]
    assert types == [
        *("VARCHAR", "DOUBLE", "VARCHAR", "INTEGER", "TIMESTAMP", "DATE", "VARCHAR[]", "DOUBLE[]", "BOOLEAN"),
    ]
    assert [row[2] for row in found] == ["120", None, "1.10"]


def test_several_files_plain_and_packed_are_one_input(caremesh, view: Path, file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "more.ndjson.gz"
    packed.write_bytes(gzip.compress(json.dumps({**RESOURCES[1], "id": "d"}).encode()))
    result = caremesh("view", "run", view, file, packed)
    assert [row["id"] for row in rows_of(result.stdout)] == ["a", "b", "c", "d"]


def test_of_two_versions_the_newer_one_is_used_and_the_other_counted(caremesh, view: Path, tmp_path: Path) -> None:
    newer = {**RESOURCES[1], "valueInteger": 2, "meta": {"lastUpdated": "2024-03-01T00:00:00Z"}}
    older = {**RESOURCES[1], "valueInteger": 1, "meta": {"lastUpdated": "2024-02-01T00:00:00Z"}}
    (tmp_path / "f.ndjson").write_text(f"{json.dumps(newer)}\n{json.dumps(older)}\n")
    result = caremesh("view", "run", view, tmp_path / "f.ndjson")
    assert [row["count"] for row in rows_of(result.stdout)] == [2]
    assert (result.exit_code, "1 used + 1 superseded + 0 quarantined" in result.stderr) == (0, True)


BAD = ["{", '{"resourceType": "Patient", "id": "SECRET"}', '{"resourceType": "Observation", "status": "SECRET"}']


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Two good lines, and fourteen bad ones from line 2 on."""
    path = tmp_path / "damaged.ndjson"
    path.write_text("\n".join([LINES[0], *BAD, *(["{"] * 11), LINES[1]]))
    return path


def test_bad_lines_are_never_silent(caremesh, view: Path, damaged: Path) -> None:
    result = caremesh("view", "run", view, damaged, "--quiet")
    assert result.exit_code == 3
    assert [row["id"] for row in rows_of(result.stdout)] == ["a", "b"]
    said = result.stderr.splitlines()
    assert said[0] == "14 line(s) could not be used:"
    assert said[1].startswith(f"  {damaged}:2: not valid JSON: ")
    assert said[2:4] == [f"  {damaged}:3: resourceType is not Observation", f"  {damaged}:4: id is missing"]
    assert said[11:] == ["  … and 4 more", "--quarantine FILE keeps their text"]
    assert "SECRET" not in result.stderr


def test_a_strict_run_gives_the_same_rows_in_one_pass(caremesh, view: Path, file: Path) -> None:
    strict, counted = (caremesh("view", "run", view, file, *flags) for flags in (("--strict",), ()))
    assert (strict.exit_code, rows_of(strict.stdout)) == (0, rows_of(counted.stdout))
    assert strict.stderr == "3 rows; lines were not counted (--strict)\n"


@pytest.mark.parametrize(
    "line",
    [
        '{"resourceType": "Observation", "id": "x", "status": ',
        '{"resourceType": "Patient", "id": "x"}',
        '{"resourceType": "Observation"}',
        '{"resourceType": "Observation", "id": ""}',
        '{"resourceType": "Observation", "id": "x", "note": {"text": "SECRET"}}',
        '{"resourceType": "Observation", "id": "x", "valueInteger": "SECRET"}',
    ],
)
def test_a_strict_run_fails_at_a_line_that_is_amiss(caremesh, view: Path, file: Path, line: str) -> None:
    file.write_text("\n".join([*LINES, line]))
    result = caremesh("view", "run", view, file, "--strict")
    assert (result.exit_code, result.stdout) == (14, "")
    assert "a line does not fit" in result.stderr
    assert "without --strict" in result.stderr
    assert "SECRET" not in result.stderr


def test_the_quarantine_file_keeps_the_text(caremesh, view: Path, damaged: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.ndjson"
    result = caremesh("view", "run", view, damaged, "--quarantine", kept)
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(line["file"], line["line"], line["raw"]) for line in lines[:3]] == [
        (str(damaged), number, raw) for number, raw in enumerate(BAD, start=2)
    ]
    assert (result.exit_code, len(lines)) == (3, 14)
    assert result.stderr.splitlines() == [
        "16 lines = 2 used + 0 superseded + 14 quarantined; 2 rows",
        f"14 line(s) could not be used: {kept} holds them, with reasons",
    ]


def test_without_bad_lines_an_old_quarantine_file_becomes_empty(
    caremesh, view: Path, file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.ndjson"
    kept.write_text("old\n")
    assert caremesh("view", "run", view, file, "--quarantine", kept).exit_code == 0
    assert kept.read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "VIEW", "FOLDER/nothing.ndjson"], 14, "nothing.ndjson: cannot be read: No such file"),
        (["run", "VIEW", "FOLDER"], 14, "cannot be read"),
        (["run", "VIEW", "FOLDER/no.ndjson.gz"], 14, "no.ndjson.gz: cannot be read: it is no whole gzip file"),
        (["run", "VIEW", "FOLDER/cut.ndjson.gz"], 14, "cut.ndjson.gz: the engine failed: IOException"),
        (["run", "VIEW", "FILE", "FILE"], 2, "named twice"),
        (["run", "VIEW"], 2, "Missing argument"),
        (["run", "VIEW", "FILE", "--format", "parquet"], 2, "-o OUT.parquet"),
        (["run", "VIEW", "FILE", "--format", "xml"], 2, "--format"),
        (["run", "VIEW", "FILE", "--memory-limit", "much"], 2, "no amount of memory"),
        (["run", "VIEW", "FILE", "-o", "FOLDER/nowhere/rows.csv"], 2, "there is no such folder"),
        (["run", "FOLDER/nothing.json", "FILE"], 11, "cannot be read"),
        (["run", "FILE", "FILE"], 11, "not valid JSON"),
        (["sql", "VIEW", "--dialect", "oracle"], 2, "--dialect"),
    ],
)
def test_a_users_mistake_gives_a_message_and_its_exit_code(
    caremesh, view: Path, file: Path, arguments: list[str], code: int, says: str, tmp_path: Path
) -> None:
    (tmp_path / "no.ndjson.gz").write_text(LINES[0])
    (tmp_path / "cut.ndjson.gz").write_bytes(gzip.compress(b"\n".join([b"{}"] * 10_000))[:-20])
    places = {"VIEW": str(view), "FILE": str(file), "FOLDER": str(tmp_path)}
    filled = [next((a.replace(k, v) for k, v in places.items() if a.startswith(k)), a) for a in arguments]
    result = caremesh("view", *filled)
    assert (result.exit_code, says in result.stderr, result.stdout) == (code, True, ""), result.stderr
    assert "Traceback" not in result.stderr


def test_a_mistake_leaves_the_old_output_alone(caremesh, view: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    out.write_text("old")
    (tmp_path / "no.ndjson.gz").write_text("x")
    assert caremesh("view", "run", view, tmp_path / "no.ndjson.gz", "-o", out).exit_code == 14
    assert (out.read_text(), sorted(p.name for p in tmp_path.iterdir())) == (
        "old",
        ["no.ndjson.gz", "rows.csv", "view.json"],
    )


def test_lint_names_what_is_wrong_in_each_view(caremesh, view: Path, tmp_path: Path) -> None:
    misspelt = tmp_path / "misspelt.json"
    misspelt.write_text(json.dumps(VIEW).replace('"select"', '"selekt"'))
    unknown = tmp_path / "unknown.json"
    unknown.write_text(json.dumps(VIEW).replace("note.text", "nott.text"))
    result = caremesh("view", "lint", misspelt, view, unknown)
    assert result.exit_code == 11
    assert f"{misspelt}: $.selekt" in result.stderr
    assert f"{unknown}: $.select[0].column[6].path" in result.stderr
    assert "note" in result.stderr
    assert str(view) in result.stdout


def test_lint_shows_the_columns(caremesh, view: Path) -> None:
    result = caremesh("view", "lint", view)
    words = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert ["value", "decimal", "double"] in words
    assert ["notes", "markdown", "varchar", "yes"] in words


def test_printed_sql_runs_as_it_is(caremesh, view: Path, file: Path) -> None:
    result = caremesh("view", "sql", view, "--file", file)
    with duckdb.connect() as connection:
        rows = connection.execute(result.stdout).fetchall()
    assert sorted((row[0], row[2]) for row in rows) == [("a", "120"), ("b", None), ("c", "1.10")]
    assert "read_ndjson_objects(['Observation.ndjson']" in caremesh("view", "sql", view).stdout


def test_printed_athena_sql_reads_a_table_of_lines(caremesh, view: Path) -> None:
    result = caremesh("view", "sql", view, "--dialect", "athena")
    assert "json_parse(regexp_replace(line, " in result.stdout
    assert '"observation_lines"' in result.stdout
    assert '"lake"."raw"' in caremesh("view", "sql", view, "--dialect", "athena", "--table", "lake.raw").stdout


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "caremesh", *map(str, arguments)], cwd=ROOT, **options)


def many_lines(path: Path, count: int) -> Path:
    with path.open("w") as out:
        for number in range(count):
            out.write(json.dumps({**RESOURCES[0], "id": f"n{number}"}) + "\n")
    return path


def test_a_reader_that_has_seen_enough_ends_it_quietly(view: Path, tmp_path: Path) -> None:
    lines = many_lines(tmp_path / "many.ndjson", 20_000)
    process = start("view", "run", view, lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b'{"id":')
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), b"Traceback" in said, b"BrokenPipe" in said) == (0, False, False)


def test_whoever_is_killed_leaves_no_half_output(view: Path, tmp_path: Path) -> None:
    lines, out = many_lines(tmp_path / "many.ndjson", 60_000), tmp_path / "rows.csv"
    aside = tmp_path / ".rows.csv.part"
    process = start("view", "run", view, lines, "-o", out)
    while process.poll() is None and not aside.exists():
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not out.exists() or out.read_text().count("\n") == 60_001


def test_a_run_that_fails_over_a_damaged_file_says_one_thing(view: Path, tmp_path: Path) -> None:
    lines = many_lines(tmp_path / "many.ndjson", 1500)
    text = lines.read_text().replace("2024-02-29", "2024-02-30")
    lines.write_text("{\n" + text)
    process = start("view", "run", view, lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, said = process.communicate()
    assert (process.returncode, out) == (14, b"")
    assert said.decode().splitlines() == [
        "error: more than 1000 lines of one file do not fit the view: a value is no timestamp (column at)",
        "Try: correct the view, or have the source corrected and export again",
    ]


def test_a_run_loads_only_what_it_needs(view: Path, file: Path) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['caremesh', 'view', 'run', {str(view)!r}, {str(file)!r}]\n"
        "from caremesh.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = 'dbt great_expectations awswrangler boto3 pyarrow pandas numpy sqlalchemy rich jinja2 yaml "
        "open_data_contract_standard caremesh.pipeline caremesh.products'.split()\n"
        "sys.exit(', '.join(sorted(set(heavy) & set(sys.modules))) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
