"""What quarantined lines and their replays are after exports went, lakes moved, and versions changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet

from caremesh.lake.ledger import LandedExport
from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from tests.conftest import Result, SilentWatcher, settings_for
from tests.integration.small_mesh import patient, write_project
from tests.integration.test_quarantine import CUT, FILE, GOOD, UNTIL_PUBLISHED, WRONG, Mesh, correct
from tests.unit.lake.test_quarantine_parts import spoil_column


@pytest.fixture
def mesh(caremesh: Callable[..., Result], tmp_path: Path) -> Mesh:
    write_project(tmp_path / "project")
    return Mesh(tmp_path, caremesh)


def test_dropping_an_export_drops_what_was_replayed_from_it_and_from_that(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.land(json.dumps(patient(9)), export="other")
    mesh.go()
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    (first,) = mesh.replay(correct(dump, line2=patient(2), line3=WRONG + " "), now="2026-02-03T04:05:06Z").exports
    assert mesh.go().quarantined == 1
    mesh.say("dump", "--raw", "-o", dump)
    (second,) = mesh.replay(correct(dump, line2=patient(3)), now="2026-02-03T04:05:07Z").exports
    assert (mesh.go().quarantined, len(mesh.lake.read_ledger().decisions)) == (0, 3)

    dropped = mesh.call("land", "--forget", "export", "--lake", mesh.lake.root, "--project", mesh.folder / "project")

    assert dropped.exit_code == 0
    assert [line.split(" ")[1] for line in dropped.stdout.splitlines()] == [first, second, "export"]
    ledger = mesh.lake.read_ledger()
    assert ([e.name for e in ledger.exports], ledger.decisions) == (["other"], ())
    assert mesh.go("flatten").products[0].manifest.rows == 1


def test_dropping_a_replay_of_a_replay_opens_the_line_it_was_made_of(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    (first,) = mesh.replay(now="2026-02-03T04:05:06Z").exports
    mesh.go()
    (second,) = mesh.replay(now="2026-02-03T04:05:07Z").exports
    mesh.go()
    assert [e.name for e in mesh.lake.read_ledger().exports] == ["export", first, second]

    mesh.call("land", "--forget", first, "--lake", mesh.lake.root, "--project", mesh.folder / "project")

    assert [e.name for e in mesh.lake.read_ledger().exports] == ["export"]
    assert (mesh.go().quarantined, mesh.open_lines()) == (1, [("export", FILE, 2)])


def test_dropping_an_export_drops_a_replay_whose_lines_were_reopened(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    mesh.replay()
    mesh.say("reopen", "export", FILE)
    mesh.call("land", "--forget", "export", "--lake", mesh.lake.root, "--project", mesh.folder / "project")

    assert mesh.lake.read_ledger().exports == ()


def test_listing_counting_and_deciding_read_no_text(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go(*UNTIL_PUBLISHED)
    (part,) = mesh.lake.root.glob("products/clinical/patient/releases/*/quarantine/*.parquet")
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    spoil_column(part, "raw")

    said = [
        mesh.say("list", "--lines"),
        mesh.say("show", "export", FILE, 2),
        mesh.say("discard", "export", FILE, 2, "--reason", "x"),
        mesh.say("replay", correct(dump, line3=patient(3))),
        mesh.call("status", "--lake", mesh.lake.root, "--project", mesh.folder / "project"),
        mesh.say("list", "--all"),
    ]

    assert [r.exit_code for r in said] == [0] * 6
    assert [line.partition(":")[2][:1] for line in said[0].stdout.splitlines()] == ["2", "3"]
    assert mesh.query("select line, decision from quarantine.lines") == [(2, "discarded"), (3, "replayed")]


def test_a_quarantine_of_an_earlier_version_is_read_and_written_on(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT, WRONG)
    mesh.go(*UNTIL_PUBLISHED)
    (part,) = mesh.lake.root.glob("products/clinical/patient/releases/*/quarantine/*.parquet")
    part.chmod(0o640)
    parquet.write_table(parquet.read_table(part).drop_columns("digest"), part)

    assert mesh.say("discard", "export", FILE, 2, "--reason", "x").exit_code == 0
    assert mesh.call("publish", "--lake", mesh.lake.root, "--project", mesh.folder / "project").exit_code == 3
    assert mesh.query("select line, decision from quarantine.lines") == [(2, "discarded"), (3, None)]
    mesh.land(json.dumps(patient(4))[:-2], export="later")
    report = mesh.go(*UNTIL_PUBLISHED)

    assert report.products[0].manifest.base is not None, "made anew, not merged"
    assert mesh.open_lines() == [("export", FILE, 3), ("later", FILE, 1)]
    columns = [name for name, *_ in duckdb_columns(mesh)]
    assert columns == ["product", "release", "export", "file", "line", "reason", "raw", "decision"]


def duckdb_columns(mesh: Mesh) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(mesh.lake.database), read_only=True) as connection:
        return connection.execute("describe quarantine.lines").fetchall()


def test_a_lake_that_was_moved_keeps_its_replays(mesh: Mesh) -> None:
    mesh.land(GOOD, CUT)
    mesh.go(*UNTIL_PUBLISHED)
    dump = mesh.folder / "dump.ndjson"
    mesh.say("dump", "--raw", "-o", dump)
    (name,) = mesh.replay(correct(dump, line2=patient(2))).exports
    moved = mesh.folder / "elsewhere" / "lake"
    moved.parent.mkdir()
    mesh.lake.root.rename(moved)

    settings = settings_for(moved, mesh.folder / "landing", project=mesh.folder / "project")
    report = run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED)

    assert (report.products[0].manifest.rows, report.quarantined) == (2, 0)
    export = LocalLake(moved).read_ledger().export(name)
    assert export is not None
    assert export.root == str(moved / "replays" / name)
    assert [f.path for f in export.files] == [str(moved / "replays" / name / "Patient" / FILE)]
    assert str(mesh.lake.root) not in (moved / "ledger.json").read_text()


def test_a_lake_that_is_named_by_a_relative_path_or_a_link_keeps_its_replays(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    mesh.land(GOOD, CUT)
    mesh.go()
    (mesh.folder / "link").symlink_to(mesh.lake.root)
    monkeypatch.chdir(mesh.folder)
    words = ("--project", mesh.folder / "project")

    assert mesh.call("quarantine", "replay", "--lake", "link", *words).exit_code == 0
    assert mesh.go().quarantined == 1
    stated = json.loads((mesh.lake.root / "ledger.json").read_text())["exports"][1]
    assert (stated["root"], stated["files"][0]["path"]) == (
        f"replays/{stated['name']}",
        f"replays/{stated['name']}/Patient/{FILE}",
    )


def test_files_outside_of_the_lake_keep_their_whole_path(mesh: Mesh) -> None:
    mesh.land(GOOD)
    mesh.go()

    (stated,) = json.loads((mesh.lake.root / "ledger.json").read_text())["exports"]
    landed = mesh.folder / "landing" / "export"
    assert (stated["root"], stated["files"][0]["path"]) == (str(landed), str(landed / FILE))
    remote = replace(mesh.lake.read_ledger(), exports=(LandedExport("s3", "s3://b/x", "2026-01-01T00:00:00Z", ()),))
    mesh.lake.write_ledger(remote)
    assert mesh.lake.read_ledger() == remote
