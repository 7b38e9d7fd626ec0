"""The life of quarantined lines: found, corrected and landed again, or given up; nothing counts twice or vanishes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from caremesh.lake.local import LocalLake
from caremesh.pipeline import Stage, prune, run
from caremesh.quarantine import Selection, read_open
from caremesh.replay import Replay, replay
from caremesh.run_report import RunReport
from tests.conftest import NOW, Result, SilentWatcher, settings_for
from tests.integration.dying import dies_at
from tests.integration.small_mesh import patient, write_lines, write_project

MARKER = "MARKER-of-a-person"
GOOD, CUT = json.dumps(patient(1)), json.dumps(patient(2, birthDate="1980-01-01", language=MARKER))[:-2]
WRONG = json.dumps(patient(3, name=MARKER))
CONDITION = {
    "resourceType": "Condition",
    "id": "c1",
    "subject": {"reference": "Patient/p001"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "1"}]},
}
UNTIL_PUBLISHED: tuple[Stage, ...] = ("land", "flatten", "check", "publish")
FILE = "Patient.ndjson"


@dataclass(frozen=True)
class Mesh:
    """A project, an export of patients with damaged lines, and a lake."""

    folder: Path
    call: Callable[..., Result]

    @property
    def lake(self) -> LocalLake:
        return LocalLake(self.folder / "lake")

    def land(self, *lines: str, export: str = "export") -> None:
        path = self.folder / "landing" / export / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def go(self, *stages: Stage, now: str = NOW) -> RunReport:
        settings = settings_for(self.lake.root, self.folder / "landing", project=self.folder / "project", now=now)
        return run(settings, watcher=SilentWatcher(), command="test", stages=stages or ("land", "flatten"))

    def say(self, *words: object) -> Result:
        """A `caremesh quarantine` command on this lake."""
        return self.call("quarantine", *words, "--lake", self.lake.root, "--project", self.folder / "project")

    def replay(self, corrections: Path | None = None, *, now: str = "2026-02-03T04:05:06Z") -> Replay:
        settings = settings_for(self.lake.root, project=self.folder / "project", now=now)
        return replay(settings, Selection(), corrections=corrections, reason="test", command="test")

    def open_lines(self) -> list[tuple[str, str, int | None]]:
        settings = settings_for(self.lake.root, project=self.folder / "project")
        return [(r.export, r.file, r.line) for r in read_open(settings, Selection())]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.lake.database), read_only=True) as connection:
            return connection.execute(f"{sql} order by 1").fetchall()


@pytest.fixture
def mesh(caremesh: Callable[..., Result], tmp_path: Path) -> Mesh:
    write_project(tmp_path / "project")
    return Mesh(tmp_path, caremesh)


def correct(dump: Path, **texts: Any) -> Path:
    """Edit a dump as a person would: by line number, `line7=…`; rows of other lines go."""
    rows = [json.loads(row) for row in dump.read_text(encoding="utf-8").splitlines()]
    kept = [{**row, "raw": texts[f"line{row['line']}"]} for row in rows if f"line{row['line']}" in texts]
    dump.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return dump


def accounts_hold(report: RunReport) -> bool:
    (product,) = report.products
    return all(i.lines == i.used + i.superseded + i.deleted + i.quarantined for i in product.manifest.inputs)


def test_a_corrected_line_becomes_a_row_and_nothing_is_open(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    assert mesh.go(*UNTIL_PUBLISHED).quarantined == 2
    dump = mesh.folder / "dump.ndjson"

    assert mesh.say("dump", "--raw", "-o", dump).exit_code == 0
    assert (dump.stat().st_mode & 0o777, len(dump.read_text().splitlines())) == (0o600, 2)
    said = mesh.say("replay", correct(dump, line2=json.dumps(patient(2)), line3=patient(3)))

    assert (said.exit_code, said.stdout.split(" landed again as ")[0]) == (0, "2 line(s)")
    report = mesh.go(*UNTIL_PUBLISHED)
    assert (report.quarantined, accounts_hold(report)) == (0, True)
    assert mesh.query("select patient_id from clinical.patient") == [("p001",), ("p002",), ("p003",)]
    assert mesh.call("check", "--lake", mesh.lake.root, "--project", mesh.folder / "project").exit_code == 0
    assert mesh.say("list").stdout == "no line is open\n"
    listed = mesh.say("list", "--lines", "--all").stdout.splitlines()
    assert [line.split(": ")[0] for line in listed] == [f"export/{FILE}:2", f"export/{FILE}:3"]
    assert all("[replayed: replay-" in line for line in listed)
    status = mesh.call("status", "--lake", mesh.lake.root, "--project", mesh.folder / "project")
    assert "0 (+2 decided)" in status.stdout
    decided = "select line, decision, replay from quarantine.lines join quarantine.decisions using (export, file, line)"
    (name,) = {e.name for e in mesh.lake.read_ledger().exports} - {"export"}
    assert mesh.query(decided) == [(2, "replayed", name), (3, "replayed", name)]
    mesh.say("reopen", "export", FILE, 3)
    assert mesh.query("select line, decision from quarantine.lines") == [(2, "replayed"), (3, None)]


def test_lines_that_fail_again_stand_open_once(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()

    for number, now in enumerate(("2026-02-03T04:05:06Z", "2026-02-03T04:05:07Z"), 1):
        made = mesh.replay(now=now)
        report = mesh.go()

        assert (made.lines, report.quarantined, accounts_hold(report)) == (2, 2, True)
        assert mesh.open_lines() == [(made.exports[0], f"Patient/{FILE}", 1), (made.exports[0], f"Patient/{FILE}", 2)]
        assert report.products[0].manifest.quarantined == 2 + 2 * number
        assert (report.products[0].open_lines, report.products[0].manifest.rows) == (2, 1)


def test_lines_that_are_no_resource_at_all_can_be_replayed(mesh: Mesh) -> None:
    odd = ["[]", "null", "1", '"text"', "{}", '{"resourceType": []}', "\ufeff{}", "\\xff", "x" * 70_000]
    mesh.land(GOOD, *odd)
    assert mesh.go().quarantined == len(odd)

    (name,) = mesh.replay().exports

    assert (mesh.go().quarantined, len(mesh.open_lines())) == (len(odd), len(odd))
    landed = mesh.lake.root / "replays" / name / "Patient" / FILE
    assert landed.read_text(encoding="utf-8").splitlines() == odd


def test_before_the_next_run_a_replayed_line_is_decided_and_cannot_be_replayed_twice(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    mesh.replay()

    assert mesh.open_lines() == []
    assert mesh.replay(now="2026-02-03T04:05:07Z") == Replay((), 0)


def test_lines_of_two_exports_make_two_replays(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.land(WRONG, export="export2")
    mesh.go()

    made = mesh.replay()

    assert (len(made.exports), made.lines) == (2, 2)
    ledger = mesh.lake.read_ledger()
    assert [(d.export, d.by) for d in ledger.decisions] == [("export", made.exports[0]), ("export2", made.exports[1])]


def test_a_replay_takes_the_place_of_its_export_in_the_order(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go(now="2026-01-01T00:00:00Z")
    mesh.land(json.dumps(patient(2, birthDate="1999-09-09")), export="later")
    mesh.go(now="2026-01-02T00:00:00Z")
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)

    (name,) = mesh.replay(correct(dump, line2=patient(2, birthDate="1980-01-01"))).exports
    report = mesh.go(now="2026-02-04T00:00:00Z")

    assert [e.name for e in mesh.lake.read_ledger().in_order()] == ["export", name, "later"]
    (manifest,) = (p.manifest for p in report.products)
    assert {i.export: (i.used, i.superseded, i.quarantined) for i in manifest.inputs} == {
        "export": (1, 0, 1),
        name: (0, 1, 0),
        "later": (1, 0, 0),
    }


def test_a_resource_that_was_deleted_after_its_damaged_line_stays_deleted(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go(now="2026-01-01T00:00:00Z")
    gone = {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/p002"}}]}
    write_lines(mesh.folder / "landing/later/deleted/Bundle.ndjson", [gone])
    mesh.go(now="2026-01-02T00:00:00Z")
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)

    (name,) = mesh.replay(correct(dump, line2=patient(2))).exports
    report = mesh.go(now="2026-02-04T00:00:00Z")

    (manifest,) = (p.manifest for p in report.products)
    assert {i.export: (i.used, i.deleted, i.quarantined) for i in manifest.inputs} == {
        "export": (1, 0, 1),
        name: (0, 1, 0),
    }
    assert (manifest.rows, report.quarantined) == (1, 0)


def test_a_discarded_line_is_no_longer_asked_about_and_can_be_reopened(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()

    assert mesh.say("discard", "export", FILE, 2, "--reason", "test device").stdout.startswith("1 line(s) discarded\n")
    assert (mesh.go().quarantined, mesh.open_lines()) == (1, [("export", FILE, 3)])
    assert mesh.say("discard", "export", "--reason", "test device").exit_code == 0
    assert mesh.go().quarantined == 0
    assert mesh.say("list", "--lines").stdout == ""
    listed = mesh.say("list", "--lines", "--all").stdout
    assert listed.count("[discarded: test device]") == 2

    assert mesh.say("reopen", "export", FILE, 3).stdout == "1 line(s) open again\n"
    assert (mesh.go().quarantined, mesh.open_lines()) == (1, [("export", FILE, 3)])


def test_lines_are_selected_by_their_reason_or_product(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()

    assert mesh.say("discard", "--reason-like", "CONTRADICTION", "--reason", "x").stdout.startswith("1 line(s)")
    assert mesh.open_lines() == [("export", FILE, 2)]
    assert mesh.say("discard", "--product", "clinical.patient", "--reason", "x").stdout.startswith("1 line(s)")
    assert mesh.open_lines() == []


def test_decisions_survive_a_rebuild_and_are_not_taken_for_other_lines(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    mesh.say("discard", "export", FILE, 2, "--reason", "x")
    view = mesh.folder / "project/domains/clinical/patient/contract.odcs.yaml"
    view.write_text(view.read_text() + "\n# changed\n")
    rebuilt = mesh.go()
    mesh.call("land", "--forget", "export", "--lake", mesh.lake.root, "--project", mesh.folder / "project")
    mesh.land(GOOD, WRONG)
    other = mesh.go()

    assert (rebuilt.products[0].is_new, rebuilt.quarantined) == (True, 0)
    assert (other.quarantined, mesh.open_lines()) == (1, [("export", FILE, 2)])


def test_dropping_a_replay_opens_its_lines_again(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    (name,) = mesh.replay().exports
    mesh.go()

    mesh.call("land", "--forget", name, "--lake", mesh.lake.root, "--project", mesh.folder / "project")

    assert (mesh.go().quarantined, mesh.open_lines()) == (1, [("export", FILE, 2)])
    settings = settings_for(mesh.lake.root, project=mesh.folder / "project")
    assert prune(settings, keep=5, before="2999-01-01T00:00:00Z", command="test") == ({}, 1)
    assert list((mesh.lake.root / "replays").iterdir()) == []


def test_a_resource_in_the_file_of_another_type_goes_where_it_belongs(caremesh: Any, tmp_path: Path) -> None:
    write_project(tmp_path / "project", "clinical/patient", "clinical/condition")
    mesh = Mesh(tmp_path, caremesh)
    mesh.land(GOOD, json.dumps(CONDITION))
    assert mesh.go().quarantined == 1

    (name,) = mesh.replay().exports
    report = mesh.go()

    rows = {p.product.id: (p.manifest.rows, p.open_lines) for p in report.products}
    assert rows == {"clinical.condition": (1, 0), "clinical.patient": (1, 0)}
    assert [f.name for f in mesh.lake.read_ledger().export(name).files] == ["Condition/Condition.ndjson"]


def test_a_line_that_two_products_refuse_is_one_line_to_decide_on(caremesh: Any, tmp_path: Path) -> None:
    write_project(tmp_path / "project", "clinical/condition", "clinical/nlp_finding")
    mesh = Mesh(tmp_path, caremesh)
    write_lines(tmp_path / "landing/export/Condition.ndjson", [CONDITION])
    with (tmp_path / "landing/export/Condition.ndjson").open("a") as file:
        file.write(json.dumps(CONDITION)[:-2] + "\n")
    report = mesh.go()
    assert (report.quarantined, [p.open_lines for p in report.products]) == (1, [1, 1])
    assert len(mesh.say("list", "--lines").stdout.splitlines()) == 2
    dump = tmp_path / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    assert len(dump.read_text().splitlines()) == 1

    assert mesh.say("discard", "--product", "clinical.condition", "--reason", "x").stdout.startswith("1 line(s)")

    report = mesh.go()
    assert (report.quarantined, [p.open_lines for p in report.products]) == (0, [0, 0])


@pytest.mark.parametrize(
    ("change", "exit_code"),
    [
        pytest.param({"line": 1}, 14, id="line that is fine"),
        pytest.param({"export": "other"}, 14, id="export that is not there"),
        pytest.param({"text": "0" * 16}, 14, id="line that has another text now"),
        pytest.param({"raw": 1}, 14, id="text that is none"),
    ],
)
def test_a_correction_of_no_open_line_is_refused_and_nothing_is_landed(
    mesh: Mesh, change: dict[str, Any], exit_code: int
) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    before = mesh.lake.read_ledger()
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    dump.write_text(json.dumps({**json.loads(dump.read_text()), "raw": GOOD, **change}) + "\n")

    refused = mesh.say("replay", dump)

    assert (refused.exit_code, mesh.lake.read_ledger()) == (exit_code, before)
    assert "dump.ndjson:1" in refused.stderr.replace("\n", "")


def test_lines_that_were_not_edited_stay_open(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    before = {r["line"]: r["raw"] for r in map(json.loads, dump.read_text().splitlines())}

    made = mesh.replay(correct(dump, line2=GOOD, line3=before[3]))

    assert (made.lines, made.unchanged, mesh.open_lines()) == (1, 1, [("export", FILE, 3)])


def test_the_text_of_a_line_is_shown_by_raw_alone(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()
    dump = mesh.folder / "dump.ndjson"
    shown = [
        mesh.say("list"),
        mesh.say("list", "--all", "--lines"),
        mesh.say("show", "export", FILE, 2),
        mesh.say("show", "export", FILE, 9),
        mesh.say("dump"),
        mesh.say("dump", "--raw", "-o", dump),
        mesh.say("discard", "export", FILE, 9, "--reason", "x"),
        mesh.say("discard", "export", FILE, 3, "--reason", "x"),
        mesh.say("replay", dump),
        mesh.say("replay"),
        mesh.call("flatten", "--lake", mesh.lake.root, "--project", mesh.folder / "project"),
        mesh.say("list", "--all"),
        mesh.say("reopen", "export", FILE),
        mesh.call("status", "--lake", mesh.lake.root, "--project", mesh.folder / "project"),
    ]

    assert [r.exit_code for r in shown] == [0, 0, 0, 2, 2, 0, 2, 0, 14, 0, 3, 0, 0, 0]
    assert all(MARKER not in r.stdout + r.stderr for r in shown), "row content left the lake"
    assert MARKER not in (mesh.lake.root / "ledger.json").read_text()
    assert mesh.say("show", "export", FILE, 2, "--raw").stdout.endswith(f"\n{CUT}\n")
    raw = mesh.say("dump", "--raw")
    assert MARKER in raw.stdout
    assert "patients' data" in raw.stderr


def test_killed_at_any_write_a_replay_is_made_once_or_not_at_all(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()
    before = mesh.lake.read_ledger()
    step, was_killed = 0, True
    while was_killed:
        step += 1
        was_killed = dies_at(step, mesh.replay)
        ledger = mesh.lake.read_ledger()
        if ledger == before:
            assert was_killed
            continue
        (name,) = {d.by for d in ledger.decisions}
        assert [(d.export, d.line) for d in ledger.decisions] == [("export", 2), ("export", 3)]
        assert [len(e.files) for e in ledger.exports if e.name == name] == [1]
        mesh.lake.write_ledger(before)

    assert step > 3, "no write was met"
    mesh.replay()
    report = mesh.go()
    assert (report.quarantined, report.products[0].manifest.quarantined, accounts_hold(report)) == (2, 4, True)


def test_lines_without_a_number_go_by_their_text(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go()
    (part,) = mesh.lake.root.glob("products/clinical/patient/candidates/*/quarantine/*.parquet")
    table = parquet.read_table(part)
    # As Athena leaves them, which does not number lines.
    part.chmod(0o640)
    parquet.write_table(table.set_column(2, "line", pa.nulls(2, pa.int64())), part)
    name = f"text-{hashlib.sha256(WRONG.encode()).hexdigest()[:16]}"
    dump = mesh.folder / "dump.ndjson"

    assert f"export/{FILE}:{name}: clinical.patient: " in mesh.say("list", "--lines").stdout
    assert mesh.say("show", "export", FILE, name, "--raw").stdout.endswith(f"\n{WRONG}\n")
    assert mesh.say("discard", "export", FILE, name, "--reason", "x").stdout.startswith("1 line(s) discarded")
    assert mesh.say("dump", "--raw", "-o", dump).exit_code == 0
    assert mesh.replay(correct(dump, lineNone=patient(2))).lines == 1
    assert (mesh.open_lines(), mesh.go("flatten").quarantined) == ([], 0)
