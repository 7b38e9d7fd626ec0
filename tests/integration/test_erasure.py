"""Erasure: afterwards nothing in landing or lake tells of the person, and everything else is as it was."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from caremesh.erasure import erase
from caremesh.errors import LakeError, LandingError, UsageError
from caremesh.lake.decisions import Decision
from caremesh.lake.erasures import Receipt, read_receipts
from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.lake.shown_state import STATE_FILE
from caremesh.pipeline import Stage, run
from caremesh.products import find_domains, select_products
from caremesh.run_report import RunReport
from caremesh.sources.line_digest import digest_text
from tests.conftest import SilentWatcher, settings_for
from tests.integration.dying import dies_at
from tests.integration.small_mesh import write_lines, write_project
from tests.scale import dice, stride

UNTIL_PUBLISHED: tuple[Stage, ...] = ("land", "flatten", "check", "publish")
SALT = "5a17"
PRODUCTS = ("clinical/patient", "clinical/encounter")

HER = "aaaaaaaa-0000-4000-8000-000000000001"
HER_STAY = "aaaaaaaa-0000-4000-8000-000000000002"
HER_OLD_STAY = "aaaaaaaa-0000-4000-8000-000000000003"
HER_NOTE = "aaaaaaaa-0000-4000-8000-000000000004"
HER_FILE = "aaaaaaaa-0000-4000-8000-000000000005"
HER_NUMBER = "MRN-00000000000042"
HERS = (HER, HER_STAY, HER_OLD_STAY, HER_NOTE, HER_FILE, HER_NUMBER, "Hermione")
HER_BROKEN_LINE = f'{{"resourceType": "Patient", "id": "{HER}", "name": broken'
OTHER_BROKEN_LINE = '{"resourceType": "Patient", "id": "dddddddd", "name": broken'
MOTHER = "bbbbbbbb-0000-4000-8000-000000000001"
OTHER = "cccccccc-0000-4000-8000-000000000001"


def refer(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"reference": f"{kind}/{name}", **more}


def person(name: str, given: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "gender": "female", "name": [{"given": [given]}], **more}


def stay(name: str, patient: str, **more: Any) -> dict[str, Any]:
    subject = {"subject": refer("Patient", patient)}
    return {"resourceType": "Encounter", "id": name, "status": "finished", "class": {"code": "AMB"}, **subject, **more}


def write_family(landing: Path) -> None:
    """A child who is erased, her mother, a stranger; with most ways in which one record may name another."""
    child = person(HER, "Hermione", identifier=[{"system": "urn:mrn", "value": HER_NUMBER}])
    mother = person(MOTHER, "Jean", link=[{"other": refer("Patient", HER, display="Hermione"), "type": "seealso"}])
    first = landing / "first"
    write_lines(first / "Patient.ndjson", [person(OTHER, "Luna"), child, mother])
    with (first / "Patient.ndjson").open("a") as file:
        file.write(f"{HER_BROKEN_LINE}\n{OTHER_BROKEN_LINE}\n")
    stays = [
        stay(HER_STAY, HER, partOf=refer("Encounter", "never")),
        stay(
            "m-1", MOTHER, participant=[{"individual": refer("Patient", HER, display="Hermione")}], length={"value": 0}
        ),
        stay("o-1", OTHER),
    ]
    (first / "Encounter.ndjson.gz").write_bytes(gzip.compress("".join(json.dumps(s) + "\n" for s in stays).encode()))
    text = (first / "Encounter.ndjson.gz").read_bytes()
    (first / "Encounter.ndjson.gz").write_bytes(
        gzip.compress(gzip.decompress(text).replace(b'"value": 0', b'"value": 1.50'))
    )
    provenance = {"resourceType": "Provenance", "id": HER_NOTE, "target": [refer("Encounter", HER_STAY)]}
    write_lines(first / "Provenance.ndjson", [provenance])
    write_lines(
        first / "DocumentReference.ndjson",
        [
            {
                "resourceType": "DocumentReference",
                "id": "d1",
                "subject": {"identifier": {"system": "urn:mrn", "value": HER_NUMBER}},
                "content": [{"attachment": {"url": f"Binary/{HER_FILE}"}}],
            }
        ],
    )
    write_lines(first / "Binary.ndjson", [{"resourceType": "Binary", "id": HER_FILE, "data": "AAAA"}])
    members = [{"entity": refer("Patient", HER)}, {"entity": refer("Patient", OTHER)}]
    write_lines(first / "Group.ndjson", [{"resourceType": "Group", "id": "g1", "member": members}])
    second = landing / "second"
    write_lines(second / "Patient.ndjson", [{**child, "birthDate": "2001-01-01"}, person(OTHER, "Luna Two")])
    write_lines(
        second / "Encounter.ndjson",
        [stay(HER_OLD_STAY, HER), stay("o-2", OTHER), stay("o-3", OTHER, partOf=refer("Encounter", HER_OLD_STAY))],
    )
    gone = [{"request": {"method": "DELETE", "url": f"Encounter/{i}"}} for i in (HER_OLD_STAY, "o-1")]
    write_lines(landing / "third" / "deleted" / "Bundle-0.ndjson", [{"resourceType": "Bundle", "entry": gone}])
    write_lines(landing / "third" / "Patient.ndjson", [person(HER, "Hermione", birthDate="2001-01-02")])
    write_lines(landing / ".incoming-fourth" / "Patient.ndjson", [child])
    for day, name in enumerate(("first", "second", "third"), start=1):
        files = [
            {"name": p.relative_to(landing / name).as_posix(), "bytes": p.stat().st_size}
            for p in sorted((landing / name).rglob("*.ndjson*"))
        ]
        stated = {"source": "https://fhir.example", "job": name, "submitted_at": f"2026-01-0{day}T00:00:00Z"}
        (landing / name / "export.json").write_text(json.dumps({**stated, "level": "patient", "files": files}))


class Mesh:
    """A lake that grew by three exports."""

    def __init__(self, folder: Path, *products: str) -> None:
        self.folder, self.landing, self.lake = folder, folder / "landing", folder / "lake"
        self.project = write_project(folder / "project", *products)
        self.day = 0

    def go(self, *stages: Stage) -> RunReport:
        self.day += 1
        settings = settings_for(self.lake, self.landing, project=self.project, now=f"2026-02-{self.day:02}T00:00:00Z")
        return run(settings, watcher=SilentWatcher(), command="test", stages=stages or UNTIL_PUBLISHED)

    def erase(self, subject: str | None = f"Patient/{HER}") -> Any:
        settings = settings_for(self.lake, project=self.project, now="2026-03-01T00:00:00Z")
        return erase(settings, subject, salt=SALT, confirm=lambda _: True, say=lambda _: None)

    def manifests(self) -> list[Manifest]:
        products = select_products(find_domains(self.project / "domains"))
        return [m for p in products for m in LocalLake(self.lake).releases(p)]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        with duckdb.connect(str(LocalLake(self.lake).database), read_only=True) as connection:
            tables = connection.execute("select database_name, schema_name || '.' || view_name from duckdb_views()")
            names = [name for _, name in tables.fetchall() if not name.startswith(("main.", "information", "pg_"))]
            return {name: sorted(connection.execute(f"select * from {name}").fetchall(), key=repr) for name in names}


def grow(folder: Path, *products: str) -> Mesh:
    """The family, landed in two runs; a copy of it all stands aside."""
    made = Mesh(folder, *products)
    write_family(folder / "all")
    made.landing.mkdir()
    for names in (("first", "second"), ("third", ".incoming-fourth")):
        for name in names:
            (folder / "all" / name).rename(made.landing / name)
        made.go()
    for name in ("landing", "lake"):
        shutil.copytree(folder / name, folder / "kept" / name)
    return made


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Mesh:
    return grow(tmp_path_factory.mktemp("family"), *PRODUCTS)


@pytest.fixture(scope="module")
def before(grown: Mesh) -> dict[str, list[tuple[Any, ...]]]:
    """What readers found before, and proof that there was something to erase."""
    assert finds(grown.landing)
    assert finds(grown.lake)
    return grown.rows()


@pytest.fixture(scope="module")
def erased(grown: Mesh, before: object) -> tuple[Mesh, Receipt]:
    """The same without the child; only to be looked at."""
    receipt = grown.erase()
    assert receipt is not None
    return grown, receipt


@pytest.fixture
def mesh(grown: Mesh) -> Iterator[Mesh]:
    """The same, as if nobody had touched it, at the same place: a ledger names files by their whole path."""
    restore(grown)
    yield grown
    restore(grown)


def restore(mesh: Mesh) -> None:
    for name in ("landing", "lake"):
        shutil.rmtree(mesh.folder / name)
        shutil.copytree(mesh.folder / "kept" / name, mesh.folder / name)


def texts_of(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything that stands in the files of a folder: raw bytes, and what is packed in gzip, JSON and Parquet."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        yield str(path), path.name + raw.decode("latin-1")
        if path.suffix == ".gz":
            yield str(path), gzip.decompress(raw).decode()
        elif path.suffix == ".parquet":
            yield str(path), repr(pq.read_table(path).to_pylist()) + repr(pq.read_metadata(path).to_dict())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for (sql,) in connection.execute("select sql from duckdb_views()").fetchall():
                    yield str(path), str(sql)


def finds(folder: Path, words: tuple[str, ...] = HERS) -> list[tuple[str, str]]:
    return [(path, word) for path, text in texts_of(folder) for word in words if word in text]


def add_up(manifest: Manifest) -> bool:
    return all(i.lines == i.used + i.superseded + i.deleted + i.quarantined for i in manifest.inputs)


def test_no_byte_of_hers_is_left_and_everything_else_is_as_it_was(
    before: dict[str, list[tuple[Any, ...]]], erased: tuple[Mesh, Receipt]
) -> None:
    mesh, _ = erased
    assert finds(mesh.landing) == []
    assert finds(mesh.lake) == []
    after = mesh.rows()
    assert [r[0] for r in after["clinical.patient"]] == [MOTHER, OTHER]
    assert after["clinical.patient"] == [r for r in before["clinical.patient"] if r[0] != HER]
    assert [r[0] for r in after["clinical.encounter"]] == ["m-1", "o-2", "o-3"]
    assert after["clinical.encounter"][1:2] == [r for r in before["clinical.encounter"] if r[0] == "o-2"]
    assert [(r[2], r[3], r[4]) for r in after["quarantine.lines"]] == [("first", "Patient.ndjson", 5)]
    releases = {m.release for m in mesh.manifests()}
    assert [(r[2], r[5] in releases) for r in after["ledger.removals"]] == [("o-1", True)]
    assert after["ledger.removals"][0][6] == "2026-02-02T00:00:00Z"
    assert {r[2] for r in before["ledger.removals"]} == {HER_OLD_STAY, "o-1"}
    assert len(before["ledger.incomplete"]) == 2
    assert after["ledger.incomplete"] == []
    assert len(mesh.manifests()) == 4
    assert all(add_up(m) for m in mesh.manifests())


def test_what_stays_of_a_line_keeps_its_digits_and_what_shared_it(erased: tuple[Mesh, Receipt]) -> None:
    landing = erased[0].landing
    stays = gzip.decompress((landing / "first/Encounter.ndjson.gz").read_bytes()).decode().split("\n")
    assert stays[0] == ""
    assert stays[1] == (
        '{"resourceType":"Encounter","id":"m-1","status":"finished","class":{"code":"AMB"},'
        f'"subject":{{"reference":"Patient/{MOTHER}"}},"length":{{"value":1.50}}}}'
    )
    group = json.loads((landing / "first/Group.ndjson").read_text())
    assert group == {"resourceType": "Group", "id": "g1", "member": [{"entity": refer("Patient", OTHER)}]}
    listed = json.loads((landing / "third/deleted/Bundle-0.ndjson").read_text())
    assert listed["entry"] == [{"request": {"method": "DELETE", "url": "Encounter/o-1"}}]
    assert (landing / "first/Provenance.ndjson").read_bytes() == b""


def test_the_receipt_counts_and_names_nobody(erased: tuple[Mesh, Receipt], caremesh) -> None:
    mesh, receipt = erased
    # Patient: two lines of hers, the mother's link; Encounter: one, and the mother's; a line each of three other types.
    assert receipt.exports["first"] == {"files": 6, "lines_removed": 6, "lines_scrubbed": 3}
    assert receipt.exports["second"] == {"files": 2, "lines_removed": 2, "lines_scrubbed": 1}
    assert receipt.exports["third"] == {"files": 2, "lines_removed": 1, "lines_scrubbed": 1}
    assert receipt.downloads == 1
    assert not (mesh.landing / ".incoming-fourth").exists()
    rows = {product: [c["rows"] for c in releases.values()] for product, releases in receipt.products.items()}
    assert {p: sorted(r) for p, r in rows.items()} == {"clinical.patient": [1, 1], "clinical.encounter": [1, 2]}
    assert receipt.is_about(f"Patient/{HER}")
    assert not receipt.is_about(f"Patient/{OTHER}")
    assert read_receipts(mesh.lake) == (receipt,)
    assert not (mesh.lake / "erasures" / "pending.json").exists()
    options = ("--lake", mesh.lake, "--project", mesh.project)
    assert receipt.receipt in caremesh("erase", "--list", *options).stdout
    assert caremesh("erase", "--verify", receipt.receipt, f"Patient/{HER}", *options).exit_code == 0
    assert caremesh("erase", "--verify", receipt.receipt, f"Patient/{OTHER}", *options).exit_code == 1


def test_the_next_run_finds_nothing_new_but_where_cells_were_emptied(erased: tuple[Mesh, Receipt]) -> None:
    mesh, _ = erased
    after = mesh.rows()
    write_lines(mesh.landing / "fifth" / "Patient.ndjson", [person("new", "Ginny")])
    encounters, patients = mesh.go().products
    # The mother's stay named the child: that row is made again from its line, with the same result.
    assert encounters.manifest.why.endswith("an erasure left cells of the release before empty")
    assert patients.manifest.base is not None
    assert [r for r in mesh.rows()["clinical.patient"] if r[0] != "new"] == after["clinical.patient"]
    assert mesh.rows()["clinical.encounter"] == after["clinical.encounter"]


@pytest.mark.slow
def test_a_lake_that_is_made_of_what_is_left_holds_the_same(mesh: Mesh, tmp_path: Path) -> None:
    mesh.erase()
    mesh.go()
    rebuilt = Mesh(tmp_path, *PRODUCTS)
    rebuilt.landing = mesh.landing
    rebuilt.go()
    made, left = rebuilt.rows(), mesh.rows()
    # It was made at once: what each receipt of a removal says first is the same, but not release and time.
    first = [[r[:5] for r in rows.pop("ledger.removals")] for rows in (made, left)]
    assert first[0] == first[1] == [("clinical.encounter", "Encounter", "o-1", "third", "deleted")]
    assert made == left
    counts = {m.release: m.inputs for m in mesh.manifests()}
    assert [m.inputs for m in rebuilt.manifests()] == [counts[m.release] for m in rebuilt.manifests()]


@pytest.mark.slow
def test_in_a_lake_of_two_hospitals_nobody_is_erased_by_an_id_that_both_may_use(mesh: Mesh) -> None:
    write_lines(mesh.landing / "other" / "Patient.ndjson", [person("p1", "Padma")])
    mesh.go("land")
    before = {p: p.read_bytes() for p in mesh.landing.rglob("*") if p.is_file()}
    with pytest.raises(UsageError, match="2 sources"):
        mesh.erase()
    assert {p: p.read_bytes() for p in mesh.landing.rglob("*") if p.is_file()} == before


def test_rows_that_are_kept_back_go_too(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path, *PRODUCTS)
    contract = mesh.project / "domains/clinical/encounter/contract.odcs.yaml"
    assert "incomplete: list" in contract.read_text()
    contract.write_text(contract.read_text().replace("incomplete: list", "incomplete: hold"))
    write_family(mesh.landing)
    mesh.go()
    before = next(m for m in mesh.manifests() if m.product == "clinical.encounter")
    assert before.held == 2
    mesh.erase()
    assert finds(mesh.landing) + finds(mesh.lake) == []
    after = next(m for m in mesh.manifests() if m.product == "clinical.encounter")
    assert (after.held, after.has_gaps) == (1, True)
    mesh.go()
    assert [r[0] for r in mesh.rows()["clinical.encounter"]] == ["m-1", "o-2", "o-3"]


@pytest.mark.slow
def test_a_full_export_that_held_nobody_else_goes_on_saying_that_the_others_are_gone(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path, "clinical/patient")
    write_lines(mesh.landing / "first" / "Patient.ndjson", [person(HER, "Hermione"), person(OTHER, "Luna")])
    mesh.go()
    write_lines(mesh.landing / "full" / "Patient.ndjson", [person(HER, "Hermione")])
    asked = {"source": "default", "job": "full", "submitted_at": "2026-02-01T12:00:00Z"}
    (mesh.landing / "full" / "export.json").write_text(json.dumps(asked))
    mesh.go()
    mesh.erase()
    assert mesh.rows()["clinical.patient"] == []
    assert [r.outcome for r in mesh.go().products] == ["unchanged"]
    rebuilt = Mesh(tmp_path / "again", "clinical/patient")
    rebuilt.landing = mesh.landing
    rebuilt.go()
    assert rebuilt.rows()["clinical.patient"] == []
    assert [r[2] for r in rebuilt.rows()["ledger.removals"]] == [OTHER]


def state_of(mesh: Mesh) -> dict[str, Any]:
    """Landing and lake, but for times and for what is in Parquet, which is compared as rows."""
    found: dict[str, Any] = dict(mesh.rows())
    for folder in (mesh.landing, mesh.lake):
        files = (p for p in folder.rglob("*") if p.is_file() and p.name != STATE_FILE)
        for path in (p for p in files if p.suffix not in (".duckdb", ".lock")):
            text = path.read_bytes() if path.suffix != ".parquet" else pq.read_table(path).to_pylist()
            if path.name == "ledger.json":
                text = re.sub(rb'"modified_ns": [0-9]+', b"", path.read_bytes())
            if path.name == "manifest.json":
                text = re.sub(rb'"bytes": [0-9]+', b"", path.read_bytes())
            found[str(path)] = sorted(text, key=repr) if isinstance(text, list) else text
    return found


def erase_and_die(mesh: Mesh, step: int) -> bool:
    """Erase in a forked child that dies at a change of a file or folder; False once there are fewer than that."""
    return dies_at(step, mesh.erase)


def finish(mesh: Mesh) -> None:
    """What a user does after a kill: a run is refused if the erasure was begun; the same command finishes it."""
    if (mesh.lake / "erasures" / "pending.json").exists():
        with pytest.raises(LakeError, match="an erasure was interrupted"):
            mesh.go()
        mesh.erase(None)
    else:
        mesh.erase()


@pytest.mark.slow
def test_releases_of_an_export_that_is_no_longer_listed_and_decisions_on_her_lines(mesh: Mesh) -> None:
    lake = LocalLake(mesh.lake)
    hers, others = (
        Decision("first", "Patient.ndjson", number, digest_text(line), "discarded", "a test", "2026-02-09T00:00:00Z")
        for number, line in ((4, HER_BROKEN_LINE), (5, OTHER_BROKEN_LINE))
    )
    lake.write_ledger(replace(lake.read_ledger().without("second"), decisions=(hers, others)))
    receipt = mesh.erase()
    assert finds(mesh.lake) == []
    assert "second" not in receipt.exports
    assert lake.read_ledger().decisions == (others,)
    assert all(add_up(m) for m in mesh.manifests())
    assert [r[0] for r in mesh.rows()["clinical.encounter"]] == ["m-1", "o-2", "o-3"]


@pytest.mark.slow
def test_a_quarantined_line_that_stays_without_her_is_told_by_what_it_is_now(mesh: Mesh) -> None:
    unusable = {**person("eeeeeeee", "Lily", link=[{"other": refer("Patient", HER), "type": "seealso"}]), "name": "x"}
    write_lines(mesh.landing / "fourth" / "Patient.ndjson", [unusable])
    asked = {"source": "https://fhir.example", "job": "fourth", "submitted_at": "2026-01-04T00:00:00Z"}
    (mesh.landing / "fourth" / "export.json").write_text(json.dumps(asked))
    mesh.go()
    mesh.erase()

    (line,) = (mesh.landing / "fourth" / "Patient.ndjson").read_text().splitlines()
    parts = [pq.read_table(p).to_pylist() for p in mesh.lake.glob("products/*/*/releases/*/quarantine/*.parquet")]
    kept = {(row["raw"], row["digest"]) for rows in parts for row in rows if row["export"] == "fourth"}
    assert kept == {(line, digest_text(line))}
    assert HER not in line


def test_a_file_that_changed_after_it_was_landed_stops_everything(mesh: Mesh) -> None:
    with (mesh.landing / "first" / "Patient.ndjson").open("a") as file:
        file.write(json.dumps(person("late", "Ron")) + "\n")
    before = {str(p): p.read_bytes() for p in mesh.landing.rglob("*.ndjson")}
    with pytest.raises(LandingError, match="changed, or is gone, since it was landed"):
        mesh.erase()
    assert {str(p): p.read_bytes() for p in mesh.landing.rglob("*.ndjson")} == before
    assert not (mesh.lake / "erasures").exists()


def test_a_dry_run_counts_and_changes_nothing_and_a_stranger_is_not_found(mesh: Mesh, caremesh) -> None:
    before = state_of(mesh)
    options = ("--lake", mesh.lake, "--project", mesh.project)
    counted = caremesh("erase", f"Patient/{HER}", "--dry-run", *options)
    assert counted.exit_code == 0
    assert "first: 6 line(s) to remove and 3 to scrub, in 6 file(s)" in counted.stdout
    assert "linked with 1 other Patient record(s)" in counted.stdout
    assert HER not in counted.stdout + counted.stderr
    assert "nothing of this person was found" in caremesh("erase", "Patient/nobody", "--yes", *options).stdout
    assert caremesh("erase", "Encounter/o-1", *options).exit_code == 2
    assert caremesh("erase", f"Patient/{HER}", "--lake", "s3://bucket/lake").exit_code == 2
    assert state_of(mesh) == before


@pytest.mark.slow
def test_killed_in_the_middle_of_the_releases_it_is_finished_by_the_same_command(mesh: Mesh) -> None:
    assert erase_and_die(mesh, 30)
    assert (mesh.lake / "erasures" / "pending.json").exists()
    with pytest.raises(UsageError, match="another person"):
        mesh.erase(f"Patient/{OTHER}")
    finish(mesh)
    assert finds(mesh.landing) + finds(mesh.lake) == []
    assert [r[0] for r in mesh.rows()["clinical.patient"]] == [MOTHER, OTHER]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_any_step_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    mesh = grow(tmp_path, "clinical/patient")
    mesh.erase()
    expected, every = state_of(mesh), stride(most=2)
    step = dice("kills of an erasure").randrange(every) + 1 - every
    while True:
        step += every
        restore(mesh)
        died = erase_and_die(mesh, step)
        assert len(mesh.rows()["clinical.patient"]) in (2, 3), f"a reader saw half a release at step {step}"
        if died:
            finish(mesh)
        assert state_of(mesh) == expected, f"step {step}"
        if not died:
            break
    assert step > 30, "the erasure was killed at too few places to prove anything"
