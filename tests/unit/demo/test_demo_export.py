"""The export folder: same plan same bytes, HealthLake's layout, all or nothing, flat memory."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

import caremesh.demo.export as export_module
from caremesh.demo import ExportPlan, export_name, write_export
from caremesh.errors import UsageError


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.ndjson")):
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_same_plan_gives_same_bytes_in_every_process(tmp_path: Path, hash_seed: str) -> None:
    here = write_export(ExportPlan(patients=8), tmp_path / "here")
    script = (
        "import sys, pathlib; from caremesh.demo import ExportPlan, write_export;"
        "write_export(ExportPlan(patients=8), pathlib.Path(sys.argv[1]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "there")], check=True, env=environment)
    assert _digest(tmp_path / "there" / here.name) == _digest(here)


def test_another_seed_gives_other_bytes_and_another_name(tmp_path: Path) -> None:
    one, other = (write_export(ExportPlan(patients=3, seed=seed), tmp_path) for seed in (1, 2))
    assert one.name != other.name
    assert _digest(one) != _digest(other)


def test_a_patient_does_not_depend_on_how_many_others_there_are(tmp_path: Path) -> None:
    few = write_export(ExportPlan(patients=3), tmp_path / "few")
    more = write_export(ExportPlan(patients=6), tmp_path / "more")
    (few_file,), (more_file,) = (sorted((folder / "Patient").iterdir()) for folder in (few, more))
    assert more_file.read_bytes().splitlines()[:3] == few_file.read_bytes().splitlines()


def test_files_are_named_and_cut_as_healthlake_does(base) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}-FHIR_EXPORT-[0-9a-f]{32}", base.folder.name)
    assert base.folder.name == export_name(base.plan)
    for file in base.folder.glob("*/*"):
        assert re.fullmatch(rf"{file.parent.name}-\d+-\d+-\d+\.ndjson", file.name)
        assert file.read_bytes().endswith(b"}\n")
    counts = sorted(file.read_bytes().count(b"\n") for file in (base.folder / "Encounter").iterdir())
    assert len(counts) > 2
    assert set(counts[1:]) == {400}
    assert sum(counts) == len(base.of("Encounter"))


def test_each_type_stands_in_its_own_folder(base) -> None:
    assert set(base.resources) == {
        "AllergyIntolerance", "Appointment", "Claim", "Condition", "Coverage", "DocumentReference", "Encounter",
        "ExplanationOfBenefit", "Immunization", "Linkage", "Location", "MedicationRequest", "MedicationStatement",
        "Observation", "Organization", "Patient", "Practitioner", "Procedure",
    }  # fmt: skip
    assert all(r["resourceType"] == name for name, resources in base.resources.items() for r in resources)


def test_names_of_a_plan_sort_in_sequence_order() -> None:
    names = [export_name(ExportPlan(), sequence=number) for number in (0, 1, 2, 9, 10, 300)]
    assert names == sorted(names)
    assert len({name.split("-")[0] for name in names}) == 1


def test_an_interrupted_export_is_not_there_and_the_next_run_succeeds(tmp_path: Path, monkeypatch) -> None:
    plan = ExportPlan(patients=60)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_export(plan, tmp_path, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []

    # A process that was killed leaves its unfinished folder behind.
    monkeypatch.setattr(export_module, "damage_files", lambda plan, root: None)
    left = tmp_path / f".{export_name(plan)}"
    (left / "Patient").mkdir(parents=True)
    assert write_export(plan, tmp_path).name == export_name(plan)
    assert not left.exists()


def test_an_export_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    plan = ExportPlan(patients=1)
    write_export(plan, tmp_path)
    with pytest.raises(UsageError, match="already"):
        write_export(plan, tmp_path)


@pytest.mark.parametrize("wrong", [{"patients": 0}, {"resources_per_file": 0}, {"damaged_lines": -1}])
def test_impossible_plans_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        ExportPlan(**wrong)


def test_a_year_outside_the_calendar_rules_is_refused() -> None:
    with pytest.raises(UsageError, match="1999"):
        ExportPlan(as_of=date(1999, 1, 1))


def test_progress_counts_up_to_all_patients(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_export(ExportPlan(patients=120), tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(50, 120), (100, 120), (120, 120)]


def test_memory_does_not_grow_with_the_number_of_patients(tmp_path: Path) -> None:
    write_export(ExportPlan(patients=5), tmp_path)  # fills the small caches of code tables and days
    marks: dict[int, int] = {}
    tracemalloc.start()
    try:
        write_export(
            ExportPlan(patients=150, seed=3),
            tmp_path,
            on_progress=lambda done, total: marks.update({done: tracemalloc.get_traced_memory()[0]}),
        )
    finally:
        tracemalloc.stop()
    # 100 patients are 13 MB of text; what grows is the cache of day texts, which ends with the days of a lifetime.
    assert marks[150] - marks[50] < 2_000_000
