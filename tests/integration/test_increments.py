"""Increments and deletions: what a release holds after exports that come on top of others, and how it was made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.lake.removals import find_removals
from caremesh.pipeline import run
from caremesh.products import find_domains, select_products
from caremesh.run_report import RunReport
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_lines, write_project

UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")


class Mesh:
    """A lake of patients, and exports landed in it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.project = write_project(folder / "project")
        self.landing, self.lake = folder / "landing", folder / "lake"
        self.landings = 0

    def export(
        self, name: str, *patients: dict, asked: str | None = None, gone: list[str] | None = None, **more
    ) -> None:
        folder = self.landing / name
        write_lines(folder / "Patient.ndjson", patients)
        if gone is not None:
            entries = [{"request": {"method": "DELETE", "url": f"Patient/{i}"}} for i in gone]
            write_lines(folder / "deleted" / "Bundle-0.ndjson", [{"resourceType": "Bundle", "entry": entries}])
        if asked:
            stated = {"source": "default", "job": name, "submitted_at": asked, **more}
            (folder / "export.json").write_text(json.dumps(stated))

    def go(self) -> Manifest:
        now = datetime(2026, 2, 5, tzinfo=UTC) + timedelta(days=10 * self.landings)
        self.landings += 1
        settings = settings_for(self.lake, self.landing, project=self.project, now=now.isoformat())
        report: RunReport = run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)
        return report.products[0].manifest

    def rows(self) -> dict[str, str | None]:
        with duckdb.connect(str(LocalLake(self.lake).database), read_only=True) as connection:
            return dict(connection.execute("select patient_id, birth_date_text from clinical.patient").fetchall())


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


def born(number: int, year: int, updated: str | None = None) -> dict:
    meta = {"meta": {"lastUpdated": updated}} if updated else {}
    return patient(number, birthDate=str(year), **meta)


def counts(manifest: Manifest) -> dict[str, tuple[int, int, int, int]]:
    return {i.export: (i.used, i.superseded, i.deleted, i.quarantined) for i in manifest.inputs}


def test_an_increment_replaces_and_adds_and_is_merged(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    first = mesh.go()
    mesh.export("b", born(2, 1961), born(3, 1970))
    second = mesh.go()
    assert mesh.rows() == {"p001": "1950", "p002": "1961", "p003": "1970"}
    assert counts(second) == {"a": (1, 1, 0, 0), "b": (2, 0, 0, 0)}
    assert (second.base, second.why) == (
        first.release,
        f"1 new file(s) of export b: merged into release {first.release}",
    )


def test_the_newest_version_wins_whatever_the_order_of_arrival(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1952, "2026-01-02T00:00:00Z"), born(2, 1960))
    mesh.go()
    mesh.export("b", born(1, 1951, "2026-01-02T01:00:00+02:00"), born(2, 1961, "2026-01-01T00:00:00Z"))
    manifest = mesh.go()
    assert mesh.rows() == {"p001": "1952", "p002": "1961"}
    assert counts(manifest) == {"a": (1, 1, 0, 0), "b": (1, 1, 0, 0)}


def test_a_delete_list_removes_what_came_before_and_what_comes_later_lives(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960), born(3, 1970))
    mesh.go()
    mesh.export("b", gone=["p001", "p002", "p009"])
    manifest = mesh.go()
    assert mesh.rows() == {"p003": "1970"}
    assert counts(manifest)["a"] == (1, 0, 2, 0)
    mesh.export("c", born(2, 1961))
    manifest = mesh.go()
    assert mesh.rows() == {"p002": "1961", "p003": "1970"}
    assert counts(manifest)["a"] == (1, 1, 1, 0)
    assert manifest.base is not None


def test_a_full_export_removes_what_it_leaves_out(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960, "2026-01-11T00:00:00Z"), born(3, 1970))
    mesh.go()
    mesh.export("f", born(1, 1950), asked="2026-02-10T00:00:00Z")
    manifest = mesh.go()
    assert mesh.rows() == {"p001": "1950"}
    assert counts(manifest) == {"a": (0, 1, 2, 0), "f": (1, 0, 0, 0)}
    assert manifest.why.startswith("1 new file(s) of export f; deletions of export f: merged into")


def test_what_was_updated_after_a_full_export_was_asked_for_is_kept(mesh: Mesh) -> None:
    mesh.export(
        "a", born(1, 1950), born(2, 1960, "2026-02-10T00:00:01Z"), asked="2026-01-30T00:00:00Z", level="patient"
    )
    mesh.go()
    mesh.export("f", asked="2026-02-10T00:00:00Z", types=["Patient"])
    mesh.go()
    assert mesh.rows() == {"p002": "1960"}


def test_a_full_export_of_all_types_says_nothing_of_a_type_that_it_has_no_line_of(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950))
    mesh.go()
    mesh.export("f", asked="2026-02-10T00:00:00Z")
    mesh.go()
    assert mesh.rows() == {"p001": "1950"}
    mesh.export("g", asked="2026-02-11T00:00:00Z", types=["Patient"])
    mesh.go()
    assert mesh.rows() == {}


def test_an_export_that_is_not_full_removes_nothing(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950))
    mesh.go()
    mesh.export("g", born(2, 1960), asked="2026-02-10T00:00:00Z", level="group/g1")
    mesh.export("s", born(3, 1970), asked="2026-02-11T00:00:00Z", since="2026-02-01T00:00:00Z")
    mesh.go()
    assert set(mesh.rows()) == {"p001", "p002", "p003"}


