"""Quarantined lines of a lake in S3: read without a trace here, landed again below the lake, decided in its ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.errors import LakeLockedError
from caremesh.pipeline import prune
from caremesh.quarantine import Selection, discard, read_open
from caremesh.replay import Replay, replay
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.test_two_publishers import meanwhile
from tests.integration.small_mesh import patient

CUT = json.dumps(patient(2))[:-2].encode()
EVERYTHING = Selection()


def land_damaged(mesh: AwsMesh) -> None:
    mesh.put("landing/export/Patient.ndjson", json.dumps(patient(1)).encode() + b"\n" + CUT + b"\n")
    assert mesh.go("land", "flatten").quarantined == 1


def land_again(mesh: AwsMesh, corrections: Path | None = None, *, now: str = "2026-02-03T04:05:06Z") -> Replay:
    return replay(mesh.settings(now=now), EVERYTHING, corrections=corrections, reason="test", command="test")


def open_lines(mesh: AwsMesh) -> list[tuple[str, str, int | None]]:
    return [(r.export, r.file, r.line) for r in read_open(mesh.settings(), EVERYTHING)]


def give_up(mesh: AwsMesh) -> int:
    return discard(mesh.settings(), EVERYTHING, reason="test", command="test")


@pytest.mark.slow
def test_a_corrected_line_becomes_a_row_and_no_file_stays_here(mesh: AwsMesh, tmp_path: Path) -> None:
    land_damaged(mesh)
    (line,) = read_open(mesh.settings(), EVERYTHING, raw=True)
    assert line.raw.encode() == CUT
    row = {"export": line.export, "file": line.file, "line": line.line, "raw": patient(2)}
    (tmp_path / "corrected.ndjson").write_text(json.dumps(row))

    (name,) = land_again(mesh, tmp_path / "corrected.ndjson").exports
    assert [p.name for p in mesh.scratch.rglob("*") if p.is_file()] == ["run.lock"]
    report = mesh.go("land", "flatten")

    assert (report.quarantined, report.products[0].manifest.rows, open_lines(mesh)) == (0, 2, [])
    assert [k.startswith(f"lake/replays/{name}/") for k in mesh.objects("lake/replays")] == [True]
    assert [(d.line, d.action, d.by) for d in mesh.lake().read_ledger().decisions] == [(2, "replayed", name)]


@pytest.mark.slow
def test_a_line_that_fails_again_stands_open_once(mesh: AwsMesh) -> None:
    land_damaged(mesh)

    (name,) = land_again(mesh).exports
    report = mesh.go("land", "flatten")

    assert (report.quarantined, open_lines(mesh)) == (1, [(name, "Patient/Patient.ndjson", 1)])
    assert [(i.lines, i.used, i.quarantined) for i in report.products[0].manifest.inputs] == [(2, 1, 1), (1, 0, 1)]


def test_a_decision_is_made_anew_where_another_run_wrote_the_ledger(mesh: AwsMesh) -> None:
    land_damaged(mesh)
    mesh.export("export2/Patient.ndjson", [patient(3)])
    done = meanwhile(
        mesh, "s3:PutObject", "ledger.json", lambda: mesh.go("land", scratch=mesh.scratch.with_name("other"))
    )

    assert give_up(mesh) == 1

    ledger = mesh.lake().read_ledger()
    assert (len(done), [e.name for e in ledger.exports], len(ledger.decisions)) == (1, ["export", "export2"], 1)


@pytest.mark.slow
def test_two_replays_of_one_line_at_once_land_it_once(mesh: AwsMesh) -> None:
    land_damaged(mesh)
    other = mesh.settings(scratch=mesh.scratch.with_name("other"), now="2026-02-03T04:05:07Z")
    done = meanwhile(
        mesh,
        "s3:PutObject",
        "ledger.json",
        lambda: replay(other, EVERYTHING, corrections=None, reason="test", command="test"),
    )

    with pytest.raises(LakeLockedError, match="with the same lines meanwhile"):
        land_again(mesh)

    ledger = mesh.lake().read_ledger()
    assert (len(done), len(ledger.exports), len(ledger.decisions)) == (1, 2, 1)
    assert len(mesh.objects("lake/replays/")) == 2
    prune(mesh.settings(), keep=5, before="2999-01-01T00:00:00Z", command="test")
    assert [f"s3://{mesh.bucket}/{k}" for k in mesh.objects("lake/replays/")] == [ledger.exports[1].files[0].path]
