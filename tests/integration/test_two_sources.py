"""Two hospitals in one lake: no row mixes them, and what one of them says is gone is gone for that one only."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caremesh.id_spaces import IdSpaces
from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.lake.removals import find_removals
from caremesh.lake.watermark import list_watermarks
from caremesh.products import find_domains, select_products
from tests.conftest import Result
from tests.integration.tiny_mesh import land_tiny, write_tiny_mesh

NORTH, SOUTH = "https://north.example/r4", "https://south.example/r4"
STORE = "https://healthlake.eu-west-1.amazonaws.com/datastore/0f1e/r4/"
CLAIMED = f"the id also comes from source {NORTH}, which comes first"


class Mesh:
    """A lake of persons, in which exports of several sources are landed one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.landing, self.lake = folder, folder / "landing", folder / "lake"
        self.project = write_tiny_mesh(folder / "project", "person")
        self.products = select_products(find_domains(self.project / "domains"))
        self.day = 0

    def export(
        self,
        name: str,
        source: str | None,
        *persons: dict[str, Any],
        day: int = 0,
        gone: tuple[str, ...] = (),
        **more: Any,
    ) -> Path:
        """Put an export into the landing zone, with a manifest where a source is given; it is a full one of no type."""
        folder = self.landing / name
        folder.mkdir(parents=True)
        (folder / "Patient.ndjson").write_text("".join(json.dumps(p) + "\n" for p in persons))
        if gone:
            entries = [{"request": {"method": "DELETE", "url": f"Patient/{i}"}} for i in gone]
            (folder / "deleted").mkdir()
            (folder / "deleted" / "list.ndjson").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
        if source:
            stated = {"source": source, "job": name, "submitted_at": f"2026-01-{day or self.day + 1:02}T00:00:00Z"}
            (folder / "export.json").write_text(json.dumps({**stated, "is_filtered": True, **more}))
        return folder

    def go(self, lake: Path | None = None, *, id_spaces: IdSpaces | None = None) -> Manifest:
        self.day += 1
        lake, now = lake or self.lake, f"2026-02-{self.day:02}T00:00:00Z"
        land_tiny(self.project, self.landing, lake, products=self.products, now=now, is_last=False, id_spaces=id_spaces)
        manifest = LocalLake(lake).current(self.products[0])
        assert manifest
        return manifest

    def rows(self, lake: Path | None = None) -> dict[tuple[str, str], str]:
        """What each person's mark is, by source and id."""
        rows = self._read("data", lake)
        found = {(r["source_id"], r["person_id"]): r["mark"] for r in rows}
        assert len(found) == len(rows)
        return found

    def quarantine(self, lake: Path | None = None) -> list[tuple[str, str, int, str, str]]:
        """Export, file, line, reason and text of what is set aside."""
        rows = self._read("quarantine", lake)
        return sorted((r["export"], r["file"], r["line"], r["reason"], r["raw"]) for r in rows)

    def claimed(self, lake: Path | None = None) -> dict[str, str]:
        """The marks of the lines that are set aside, with the reasons."""
        return {json.loads(raw)["gender"]: reason for *_, reason, raw in self.quarantine(lake)}

    def _read(self, kind: str, lake: Path | None) -> list[dict[str, Any]]:
        opened = LocalLake(lake or self.lake)
        manifest = opened.current(self.products[0])
        assert manifest
        folder = opened.release_folder(self.products[0], manifest.release) / kind
        return [row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


def person(name: str, mark: str, updated: str | None = None) -> dict[str, Any]:
    meta = {"meta": {"lastUpdated": updated}} if updated else {}
    return {"resourceType": "Patient", "id": name, "gender": mark, **meta}


FULL = {"is_filtered": False, "types": ["Patient"]}


def test_the_full_export_of_one_hospital_removes_nothing_of_the_other(mesh: Mesh) -> None:
    mesh.export("n", NORTH, person("1", "n1"), person("2", "n2"), **FULL)
    mesh.go()
    mesh.export("s", SOUTH, person("3", "s3"), **FULL)
    manifest = mesh.go()
    assert mesh.rows() == {(NORTH, "1"): "n1", (NORTH, "2"): "n2", (SOUTH, "3"): "s3"}
    assert (manifest.deleted, manifest.claimed, manifest.base is None) == (0, 0, False)


def test_a_delete_list_names_resources_of_its_own_hospital(mesh: Mesh) -> None:
    mesh.export("n", NORTH, person("1", "n1"))
    mesh.export("s", SOUTH, person("2", "s2"))
    mesh.go()
    mesh.export("s2", SOUTH, person("3", "s3"), gone=("1", "2"))
    mesh.go()
    assert mesh.rows() == {(NORTH, "1"): "n1", (SOUTH, "3"): "s3"}
    (receipt,) = find_removals(mesh.products[0], LocalLake(mesh.lake))
    assert (receipt.id, receipt.source_id, receipt.export, receipt.is_back) == ("2", SOUTH, "s2", False)
    mesh.export("n2", NORTH, person("2", "n2"))
    mesh.go()
    assert mesh.rows()[NORTH, "2"] == "n2"
    (receipt,) = find_removals(mesh.products[0], LocalLake(mesh.lake))
    assert receipt.is_back is False, "it is another hospital's"


@pytest.mark.parametrize("order", [("n", "s"), ("s", "n"), ("both",)], ids="-".join)
def test_an_id_of_two_hospitals_is_the_firsts_by_name_whichever_came_first(mesh: Mesh, order: tuple[str, ...]) -> None:
    put: Mapping[str, Callable[[], object]] = {
        "n": lambda: mesh.export("n", NORTH, person("1", "n1", "2026-01-01T00:00:00Z"), person("2", "n2"), day=1),
        "s": lambda: mesh.export("s", SOUTH, person("3", "s3"), person("1", "s1", "2026-01-09T00:00:00Z"), day=2),
    }
    for step in order:
        for name in ("n", "s") if step == "both" else (step,):
            put[name]()
        manifest = mesh.go()
    assert mesh.rows() == {(NORTH, "1"): "n1", (NORTH, "2"): "n2", (SOUTH, "3"): "s3"}
    raw = (mesh.landing / "s" / "Patient.ndjson").read_text().splitlines()[1]
    assert mesh.quarantine() == [("s", "Patient.ndjson", 2, CLAIMED, raw)]
    assert [(i.export, i.used, i.quarantined) for i in manifest.inputs] == [("n", 2, 0), ("s", 1, 1)]
    assert (manifest.claimed, manifest.rows) == (1, 3)


def test_what_the_first_hospital_deletes_is_the_second_ones_again(mesh: Mesh) -> None:
    mesh.export("n", NORTH, person("1", "n1"))
    mesh.export("s", SOUTH, person("1", "s-old"), person("2", "s2"))
    mesh.go()
    mesh.export("s-later", SOUTH, person("1", "s-new"))
    mesh.go()
    assert (mesh.rows(), mesh.claimed()) == ({(NORTH, "1"): "n1", (SOUTH, "2"): "s2"}, {"s-new": CLAIMED})
    mesh.export("n-later", NORTH, person("9", "n9"), gone=("1",))
    manifest = mesh.go()
    assert mesh.rows() == {(NORTH, "9"): "n9", (SOUTH, "1"): "s-new", (SOUTH, "2"): "s2"}
    assert (mesh.claimed(), manifest.deleted, manifest.superseded) == ({}, 1, 1)
    assert {r.is_back for r in find_removals(mesh.products[0], LocalLake(mesh.lake))} == {False}


def test_settings_say_which_source_keeps_an_id(mesh: Mesh) -> None:
    mesh.export("n", NORTH, person("1", "n1"))
    mesh.export("s", SOUTH, person("1", "s1"))
    first = mesh.go()
    second = mesh.go(id_spaces=IdSpaces(order=(SOUTH,)))
    assert first.release != second.release
    assert mesh.rows() == {(SOUTH, "1"): "s1"}
    assert mesh.claimed() == {"n1": f"the id also comes from source {SOUTH}, which comes first"}


def test_sources_that_share_ids_have_one_row_of_each_and_delete_their_own_versions_only(mesh: Mesh) -> None:
    shared = IdSpaces(shared={"town": (NORTH, SOUTH)})
    mesh.export("n", NORTH, person("1", "n1", "2026-01-01T00:00:00Z"), person("2", "n2"))
    mesh.export("s", SOUTH, person("1", "s1", "2026-01-02T00:00:00Z"))
    mesh.go(id_spaces=shared)
    assert (mesh.rows(), mesh.quarantine()) == ({("town", "1"): "s1", ("town", "2"): "n2"}, [])
    mesh.export("s2", SOUTH, person("3", "s3"), gone=("1", "2"), day=3)
    manifest = mesh.go(id_spaces=shared)
    assert mesh.rows() == {("town", "1"): "n1", ("town", "2"): "n2", ("town", "3"): "s3"}
    assert "share ids" in manifest.why


def test_lines_that_lose_are_found_in_whatever_file_they_stand(mesh: Mesh) -> None:
    mesh.export("n", NORTH, person("1", "n1"), person("2", "n2"), person("4", "n4"))
    lines = [
        "",
        json.dumps(person("1", "s1")),
        "{broken",
        json.dumps(person("2", "old", "2026-01-01T00:00:00Z")),
        " ",
        json.dumps(person("2", "new", "2026-01-02T00:00:00Z")),
        json.dumps({**person("4", "s4"), "active": "yes"}),
        json.dumps(person("3", "s3")),
    ]
    folder = mesh.export("s", SOUTH)
    (folder / "Patient.ndjson").unlink()
    (folder / "Patient.ndjson.gz").write_bytes(gzip.compress("\r\n".join(lines).encode()))
    manifest = mesh.go()
    found = {line: (reason, raw) for _, _, line, reason, raw in mesh.quarantine()}
    assert {line: raw for line, (_, raw) in found.items()} == {n: lines[n - 1] for n in (2, 3, 6, 7)}
    assert [found[n][0] for n in (2, 6)] == [CLAIMED, CLAIMED]
    assert found[7][0] == "a value is no boolean (column is_active)", "a line's own fault comes before"
    assert mesh.rows() == {(NORTH, "1"): "n1", (NORTH, "2"): "n2", (NORTH, "4"): "n4", (SOUTH, "3"): "s3"}
    (south,) = (i for i in manifest.inputs if i.export == "s")
    assert (south.lines, south.used, south.superseded, south.quarantined) == (6, 1, 1, 4)


def test_a_newer_full_export_of_one_hospital_makes_no_export_of_the_other_late(mesh: Mesh) -> None:
    mesh.export("s", SOUTH, person("2", "s2"), day=1)
    mesh.export("n", NORTH, person("1", "n1"), person("5", "n5"), day=20, **FULL)
    mesh.go()
    mesh.export("s2", SOUTH, person("3", "s3"), day=2, **FULL)
    manifest = mesh.go()
    assert manifest.base is not None
    assert mesh.rows() == {(NORTH, "1"): "n1", (NORTH, "5"): "n5", (SOUTH, "3"): "s3"}


def test_a_data_store_is_one_source_with_and_without_a_manifest(mesh: Mesh) -> None:
    mesh.export("0f1e-FHIR_EXPORT-1", None, person("1", "old"))
    mesh.go()
    mesh.export("later", STORE, person("1", "new"), submitted_at="2026-02-01T12:00:00Z", **FULL)
    manifest = mesh.go()
    assert (mesh.rows(), manifest.base is None) == ({("0f1e", "1"): "new"}, False)
    exports = LocalLake(mesh.lake).read_ledger().exports
    assert [(e.name, e.source) for e in exports] == [("0f1e-FHIR_EXPORT-1", "0f1e"), ("later", "0f1e")]


def test_a_watermark_is_its_own_sources(mesh: Mesh) -> None:
    for name, source, day in (("n", NORTH, 3), ("s", f"{SOUTH}/", 5), ("store", STORE, 7)):
        folder = mesh.export(name, source, person(name, name), day=day, **FULL)
        sizes = [{"name": "Patient.ndjson", "bytes": (folder / "Patient.ndjson").stat().st_size}]
        stated = json.loads((folder / "export.json").read_text())
        (folder / "export.json").write_text(json.dumps({**stated, "files": sizes}))
    mesh.go()
    marks = list_watermarks(LocalLake(mesh.lake).read_ledger())
    expected = {NORTH: "2026-01-03T00:00:00Z", f"{SOUTH}/": "2026-01-05T00:00:00Z", STORE: "2026-01-07T00:00:00Z"}
    assert {m.source: m.at for m in marks} == expected


def test_an_export_is_a_copy_of_one_of_its_source_only(mesh: Mesh) -> None:
    for name in ("aa-FHIR_EXPORT-1", "bb-FHIR_EXPORT-1", "aa-FHIR_EXPORT-1-again"):
        mesh.export(name, None, person("1", "x"))
    mesh.go()
    copies = {e.name: e.same_as for e in LocalLake(mesh.lake).read_ledger().exports}
    assert copies == {
        "aa-FHIR_EXPORT-1": None,
        "aa-FHIR_EXPORT-1-again": "aa-FHIR_EXPORT-1",
        "bb-FHIR_EXPORT-1": None,
    }
    assert mesh.rows() == {("aa", "1"): "x"}


class Desk:
    """The command line on a mesh."""

    def __init__(self, mesh: Mesh, caremesh: Callable[..., Result]) -> None:
        self.mesh, self.caremesh = mesh, caremesh
        self.options = ("--lake", mesh.lake, "--project", mesh.project)

    def __call__(self, *arguments: object) -> Result:
        return self.caremesh(*arguments, *self.options)

    def land(self, zone: str, *more: object) -> Result:
        return self("land", "--landing", self.mesh.folder / zone, *more)


@pytest.fixture
def desk(mesh: Mesh, caremesh: Callable[..., Result]) -> Desk:
    return Desk(mesh, caremesh)


def test_the_command_line_names_sources_shows_them_and_sets_what_both_have_aside(mesh: Mesh, desk: Desk) -> None:
    for zone, source in (("zone-a", "hospital-a"), ("zone-b", "hospital-b")):
        mesh.landing = mesh.folder / zone
        mesh.export(f"export-{zone}", None, person("1", zone))
        assert desk.land(zone, "--source", source).exit_code == 0
    flattened = desk("flatten")
    assert flattened.exit_code == 3
    assert "caremesh.toml, [sources]" in flattened.stdout
    assert desk("check").exit_code == 3
    assert desk("publish").exit_code == 3
    shown = json.loads(desk("files", "--format", "json").stdout)
    assert {(f["export"], f["source"]) for f in shown} == {
        ("export-zone-a", "hospital-a"),
        ("export-zone-b", "hospital-b"),
    }
    assert "hospital-b" in desk("status").stdout
    assert mesh.rows() == {("hospital-a", "1"): "zone-a"}
    (mesh.project / "caremesh.toml").write_text('[sources]\norder = ["hospital-b"]\n')
    assert [desk(stage).exit_code for stage in ("flatten", "check", "publish")] == [3, 3, 3]
    assert mesh.rows() == {("hospital-b", "1"): "zone-b"}


def test_an_export_keeps_the_source_that_it_was_landed_with(mesh: Mesh, desk: Desk) -> None:
    mesh.export("e", None, person("1", "x"))
    assert desk.land("landing", "--source", "hospital-a").exit_code == 0
    assert desk.land("landing").exit_code == 0
    (export,) = LocalLake(mesh.lake).read_ledger().exports
    assert export.source == "hospital-a"
    refused = desk.land("landing", "--source", "hospital-b")
    assert refused.exit_code == 14
    assert "export 'e' was landed from source 'hospital-a', and --source says 'hospital-b'" in refused.stderr
    assert f"land --forget e --lake {mesh.lake}" in refused.stderr.replace("\n", " ")
    assert desk("land", "--forget", "e").exit_code == 0
    assert desk.land("landing", "--source", "hospital-b").exit_code == 0
    assert LocalLake(mesh.lake).read_ledger().exports[0].source == "hospital-b"


def test_a_manifest_that_comes_later_names_a_source_where_nobody_did(mesh: Mesh, desk: Desk) -> None:
    folder = mesh.export("e", None, person("1", "x"))
    assert desk.land("landing").exit_code == 0
    stated = {"source": NORTH, "job": "e", "submitted_at": "2026-01-01T00:00:00Z"}
    (folder / "export.json").write_text(json.dumps(stated))
    assert desk.land("landing").exit_code == 0
    assert LocalLake(mesh.lake).read_ledger().exports[0].source == NORTH


def test_lines_that_are_replayed_come_from_where_they_came_from(mesh: Mesh, desk: Desk) -> None:
    mesh.export("n", NORTH, person("1", "n1"))
    mesh.export("s", SOUTH, {**person("2", "s2"), "active": "yes"})
    mesh.go()
    row = json.dumps({"export": "s", "file": "Patient.ndjson", "line": 1, "raw": json.dumps(person("2", "mended"))})
    (mesh.folder / "fixed.ndjson").write_text(row + "\n")
    replayed = desk("quarantine", "replay", mesh.folder / "fixed.ndjson", "--reason", "mended")
    assert replayed.exit_code == 0, replayed.stderr
    mesh.go()
    assert mesh.rows() == {(NORTH, "1"): "n1", (SOUTH, "2"): "mended"}


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[2J", "a\nb", " a", "x" * 257])
def test_a_source_that_cannot_be_shown_is_refused(mesh: Mesh, desk: Desk, name: str) -> None:
    mesh.export("e", None, person("1", "x"))
    refused = desk.land("landing", "--source", name)
    assert refused.exit_code == 2
    assert "--source NAME" in refused.stderr
    mesh.export("m", name, person("2", "y")) if name else None
    assert not name or desk.land("landing").exit_code == 14
