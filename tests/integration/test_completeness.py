"""Completeness: rows that name resources which have not arrived are listed, and held back where a contract says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.errors import LakeError
from tests.integration.small_mesh import patient, write_lines
from tests.integration.visits_mesh import PERSON, VISIT, Mesh, counts, encounter, stated, write_product


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


@pytest.fixture
def holding(mesh: Mesh) -> Mesh:
    mesh.ask_for("hold")
    return mesh


def test_a_visit_whose_patient_or_whole_comes_later_is_listed_until_then(mesh: Mesh) -> None:
    mesh.export("a", patient(1), encounter(1, of=1, within=9), encounter(2, of=2, within=1), encounter(3))
    first = mesh.go()
    assert (first.rows, stated(first).rows, counts(first)) == (3, 2, {"person_id": 1, "part_of_id": 1})
    assert mesh.visits() == ["e001", "e002", "e003"]
    assert mesh.missing() == [("e001", "part_of_id", "e009", False), ("e002", "person_id", "p002", False)]

    mesh.export("b", patient(2))
    second = mesh.go()
    assert (second.rows, mesh.missing()) == (3, [("e001", "part_of_id", "e009", False)])
    assert second.release != first.release
    assert second.why.startswith(f"{PERSON} is at release ")
    assert second.base == first.release

    mesh.export("c", encounter(9))
    third = mesh.go()
    assert (third.rows, stated(third).rows, mesh.missing()) == (4, 0, [])


def test_a_visit_waits_for_the_patient_of_its_own_source(mesh: Mesh) -> None:
    mesh.export("a", patient(1), encounter(1, of=1), source="north")
    mesh.export("b", encounter(2, of=1, within=1), source="south")
    assert counts(mesh.go()) == {"person_id": 1, "part_of_id": 1}
    assert mesh.missing() == [("e002", "part_of_id", "e001", False), ("e002", "person_id", "p001", False)]


def test_a_visit_of_one_source_is_held_back_though_another_one_has_a_patient_of_that_id(holding: Mesh) -> None:
    holding.export("a", patient(1), encounter(1, of=1), source="north")
    holding.export("b", encounter(2, of=1), source="south")
    first = holding.go()
    assert (first.rows, first.held, holding.visits()) == (1, 1, ["e001"])
    assert holding.missing() == [("e002", "person_id", "p001", True)]


def test_what_was_deleted_is_missing_again(mesh: Mesh) -> None:
    mesh.export("a", patient(1), encounter(1, of=1), encounter(2, of=1, within=1))
    assert stated(mesh.go()).rows == 0
    mesh.export("b", gone=("Patient/p001",))
    assert counts(mesh.go()) == {"person_id": 2, "part_of_id": 0}
    mesh.export("c", gone=("Encounter/e001",))
    assert mesh.go().deleted == 1
    assert mesh.missing() == [("e002", "part_of_id", "e001", False), ("e002", "person_id", "p001", False)]


def test_held_rows_come_with_what_they_wait_for_and_go_with_it(holding: Mesh) -> None:
    holding.export("a", encounter(1, of=1), encounter(2, of=2), encounter(3, of=1, within=2))
    first = holding.go()
    assert (first.rows, first.held, holding.visits()) == (0, 3, [])
    holding.export("b", patient(1))
    second = holding.go()
    assert (second.rows, second.held, holding.visits()) == (2, 1, ["e001", "e003"])
    assert holding.missing() == [("e002", "person_id", "p002", True)]
    holding.export("c", patient(2), gone=("Patient/p001",))
    third = holding.go()
    assert (third.rows, third.held, holding.visits()) == (1, 2, ["e002"])
    assert (second.base, third.base) == (first.release, second.release)
    for manifest in (first, second, third):
        assert sum(i.used for i in manifest.inputs) == 3 == manifest.rows + manifest.held


def test_a_held_row_stays_is_replaced_and_removed_like_any_other(holding: Mesh) -> None:
    holding.export("a", patient(1), encounter(1, of=2), encounter(2, of=2), encounter(3, of=2))
    first = holding.go()
    assert (first.held, holding.go()) == (3, first)
    holding.export("b", encounter(1, of=1), encounter(2, of=3), gone=("Encounter/e003",))
    manifest = holding.go()
    assert (manifest.rows, manifest.held, manifest.superseded, manifest.deleted) == (1, 1, 2, 1)
    assert holding.visits() == ["e001"]
    assert holding.missing() == [("e002", "person_id", "p003", True)]


@pytest.mark.slow
def test_the_contract_turns_holding_on_and_off_without_a_line_read_anew(mesh: Mesh) -> None:
    mesh.export("a", patient(1), encounter(1, of=1), encounter(2, of=2))
    listing = mesh.go()
    mesh.ask_for("hold")
    holding = mesh.go()
    assert (holding.rows, holding.held, mesh.visits()) == (1, 1, ["e001"])
    assert holding.why == f"its contract changed: merged into release {listing.release}"
    mesh.ask_for(None)
    silent = mesh.go()
    assert (silent.rows, silent.completeness, mesh.visits()) == (2, None, ["e001", "e002"])
    assert silent.base == holding.release
    mesh.ask_for("hold")
    assert mesh.go().release == holding.release
    assert mesh.visits() == ["e001"]


@pytest.mark.slow
def test_merged_and_rebuilt_releases_hold_the_same(holding: Mesh, tmp_path: Path) -> None:
    holding.export("a", patient(1), encounter(1, of=1), encounter(2, of=2), encounter(3, of=3))
    holding.go()
    holding.export("b", patient(3), encounter(2, of=4), encounter(4, of=2))
    merged = holding.go()
    another = tmp_path / "another"
    rebuilt = holding.go(another)
    assert (merged.base is not None, rebuilt.base) == (True, None)
    assert (rebuilt.release, rebuilt.inputs, rebuilt.rows) == (merged.release, merged.inputs, merged.rows)
    assert stated(rebuilt) == stated(merged)
    assert holding.visits(another) == holding.visits() == ["e001", "e003"]


@pytest.mark.slow
def test_a_run_of_one_domain_is_held_against_what_the_lake_has(mesh: Mesh) -> None:
    mesh.ask_for(None)
    mesh.ask_for("list", domain="ward")
    mesh.export("a", patient(1), encounter(1, of=1))
    alone = mesh.go(domain="ward")
    assert (stated(alone).required, stated(alone).rows) == (((PERSON, None),), 1)
    mesh.go(domain="clinic")
    ((persons,),) = [p.read_text().split('"')[3:4] for p in mesh.lake.glob("products/clinic/person/current.json")]
    after = mesh.go(domain="ward")
    assert (stated(after).required, stated(after).rows) == (((PERSON, persons),), 0)


@pytest.mark.slow
def test_a_required_release_without_keys_is_known_by_its_rows(mesh: Mesh, caremesh) -> None:
    mesh.export("a", patient(1), patient(2), encounter(1, of=1))
    mesh.go()
    (file,) = (mesh.lake / "products/clinic/person/releases").glob("*/manifest.json")
    manifest = json.loads(file.read_text())
    file.chmod(0o640)
    file.write_text(json.dumps({**manifest, "keys": None}))
    mesh.export("b", encounter(2, of=2), encounter(3, of=3))
    assert counts(mesh.go()) == {"person_id": 1, "part_of_id": 0}

    # Where some resources gave no row, nobody can tell; and a wrong number would be worse than none.
    manifest["inputs"][0]["used"] = 3
    file.write_text(json.dumps({**manifest, "keys": None}))
    mesh.export("c", encounter(4, of=4))
    assert (stated(mesh.go()).rows, mesh.missing()) == (None, [])
    options = ("--lake", mesh.lake, "--project", mesh.project)
    assert "not determined" in caremesh("incomplete", *options).stdout
    (status,) = (line.split() for line in caremesh("status", *options).stdout.splitlines() if VISIT in line)
    assert status[2:6] == ["2026-02-03T00:00:00Z", "4", "0", "unknown"]
    caremesh("register", *options)
    assert "<dd>not determined</dd>" in (mesh.lake / "catalog" / f"{VISIT}.html").read_text()
    mesh.ask_for("hold")
    with pytest.raises(LakeError, match=r"nobody can tell which rows of clinic.visit to hold back"):
        mesh.go()


@pytest.mark.slow
def test_rows_of_each_of_several_views_wait(mesh: Mesh) -> None:
    columns = {"note_id": "getResourceKey()", "person_id": "subject.getReferenceKey(Patient)"}
    asked = {"requires": {"person_id": PERSON}, "incomplete": "hold"}
    write_product(mesh.project, "clinic.note", columns, resource="Condition", completeness=asked)
    folder = mesh.project / "domains" / "clinic" / "note"
    view = json.loads((folder / "view.json").read_text())
    (folder / "other.json").write_text(json.dumps({**view, "resource": "Observation"}))
    contract = folder / "contract.odcs.yaml"
    contract.write_text(contract.read_text().replace("value: view.json", "value: [view.json, other.json]"))

    def export(name: str, kind: str, *of: int) -> None:
        notes = [
            {"resourceType": kind, "id": f"{kind[0]}{n}", "subject": {"reference": f"Patient/p{n:03}"}} for n in of
        ]
        write_lines(mesh.landing / name / f"{kind}.ndjson", notes)

    def notes() -> tuple[list[tuple], list[tuple]]:
        mesh.go()
        held = "select key ->> 'note_id' from ledger.incomplete where is_held order by 1"
        return mesh.ask("select note_id from clinic.note order by 1"), mesh.ask(held)

    mesh.export("a", patient(1))
    export("a", "Condition", 1, 2)
    export("a", "Observation", 2, 3)
    assert notes() == ([("C1",)], [("C2",), ("O2",), ("O3",)])
    mesh.export("b", patient(2))
    export("b", "Condition", 3)
    assert notes() == ([("C1",), ("C2",), ("O2",)], [("C3",), ("O3",)])


def test_commands_and_catalog_tell_what_is_missing(holding: Mesh, caremesh) -> None:
    holding.export("a", patient(1), encounter(1, of=1), encounter(2, of=2), encounter(3, of=2, within=7))
    holding.go()
    options = ("--lake", holding.lake, "--project", holding.project)

    told = caremesh("flatten", *options)
    line = f"{VISIT}: 2 row(s) name resources that have not arrived, and are held back; see: "
    assert f"{line}caremesh incomplete {VISIT} --lake {holding.lake}" in told.stdout

    counted = caremesh("incomplete", VISIT, *options)
    assert counted.exit_code == 0
    assert [line.split()[2:] for line in counted.stdout.splitlines() if VISIT in line] == [
        ["person_id", "2"],
        ["part_of_id", "1"],
        ["rows", "2", "held", "back"],
    ]
    listed = caremesh("incomplete", "--rows", *options).stdout
    assert [line.split() for line in listed.splitlines() if VISIT in line.split()[:1]] == [
        [VISIT, "e002", "person_id", PERSON, "p002"],
        [VISIT, "e003", "part_of_id", VISIT, "e007"],
        [VISIT, "e003", "person_id", PERSON, "p002"],
    ]
    assert "e003" not in told.stdout + told.stderr + counted.stdout
    (status,) = (line.split() for line in caremesh("status", *options).stdout.splitlines() if VISIT in line)
    assert status[2:7] == ["2026-02-01T00:00:00Z", "1", "0", "2", "held"]
    nothing = caremesh("incomplete", PERSON, *options).stdout
    assert "no current release there was asked for completeness by its contract" in nothing

    caremesh("register", *options)
    pages = holding.lake / "catalog"
    told = "2 rows, held back; not arrived: 2 in <code>person_id</code>, 1 in <code>part_of_id</code>"
    assert f"<dt>Incomplete</dt><dd>{told}</dd>" in (pages / f"{VISIT}.html").read_text()
    assert "<dt>Incomplete</dt>" not in (pages / f"{PERSON}.html").read_text()
