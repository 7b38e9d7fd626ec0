"""Real Synthea and Pathling exports, landed to published: every row and every line is accounted for."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from caremesh.run_report import RunReport
from tests.conftest import SilentWatcher, settings_for
from tests.integration.plain_count import NUMBERS, Count, count_export

UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")


def publish_export(landing: Path, lake: Path) -> RunReport:
    return run(settings_for(lake, landing), watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)


def count_lake(lake: Path) -> dict[str, Count]:
    """The same counts as the independent one, by SQL on the published products."""
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        counts = {}
        for product, number in NUMBERS.items():
            rows, total = connection.execute(f"select count(*), coalesce(sum({number}), 0) from {product}").fetchone()
            counts[product] = Count(rows, float(total))
        return counts


def assert_equal_counts(actual: dict[str, Count], expected: dict[str, Count]) -> None:
    assert {p: c.rows for p, c in actual.items()} == {p: c.rows for p, c in expected.items()}
    for product, count in expected.items():
        assert actual[product].total == pytest.approx(count.total, rel=1e-9), product


def assert_every_line_is_accounted_for(report: RunReport) -> None:
    for product in report.products:
        for file in product.manifest.inputs:
            assert file.used + file.superseded + file.quarantined == file.lines, file


@pytest.mark.parametrize("name", ["synthea-25", "synthea-80", "pathling-r4"])
def test_rows_and_sums_equal_an_independent_count(name: str, shared_data: Path, tmp_path: Path) -> None:
    report = publish_export(shared_data / name, tmp_path / "lake")
    assert_equal_counts(count_lake(tmp_path / "lake"), count_export(shared_data / name))
    assert_every_line_is_accounted_for(report)
    assert report.quarantined == 0


@pytest.mark.slow
def test_a_product_whose_type_is_absent_is_published_empty(shared_data: Path, tmp_path: Path) -> None:
    report = publish_export(shared_data / "pathling-r4", tmp_path / "lake")
    outcome = {p.product.id: (p.manifest.rows, p.manifest.lines, p.outcome) for p in report.products}
    assert outcome["operations.claim"] == (0, 0, "published")
    assert outcome["operations.claim_line"] == (0, 0, "published")


def test_types_that_no_product_uses_are_listed_and_not_read(shared_data: Path, tmp_path: Path) -> None:
    report = publish_export(shared_data / "pathling-r4", tmp_path / "lake")
    assert [(name, files) for name, files, _ in report.landing.unused] == [("Questionnaire", 1)]


def as_healthlake(source: Path, landing: Path) -> None:
    """Two files per type, in one folder per type, in an export folder."""
    for path in sorted(source.glob("*.ndjson")):
        resource_type = path.name.split(".")[0]
        folder = landing / "0f1e-FHIR_EXPORT-77aa" / resource_type
        folder.mkdir(parents=True, exist_ok=True)
        lines = path.read_bytes().splitlines(keepends=True)
        for part, chunk in enumerate((lines[: len(lines) // 2], lines[len(lines) // 2 :])):
            (folder / f"{resource_type}-1022280015944103279-3-{part}.ndjson").write_bytes(b"".join(chunk))


def as_gzip(source: Path, landing: Path) -> None:
    landing.mkdir()
    for path in source.glob("*.ndjson"):
        (landing / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), compresslevel=1))


def as_numbered(source: Path, landing: Path) -> None:
    landing.mkdir()
    for path in source.glob("*.ndjson"):
        shutil.copy(path, landing / f"{path.name.split('.')[0]}-000.ndjson")


@pytest.mark.slow
@pytest.mark.parametrize("lay_out", [as_healthlake, as_gzip, as_numbered], ids=lambda f: f.__name__)
def test_every_layout_of_an_export_gives_the_same_rows(
    lay_out: Callable[[Path, Path], None], shared_data: Path, tmp_path: Path
) -> None:
    lay_out(shared_data / "pathling-r4", tmp_path / "landing")
    report = publish_export(tmp_path / "landing", tmp_path / "lake")
    assert_equal_counts(count_lake(tmp_path / "lake"), count_export(shared_data / "pathling-r4"))
    assert_every_line_is_accounted_for(report)


DAMAGE = {
    ("Encounter.ndjson", 3): lambda line: line.replace(b'"status"', b'"status', 1),
    ("Observation.ndjson", 17_279): lambda line: line[: len(line) // 2],
    ("Condition.ndjson", 40): lambda line: line.rstrip(b"\n") + b" " + line,
    ("ExplanationOfBenefit.ndjson", 1_000): lambda line: line.replace(b'"claim":{', b'"claim":"Claim/1","x":{', 1),
    ("Patient.ndjson", 1): lambda line: b"\xef\xbb\xbf" + line,
}


def damage(source: Path, landing: Path) -> None:
    """A copy of the export with five damaged lines, each of its own kind."""
    shutil.copytree(source, landing)
    for (name, number), harm in DAMAGE.items():
        lines = (landing / name).read_bytes().splitlines(keepends=True)
        harmed = harm(lines[number - 1])
        assert harmed != lines[number - 1]
        lines[number - 1] = harmed.rstrip(b"\n") + b"\n"
        (landing / name).write_bytes(b"".join(lines))


def test_five_damaged_lines_are_quarantined_and_all_others_published(shared_data: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "synthea-80", tmp_path / "lake"
    damage(shared_data / "synthea-80", landing)
    report = publish_export(landing, lake)
    assert report.quarantined == 5
    assert_every_line_is_accounted_for(report)
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        rows = connection.execute("select file, line, reason, raw from quarantine.lines").fetchall()
        missing = connection.execute("""
            select key ->> 'encounter_id', missing_column, missing_id from ledger.incomplete
        """).fetchall()
    assert {(file, line) for file, line, _, _ in rows} == set(DAMAGE)
    for file, line, reason, raw in rows:
        assert raw.encode() == (landing / file).read_bytes().splitlines()[line - 1], (file, line)
        assert reason, (file, line)
    undamaged = tmp_path / "undamaged"
    undamaged.mkdir()
    for path in landing.glob("*.ndjson"):
        bad = {number for name, number in DAMAGE if name == path.name}
        lines = path.read_bytes().splitlines(keepends=True)
        (undamaged / path.name).write_bytes(b"".join(x for n, x in enumerate(lines, start=1) if n not in bad))
    assert_equal_counts(count_lake(lake), count_export(undamaged))
    # The encounters of the one patient whose line cannot be used, but for the one whose own line cannot be used.
    patient = json.loads((shared_data / "synthea-80" / "Patient.ndjson").read_bytes().splitlines()[0])["id"]
    lines = (shared_data / "synthea-80" / "Encounter.ndjson").read_bytes().splitlines()
    encounters = [json.loads(line) for number, line in enumerate(lines, start=1) if number != 3]
    waiting = {e["id"] for e in encounters if e["subject"]["reference"] == f"Patient/{patient}"}
    assert waiting
    assert set(missing) == {(name, "patient_id", patient) for name in waiting}
    assert len(missing) == len(waiting)
