"""The intake: what becomes of every line, whatever stands on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import Intake, flatten_files
from caremesh.product_views import compile_product
from caremesh.products import read_product
from caremesh.quoting import quote_file
from caremesh.sources.ndjson import list_landing, take_in
from tests.conftest import ROOT
from tests.integration.small_mesh import patient, write_lines


def take(
    landing: Path, scratch: Path, product: str = "clinical/patient"
) -> tuple[Intake, list[tuple[str, str | None]]]:
    """Flatten a landing folder; give the accounts, and (id, city) of every row."""
    scratch.mkdir(exist_ok=True)
    (view,) = compile_product(read_product(ROOT / "domains" / product))
    files = [take_in(f) for f in list_landing(landing).files if f.resource_type == view.resource]
    target = scratch / "rows.parquet"
    with open_engine(memory_limit="256MB", threads=2, scratch=scratch) as connection:
        intake = flatten_files(connection, view=view, files=files, target=target, scratch=scratch)
        columns = "patient_id, city" if product == "clinical/patient" else "*"
        return intake, sorted(connection.execute(f"select {columns} from {quote_file(target)}").fetchall())


def sums(intake: Intake) -> list[tuple[str, int, int, int]]:
    return [(c.file.name, c.used, c.superseded, c.quarantined) for c in intake.counts]


def living_in(city: str) -> dict[str, object]:
    return {"address": [{"city": city}]}


GOOD = json.dumps(patient(1))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD[:-1], "not valid JSON"),
        (GOOD + GOOD, "not valid JSON"),
        ("\ufeff" + GOOD, "byte order mark"),
        ("[1, 2]", "not a JSON object"),
        ("null", "not a JSON object"),
        (GOOD.replace("Patient", "Person"), "resourceType is not Patient"),
        (GOOD.replace('"resourceType": "Patient", ', ""), "resourceType is not Patient"),
        (GOOD.replace('"id": "p001", ', ""), "id is missing"),
        (GOOD.replace('"p001"', "null"), "id is missing"),
        (GOOD.replace('"p001"', "5"), "id is no text"),
        (GOOD.replace('"p001"', '{"x": 1}'), "id is no text"),
        (GOOD.replace('"female"', '"female", "meta": "A NAME"'), "type contradiction at $.meta"),
        (GOOD.replace('"female"', '"female", "address": "Boston"'), "type contradiction at $.address"),
        (GOOD.replace('"female"', '"female", "address": [{"city": "a", "city": "b"}]'), "does not fit"),
        (GOOD.replace('"female"', '"female", "deceasedBoolean": "perhaps"'), "a value is no boolean"),
        (GOOD.replace('"female"', '"female", "birthDate": "2024-02-30"'), "birth_date"),
    ],
    ids=[
        "truncated",
        "two objects",
        "byte order mark",
        "array",
        "null",
        "other type",
        "no type",
        "no id",
        "null id",
        "number for the id",
        "object for the id",
        "text for meta",
        "text for a list",
        "key twice",
        "text for a boolean",
        "no such day",
    ],
)
def test_a_bad_line_is_quarantined_with_its_number_and_a_reason(line: str, reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    others = [json.dumps(patient(n)) for n in (2, 3)]
    (folder / "Patient.ndjson").write_text("\n".join([others[0], "", line, others[1]]) + "\n", encoding="utf-8")
    intake, rows = take(folder, tmp_path / "scratch")
    assert [(q.line, q.raw) for q in intake.quarantined] == [(3, line)]
    assert reason in intake.quarantined[0].reason
    assert [i for i, _ in rows] == ["p002", "p003"]
    assert sums(intake) == [("Patient.ndjson", 2, 0, 1)]


def test_blank_lines_are_no_lines(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text(f"\n{GOOD}\n   \n\r\n", encoding="utf-8")
    intake, rows = take(folder, tmp_path / "scratch")
    assert (rows, sums(intake)) == ([("p001", None)], [("Patient.ndjson", 1, 0, 0)])


def test_bytes_that_are_no_utf8_are_kept_as_escapes(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "Patient.ndjson").write_bytes(b'{"resourceType":"Patient","id":"\xff"}\n' + GOOD.encode() + b"\n")
    intake, _ = take(folder, tmp_path / "scratch")
    assert [(q.line, q.raw) for q in intake.quarantined] == [(1, '{"resourceType":"Patient","id":"\\xff"}')]


def test_a_file_of_nothing_but_bad_lines_gives_no_rows(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    (folder / "Patient.ndjson").write_text("{\n{\n", encoding="utf-8")
    intake, rows = take(folder, tmp_path / "scratch")
    assert (rows, sums(intake)) == ([], [("Patient.ndjson", 0, 0, 2)])


def test_of_one_id_twice_in_a_file_the_newest_version_stays(tmp_path: Path) -> None:
    older = patient(1, meta={"lastUpdated": "2025-01-01T00:30:00+01:00"}, **living_in("old"))
    newer = patient(1, meta={"lastUpdated": "2025-01-01T00:00:00Z"}, **living_in("new"))
    write_lines(tmp_path / "landing" / "Patient.ndjson", [newer, older, patient(2)])
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert rows == [("p001", "new"), ("p002", None)]
    assert sums(intake) == [("Patient.ndjson", 2, 1, 0)]


def test_between_exports_last_updated_wins_then_version_then_the_later_export(tmp_path: Path) -> None:
    def versions(city: str, updated: str, version: str) -> list[dict[str, object]]:
        meta = {"lastUpdated": updated, "versionId": version}
        return [
            patient(1, meta=meta, **living_in(city)),
            patient(2, meta={"versionId": version}, **living_in(city)),
            patient(3, **living_in(city)),
        ]

    write_lines(tmp_path / "landing" / "a" / "Patient.ndjson", versions("a", "2025-02-01T00:00:00Z", "10"))
    write_lines(tmp_path / "landing" / "b" / "Patient.ndjson", versions("b", "2025-01-01T00:00:00Z", "9"))
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert rows == [("p001", "a"), ("p002", "a"), ("p003", "b")]
    assert sums(intake) == [("Patient.ndjson", 2, 1, 0), ("Patient.ndjson", 1, 2, 0)]


def test_a_newer_version_without_rows_still_supersedes_the_rows_of_the_older(tmp_path: Path) -> None:
    def benefit(*items: int) -> dict[str, object]:
        lines = [{"sequence": i, "productOrService": {"text": "x"}} for i in items]
        return {"resourceType": "ExplanationOfBenefit", "id": "b1", "item": lines}

    write_lines(tmp_path / "landing" / "a" / "ExplanationOfBenefit.ndjson", [benefit(1, 2)])
    write_lines(tmp_path / "landing" / "b" / "ExplanationOfBenefit.ndjson", [benefit()])
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch", product="operations/claim_line")
    assert rows == []
    assert [c[1:] for c in sums(intake)] == [(0, 1, 0), (1, 0, 0)]


def test_signs_in_folder_names_that_mean_patterns_elsewhere_mean_nothing_here(tmp_path: Path) -> None:
    strange = tmp_path / "year=2024" / "a[1] *'x?{b}, c"
    write_lines(strange / "Patient.ndjson", [patient(1)])
    write_lines(tmp_path / "year=2024" / "a1 *'x?{b}, c" / "Patient.ndjson", [patient(2)])
    intake, rows = take(strange, strange / "scratch")
    assert (rows, sums(intake)) == ([("p001", None)], [("Patient.ndjson", 1, 0, 0)])


def test_an_id_that_is_no_text_is_quarantined_also_where_nothing_else_is_wrong(tmp_path: Path) -> None:
    write_lines(tmp_path / "landing" / "Patient.ndjson", [patient(1), {**patient(2), "id": 5}])
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert (rows, sums(intake)) == ([("p001", None)], [("Patient.ndjson", 1, 0, 1)])


@pytest.mark.parametrize("files", [["Patient.ndjson"], ["Patient-1.ndjson", "Patient-2.ndjson"]])
def test_a_refused_newest_version_does_not_take_the_valid_one_before_with_it(files: list[str], tmp_path: Path) -> None:
    good = patient(1, meta={"lastUpdated": "2024-01-01T00:00:00Z"}, **living_in("good"))
    bad = patient(1, meta={"lastUpdated": "2024-02-01T00:00:00Z"}, birthDate="2024-13-45")
    versions = [good, bad]
    per_file = len(versions) // len(files)
    for number, name in enumerate(files):
        write_lines(tmp_path / "landing" / name, versions[number * per_file : (number + 1) * per_file])
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert rows == [("p001", "good")]
    assert [sum(count) for count in zip(*(c[1:] for c in sums(intake)), strict=True)] == [1, 0, 1]


def test_a_meta_of_any_shape_does_not_stop_the_comparison_of_versions(tmp_path: Path) -> None:
    write_lines(tmp_path / "landing" / "a" / "Patient.ndjson", [patient(1)])
    odd = [patient(1, **living_in("new")), {**patient(2), "meta": "A NAME"}]
    write_lines(tmp_path / "landing" / "b" / "Patient.ndjson", odd)
    intake, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert rows == [("p001", "new")]
    assert sums(intake) == [("Patient.ndjson", 0, 1, 0), ("Patient.ndjson", 1, 0, 1)]


@pytest.mark.parametrize(
    "meta",
    [
        {"lastUpdated": "0001-01-01T00:00:00+14:00"},
        {"lastUpdated": "9999-12-31T23:59:59-14:00"},
        {"versionId": "9" * 5000},
        {"versionId": "²"},
    ],
    ids=["before the first day", "after the last day", "many digits", "a digit that is none"],
)
def test_a_version_out_of_all_bounds_is_compared_and_stops_nothing(meta: dict[str, str], tmp_path: Path) -> None:
    write_lines(
        tmp_path / "landing" / "Patient.ndjson", [patient(1, meta=meta), patient(1, meta=meta, **living_in("x"))]
    )
    intake, _ = take(tmp_path / "landing", tmp_path / "scratch")
    assert sum(count for _, *counts in sums(intake) for count in counts) == 2


def test_a_time_without_offset_is_utc_whatever_the_machine_thinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    plain = patient(1, meta={"lastUpdated": "2024-01-01T10:00:00"}, **living_in("plain"))
    later = patient(1, meta={"lastUpdated": "2024-01-01T10:30:00+00:00"}, **living_in("later"))
    write_lines(tmp_path / "landing" / "a" / "Patient.ndjson", [later])
    write_lines(tmp_path / "landing" / "b" / "Patient.ndjson", [plain])
    _, rows = take(tmp_path / "landing", tmp_path / "scratch")
    assert rows == [("p001", "later")]


@pytest.mark.parametrize("stated", ["infinity", "2024-01-02", "2024-01-02 00:00:00+00", "2024-01-01T24:00:00Z"])
def test_what_is_no_instant_is_older_than_any_whether_in_one_file_or_in_two(stated: str, tmp_path: Path) -> None:
    known = patient(1, meta={"lastUpdated": "2024-01-01T10:00:00Z"}, **living_in("known"))
    unknown = patient(1, meta={"lastUpdated": stated}, **living_in("unknown"))
    write_lines(tmp_path / "one" / "Patient.ndjson", [known, unknown])
    write_lines(tmp_path / "two" / "a" / "Patient.ndjson", [known])
    write_lines(tmp_path / "two" / "b" / "Patient.ndjson", [unknown])
    for landing in ("one", "two"):
        _, rows = take(tmp_path / landing, tmp_path / f"scratch-{landing}")
        assert rows == [("p001", "known")]


def test_a_carriage_return_within_a_line_ends_no_line(tmp_path: Path) -> None:
    folder = tmp_path / "landing"
    folder.mkdir()
    twice = GOOD.replace('"female"', '"female", "address": [{"city": "a", "city": "b"}]')
    within = json.dumps(patient(2)).replace(", ", ",\r", 1)
    (folder / "Patient.ndjson").write_bytes(f"{within}\n{twice}\n{json.dumps(patient(3))}\n".encode())
    intake, rows = take(folder, tmp_path / "scratch")
    assert [q.line for q in intake.quarantined] == [2]
    assert [i for i, _ in rows] == ["p002", "p003"]