def test_the_same_delete_list_again_removes_again(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950))
    mesh.export("b", gone=["p001"])
    mesh.go()
    mesh.export("c", born(1, 1951))
    mesh.go()
    assert mesh.rows() == {"p001": "1951"}
    mesh.export("d", gone=["p001"])
    mesh.go()
    assert mesh.rows() == {}


def test_a_full_export_with_a_line_of_unknown_id_removes_nothing_and_one_with_its_id_protects_it(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    mesh.go()
    mesh.export("f", born(1, 1950), asked="2026-02-10T00:00:00Z")
    with (mesh.landing / "f" / "Patient.ndjson").open("a") as file:
        file.write("{broken\n")
    manifest = mesh.go()
    assert (set(mesh.rows()), manifest.withheld) == ({"p001", "p002"}, ("f",))
    mesh.export("h", {**patient(2), "birthDate": {}}, asked="2026-02-11T00:00:00Z")
    manifest = mesh.go()
    assert set(mesh.rows()) == {"p002"}
    assert counts(manifest)["h"] == (0, 0, 0, 1)


def test_an_export_that_comes_after_deletions_of_a_later_one_is_not_merged_but_gives_the_same(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), asked="2026-02-01T00:00:00Z", level="patient")
    mesh.export("c", gone=["p001", "p002"], asked="2026-02-03T00:00:00Z", level="patient")
    mesh.go()
    mesh.export("b", born(2, 1960), born(3, 1970), asked="2026-02-02T00:00:00Z", level="patient")
    manifest = mesh.go()
    assert mesh.rows() == {"p003": "1970"}
    assert (manifest.base, manifest.why.rpartition(": ")[2]) == (None, "deletions of a later one are at work")


def test_a_line_is_judged_alone_so_quarantine_does_not_depend_on_what_came_first(mesh: Mesh, tmp_path: Path) -> None:
    bad = {**patient(1), "birthDate": "not a date"}
    step_by_step, at_once = Mesh(tmp_path / "one"), Mesh(tmp_path / "two")
    step_by_step.export("a", {**bad, "gender": {"no": "text"}}, born(2, 1960))
    step_by_step.go()
    for lake in (step_by_step, at_once):
        lake.export("a", {**bad, "gender": {"no": "text"}}, born(2, 1960))
        lake.export("b", born(1, 1950))
    one, two = step_by_step.go(), at_once.go()
    assert counts(one) == counts(two) == {"a": (1, 0, 0, 1), "b": (1, 0, 0, 0)}
    assert (one.release, one.base is None, two.base is None) == (two.release, False, True)


def test_each_removal_has_a_receipt(mesh: Mesh, caremesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960), born(3, 1970))
    mesh.go()
    mesh.export("b", gone=["p001"])
    second = mesh.go()
    mesh.export("f", born(2, 1960), asked="2026-02-20T00:00:00Z")
    third = mesh.go()
    (product,) = select_products(find_domains(mesh.project / "domains"))
    found = [
        (r.id, r.resource_type, r.export, r.reason, r.release) for r in find_removals(product, LocalLake(mesh.lake))
    ]
    assert found == [
        ("p001", "Patient", "b", "deleted", second.release),
        ("p003", "Patient", "f", "not in full export", third.release),
    ]
    with duckdb.connect(str(LocalLake(mesh.lake).database), read_only=True) as connection:
        view = connection.execute(
            "select product, id, resource_type, export, reason, release from ledger.removals order by id"
        ).fetchall()
    assert view == [("clinical.patient", *one) for one in found]
    options = ("--lake", mesh.lake, "--project", mesh.project)
    shown = caremesh("removals", *options)
    assert shown.exit_code == 0
    assert "p001" not in shown.stdout
    assert "p001" in caremesh("removals", "clinical.patient", "--resources", *options).stdout


def test_a_damaged_delete_list_is_refused_with_its_line(mesh: Mesh) -> None:
    from caremesh.errors import LandingError

    mesh.export("a", born(1, 1950), gone=["p001"])
    with (mesh.landing / "a" / "deleted" / "Bundle-0.ndjson").open("a") as file:
        file.write('{"resourceType": "Bundle", "entry": [{"request": {"method": "PUT", "url": "Patient/p002"}}]}\n')
    with pytest.raises(LandingError, match=r"request\.method is not DELETE") as refused:
        mesh.go()
    assert str(refused.value.where).endswith("deleted/Bundle-0.ndjson:2: entry[0]")


def test_a_changed_contract_takes_the_rows_as_they_are(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950))
    first = mesh.go()
    contract = mesh.project / "domains/clinical/patient/contract.odcs.yaml"
    contract.write_text(contract.read_text().replace("version: 1.0.0", "version: 1.0.1", 1))
    second = mesh.go()
    assert (second.base, second.why) == (first.release, f"its contract changed: merged into release {first.release}")
    assert second.contract_version == "1.0.1"


def test_a_changed_view_is_made_from_landing(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950))
    mesh.go()
    view = mesh.project / "domains/clinical/patient/view.json"
    text = view.read_text()
    assert '"path": "gender"' in text
    view.write_text(text.replace('"path": "gender"', '"path": "gender.where($this != \'other\')"', 1))
    manifest = mesh.go()
    assert (manifest.base, manifest.why) == (None, "its view changed: made from landing, as the view changed")
