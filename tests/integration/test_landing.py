"""Landing: what is taken in, what is passed over and said so, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.errors import LakeError, LandingError
from caremesh.lake.local import LocalLake
from caremesh.pipeline import STAGES, run
from caremesh.run_report import RunReport
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_lines, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def go(project: Path, landing: Path, lake: Path, *stages: str) -> RunReport:
    settings = settings_for(lake, landing, project=project)
    return run(settings, watcher=SilentWatcher(), command="test", stages=stages or STAGES[:2])


def test_a_linked_folder_is_followed_and_a_link_back_up_is_not_followed_for_ever(project: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "elsewhere" / "Patient.ndjson", [patient(1)])
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "export").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(landing)
    report = go(project, landing, tmp_path / "lake")
    assert [e.name for e in report.landing.ledger.exports] == ["export"]
    assert report.products[0].manifest.rows == 1


def test_what_is_passed_over_is_named_with_the_reason(project: Path, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    write_lines(landing / "Patint.ndjson", [patient(2)])
    (landing / "manifest.json").write_text("{}")
    (landing / "Patient-latest.ndjson").symlink_to(landing / "Patient.ndjson")
    (landing / "Patient-gone.ndjson").symlink_to(landing / "nothing.ndjson")
    report = go(project, landing, tmp_path / "lake")
    reasons = {Path(i.path).name: i.reason for i in report.landing.ignored}
    assert sorted(reasons) == ["Patient-gone.ndjson", "Patient.ndjson", "Patint.ndjson", "manifest.json"]
    assert "no FHIR R4 resource type" in reasons["Patint.ndjson"]
    assert "link to nothing" in reasons["Patient-gone.ndjson"]
    assert "the same file as" in reasons["Patient.ndjson"]
    assert report.products[0].manifest.rows == 1


def test_a_folder_that_cannot_be_read_stops_the_run(project: Path, tmp_path: Path, monkeypatch) -> None:
    write_lines(tmp_path / "landing" / "Patient.ndjson", [patient(1)])
    closed = tmp_path / "landing" / "closed"
    closed.mkdir()
    real = __import__("os").scandir

    # Tests may run as root, whom no permission stops: the listing itself is made to fail.
    def scandir(path: str) -> object:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr("os.scandir", scandir)
    with pytest.raises(LandingError, match="cannot be listed: Permission denied"):
        go(project, tmp_path / "landing", tmp_path / "lake", "land")


def test_another_export_of_the_same_name_is_refused_and_a_moved_one_is_not(project: Path, tmp_path: Path) -> None:
    monday, tuesday, lake = tmp_path / "mon" / "export", tmp_path / "tue" / "export", tmp_path / "lake"
    write_lines(monday / "Patient.ndjson", [patient(1), patient(2)])
    go(project, monday, lake)
    write_lines(tuesday / "Patient.ndjson", [patient(3)])
    with pytest.raises(LandingError, match="this is another one"):
        go(project, tuesday, lake, "land")
    (monday / "Patient.ndjson").rename(tuesday / "Patient.ndjson")
    assert go(project, tuesday, lake).products[0].manifest.rows == 2


def test_one_export_seen_through_two_landing_folders_counts_once(project: Path, tmp_path: Path) -> None:
    export = tmp_path / "landing" / "export"
    write_lines(export / "Patient.ndjson", [patient(1)])
    lake = tmp_path / "lake"
    first = go(project, export, lake)
    second = go(project, tmp_path / "landing", lake)
    assert first.products[0].manifest == second.products[0].manifest


def test_a_file_that_changed_after_it_was_landed_is_not_flattened(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    go(project, landing, lake, "land")
    write_lines(landing / "Patient.ndjson", [patient(123456)])
    with pytest.raises(LandingError, match="since it was landed"):
        go(project, landing, lake, "flatten")


def test_a_folder_that_holds_something_else_is_not_made_a_lake(project: Path, tmp_path: Path) -> None:
    home, landing = tmp_path / "home", tmp_path / "landing"
    (home / "scratch").mkdir(parents=True)
    thesis = home / "scratch" / "thesis.txt"
    thesis.write_text("years of work")
    write_lines(landing / "Patient.ndjson", [patient(1)])
    with pytest.raises(LakeError, match="no lake and not empty: it holds 'scratch'"):
        go(project, landing, home, "land")
    assert thesis.read_text() == "years of work"


def manifest_of(folder: Path, **more: object) -> None:
    stated = {"source": "https://fhir.example", "job": folder.name, "submitted_at": "2026-01-01T00:00:00Z", **more}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "export.json").write_text(json.dumps(stated), encoding="utf-8")


def test_a_copy_of_an_export_changes_nothing_and_is_named(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    before = go(project, landing, lake).products[0].manifest
    write_lines(landing / "b" / "Patient.ndjson", [patient(1)])
    after = go(project, landing, lake)
    assert after.products[0].manifest == before
    assert after.landing
    assert after.landing.copies == (("b", "a"),)
    assert go(project, landing, lake, "land").landing.copies == ()


def test_a_copy_that_gets_more_files_than_its_original_is_an_export_of_its_own(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    for name in "ab":
        write_lines(landing / name / "Patient.ndjson", [patient(1)])
    go(project, landing, lake)
    write_lines(landing / "b" / "Patient-1.ndjson", [patient(2)])
    assert go(project, landing, lake).products[0].manifest.rows == 2


def test_two_jobs_that_gave_the_same_are_two_exports(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    for name in "ab":
        write_lines(landing / name / "Patient.ndjson", [patient(1)])
        manifest_of(landing / name)
    report = go(project, landing, lake)
    assert (report.products[0].manifest.superseded, report.landing.copies) == (1, ())


@pytest.mark.parametrize("stated", [("Patient.ndjson", 10**6), ("Patient-1.ndjson", 10)], ids=["short", "missing"])
def test_an_export_that_is_not_whole_is_not_landed(project: Path, tmp_path: Path, stated: tuple[str, int]) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    manifest_of(landing / "a", files=[{"name": stated[0], "bytes": stated[1]}])
    with pytest.raises(LandingError, match=r"not whole: 1 of its 1 file") as refused:
        go(project, landing, lake, "land")
    assert refused.value.where == f"{landing / 'a'}: {stated[0]}"
    assert LocalLake(lake).read_ledger().exports == ()


def test_a_file_that_the_manifest_does_not_name_is_passed_over_and_said(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    named = write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    stranger = write_lines(landing / "a" / "Patient-left-over.ndjson", [patient(2)])
    manifest_of(landing / "a", files=[{"name": "Patient.ndjson", "bytes": named.stat().st_size}])
    report = go(project, landing, lake)
    assert report.products[0].manifest.rows == 1
    assert [(i.path, i.is_missed) for i in report.passed_over] == [(str(stranger), True)]


@pytest.mark.parametrize("harm", ["removed", "changed"])
def test_a_manifest_that_changes_or_goes_after_landing_is_an_error(project: Path, tmp_path: Path, harm: str) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    go(project, landing, lake, "land")
    manifest_of(landing / "a")
    go(project, landing, lake, "land")
    if harm == "removed":
        (landing / "a" / "export.json").unlink()
    else:
        manifest_of(landing / "a", submitted_at="2026-01-02T00:00:00Z")
    with pytest.raises(LandingError, match="manifest of export 'a' changed, or is gone"):
        go(project, landing, lake, "land")


@pytest.mark.parametrize("place", ["export.json", "a/Patient/export.json", "empty/export.json"])
def test_a_manifest_without_files_beside_it_is_refused(project: Path, tmp_path: Path, place: str) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "a" / "Patient" / "Patient-0.ndjson", [patient(1)])
    manifest_of((landing / place).parent, types=["Patient"])
    with pytest.raises(LandingError, match="without any file") as refused:
        go(project, landing, lake, "land")
    assert refused.value.where == str(landing / place)


def test_a_manifest_of_a_time_to_come_is_refused(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    write_lines(landing / "a" / "Patient.ndjson", [patient(1)])
    manifest_of(landing / "a", submitted_at="2062-01-02T00:00:00Z")
    with pytest.raises(LandingError, match="still to come"):
        go(project, landing, lake, "land")


def test_of_equal_versions_that_of_the_export_asked_for_later_is_used(project: Path, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    for name, month in (("a", "03"), ("b", "01"), ("c", "02")):
        write_lines(landing / name / "Patient.ndjson", [patient(1, birthDate=f"2000-{month}-01")])
        manifest_of(landing / name, submitted_at=f"2025-{month}-01T00:00:00Z")
    report = go(project, landing, lake)
    assert [(i.export, i.used) for i in report.products[0].manifest.inputs] == [("b", 0), ("c", 0), ("a", 1)]
