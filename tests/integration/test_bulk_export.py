"""Exports of a SMART Bulk Data server: everything comes once and whole, whatever happens on the way."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from caremesh.lake.local import LocalLake
from tests.bulk_server import FILE_FAULTS, BulkServer, Fault, Seen, Served, patients, run_bulk_server
from tests.conftest import Result

PATIENTS = {"a": patients(range(3)), "b": patients(range(3, 40)), "c": patients(range(40, 41), count=False)}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BulkServer]:
    monkeypatch.setenv("CAREMESH_EXPORT_POLL_SECONDS", "0.01")
    monkeypatch.setenv("CAREMESH_EXPORT_RETRY_SECONDS", "0.001")
    with run_bulk_server(BulkServer(files=dict(PATIENTS))) as plan:
        yield plan


@pytest.fixture
def export(caremesh: Callable[..., Result], server: BulkServer, tmp_path: Path) -> Callable[..., Result]:
    """`caremesh export …` on the lake of this test; `start` gets server, landing zone, name and --follow."""

    def call(command: str, *more: object) -> Result:
        given = ["export", command, *more, "--lake", tmp_path / "lake"]
        if command == "start":
            given += ["--server", server.base, "--landing", tmp_path / "landing", "--follow"]
            given += [] if "--name" in more else ["--name", "first"]
        return caremesh(*given)

    return call


def landed(folder: Path) -> bytes:
    """All lines of the Patient files in a folder, in order."""
    lines = [line for path in folder.glob("Patient/*.ndjson") for line in path.read_bytes().splitlines(keepends=True)]
    return b"".join(sorted(lines))


def expected(files: dict[str, Served] = PATIENTS) -> bytes:
    lines = [line for served in files.values() for line in served.body.splitlines(keepends=True)]
    return b"".join(sorted(lines))


def once_for_each_file(fault: Fault) -> Callable[[Seen], Fault | None]:
    """The fault at the first request for each file."""
    done: set[str] = set()

    def choose(seen: Seen) -> Fault | None:
        if "/files/" not in seen.path or seen.path in done:
            return None
        done.add(seen.path)
        return fault

    return choose


def test_an_export_comes_into_the_landing_zone_with_its_manifest(
    export, caremesh, server: BulkServer, tmp_path: Path
) -> None:
    before = datetime.now().astimezone()
    done = export("start")
    assert (done.exit_code, "first is whole: 3 file(s)" in done.stdout) == (0, True), done.stderr
    folder = tmp_path / "landing" / "first"
    manifest = json.loads((folder / "export.json").read_text())
    on_disk = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.glob("Patient/*")}
    assert {f["name"]: f["bytes"] for f in manifest["files"]} == on_disk
    stated = {k: manifest[k] for k in ("format", "source", "level", "since", "until", "types", "is_filtered")}
    assert stated == {
        "format": 1,
        "source": server.base,
        "level": "system",
        "since": None,
        "until": None,
        "types": None,
        "is_filtered": False,
    }
    submitted = datetime.fromisoformat(manifest["submitted_at"])
    # By the server's clock, which tells no fractions, and never later than it was.
    assert -2 < (submitted - before).total_seconds() < 2
    assert landed(folder) == expected()
    assert [p.name for p in (tmp_path / "landing").iterdir()] == ["first"]
    land = caremesh("land", "--landing", tmp_path / "landing", "--lake", tmp_path / "lake")
    assert land.exit_code == 0, land.stderr
    (taken,) = LocalLake(tmp_path / "lake").read_ledger().exports
    assert (len(taken.files), sum(f.lines or 0 for f in taken.files)) == (3, 41)


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_a_file_that_comes_badly_once_is_fetched_again(export, server: BulkServer, tmp_path: Path, fault) -> None:
    # A last line that is lost whole shows only where the server states how many there are.
    files = {name: patients(range(n, n + 20)) for n, name in ((0, "a"), (20, "b"))}
    server.files, server.fault = files, once_for_each_file(fault)
    done = export("start")
    assert done.exit_code == 0, done.stderr
    assert landed(tmp_path / "landing" / "first") == expected(files)


def test_a_broken_download_goes_on_where_it_broke(export, server: BulkServer, tmp_path: Path) -> None:
    server.files = {"big": patients(range(9000))}
    server.fault = once_for_each_file("cut")
    assert export("start").exit_code == 0
    first, second = server.asked("GET", "/files/")
    assert "range" not in first.headers
    assert 0 < int(second.headers["range"].removeprefix("bytes=").rstrip("-")) < len(server.files["big"].body)
    assert landed(tmp_path / "landing" / "first") == expected(server.files)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_without_a_version_is_fetched_from_its_start(
    export, server: BulkServer, tmp_path: Path, chunked: bool
) -> None:
    server.has_etags, server.chunked = False, chunked
    server.fault = once_for_each_file("cut")
    assert export("start").exit_code == 0
    assert all("range" not in seen.headers for seen in server.asked("GET", "/files/"))
    assert landed(tmp_path / "landing" / "first") == expected()


def test_a_file_that_changed_between_two_attempts_is_not_mixed(export, server: BulkServer, tmp_path: Path) -> None:
    server.files = {"big": patients(range(9000), count=False)}

    def change(seen: Seen) -> Fault | None:
        number = len(server.asked("GET", "/files/"))
        if "/files/" in seen.path and number == 2:
            server.files = {"big": patients(range(5000, 9500), count=False)}
        return "cut" if "/files/" in seen.path and number == 1 else None

    server.fault = change
    assert export("start").exit_code == 0
    assert "range" in server.asked("GET", "/files/")[1].headers
    assert landed(tmp_path / "landing" / "first") == expected(server.files)


def test_a_count_that_never_fits_ends_the_export_and_nothing_is_landed(
    export, server: BulkServer, tmp_path: Path
) -> None:
    server.files = {**PATIENTS, "d": Served("Patient", PATIENTS["a"].body, count=4)}
    done = export("start")
    assert (done.exit_code, "it holds 3 resources, and 4 were stated" in done.stderr) == (21, True)
    assert [p.name for p in (tmp_path / "landing").iterdir()] == [".incoming-first"]
    # The server mends it: what is whole already is not fetched again.
    server.files["d"] = patients(range(41, 43))
    server.seen.clear()
    assert export("resume").exit_code == 0
    assert [seen.path for seen in server.asked("GET", "/files/")] == ["/files/d"]
    assert landed(tmp_path / "landing" / "first") == expected(server.files)


def outcome(*severities: str) -> Served:
    issues = [{"severity": s, "code": "processing", "diagnostics": "about Patient/p00001"} for s in severities]
    line = json.dumps({"resourceType": "OperationOutcome", "issue": issues})
    return Served("OperationOutcome", f"{line}\n".encode(), kind="error")


def test_an_export_with_problems_is_no_success_and_the_servers_messages_are_kept(
    export, caremesh, server: BulkServer, tmp_path: Path
) -> None:
    server.files["e"] = outcome("error", "warning", "fatal")
    done = export("start")
    assert (done.exit_code, "reports 2 problem(s)" in done.stderr) == (21, True)
    assert "p00001" not in done.stderr + done.stdout
    incoming = tmp_path / "landing" / ".incoming-first"
    (kept,) = (incoming / ".errors").glob("*.ndjson")
    assert kept.read_bytes() == server.files["e"].body
    assert not (tmp_path / "landing" / "first").exists()
    assert not (incoming / "export.json").exists()
    assert "failed" in export("list").stdout
    assert caremesh("land", "--landing", tmp_path / "landing", "--lake", tmp_path / "lake").exit_code == 14


def test_mere_remarks_of_the_server_are_kept_and_said(export, server: BulkServer, tmp_path: Path) -> None:
    server.files["e"] = outcome("information", "warning")
    done = export("start")
    assert (done.exit_code, "remarks on 2 thing(s)" in done.stderr) == (0, True)
    assert len(list((tmp_path / "landing" / "first" / ".errors").iterdir())) == 1


def test_an_empty_full_export_is_refused_as_it_would_remove_everything(
    export, server: BulkServer, tmp_path: Path
) -> None:
    server.files = {}
    done = export("start")
    assert (done.exit_code, "gave nothing at all" in done.stderr) == (21, True)
    assert list((tmp_path / "landing").iterdir()) == []


def test_an_increment_in_which_nothing_changed_is_whole_and_leaves_nothing(
    export, server: BulkServer, tmp_path: Path
) -> None:
    server.files = {}
    done = export("start", "--since", "2026-01-01T00:00:00Z")
    assert (done.exit_code, "nothing to land" in done.stderr) == (0, True)
    assert list((tmp_path / "landing").iterdir()) == []


def test_delete_lists_stand_in_their_own_folder(export, server: BulkServer, tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "DELETE"}}]}
    server.files["d"] = Served("Bundle", f"{json.dumps(bundle)}\n".encode(), kind="deleted", count=1)
    assert export("start", "--since", "2026-01-01T00:00:00Z").exit_code == 0
    (deleted,) = (tmp_path / "landing" / "first" / "deleted").iterdir()
    assert deleted.read_bytes() == server.files["d"].body
    manifest = json.loads((tmp_path / "landing" / "first" / "export.json").read_text())
    assert f"deleted/{deleted.name}" in [f["name"] for f in manifest["files"]]


@pytest.mark.parametrize(
    ("options", "path", "query"),
    [
        ([], "/fhir/$export", {}),
        (["--patient", "--type", "Patient", "--type", "Claim"], "/fhir/Patient/$export", {"_type": ["Patient,Claim"]}),
        (["--group", "g1"], "/fhir/Group/g1/$export", {}),
        (
            ["--since", "2026-01-01T02:00:00+02:00", "--until", "2026-02-01T00:00:00Z"],
            "/fhir/$export",
            {"_since": ["2026-01-01T00:00:00Z"], "_until": ["2026-02-01T00:00:00Z"]},
        ),
    ],
)
def test_what_is_asked_for_is_what_was_typed(export, server: BulkServer, tmp_path: Path, options, path, query) -> None:
    assert export("start", *options).exit_code == 0
    (asked,) = server.asked("GET", "$export")
    assert (asked.path, asked.query, asked.headers["prefer"]) == (path, query, "respond-async")
    manifest = json.loads((tmp_path / "landing" / "first" / "export.json").read_text())
    level = {"/fhir/$export": "system", "/fhir/Patient/$export": "patient"}.get(path, "group/g1")
    types = query.get("_type", [None])[0]
    assert (manifest["level"], manifest["types"]) == (level, types.split(",") if types else None)
    assert (manifest["since"], manifest["until"]) == (query.get("_since", [None])[0], query.get("_until", [None])[0])


def test_the_next_export_begins_at_the_last_landed_one_and_never_at_the_transaction_time(
    export, caremesh, server: BulkServer, tmp_path: Path
) -> None:
    def land() -> None:
        assert caremesh("land", "--landing", tmp_path / "landing", "--lake", tmp_path / "lake").exit_code == 0

    done = export("start", "--since", "watermark")
    assert "asking for everything" in done.stderr
    # It is not landed yet: what it holds must not be skipped.
    again = export("start", "--since", "watermark", "--name", "second")
    assert "not landed yet" in again.stderr
    land()
    assert export("start", "--since", "watermark", "--name", "third").exit_code == 0
    since = [seen.query.get("_since") for seen in server.asked("GET", "$export")]
    assert since[:2] == [None, None]
    (at,) = since[2]
    # Servers tell their time to the second: of two exports within one, either may be the later.
    manifests = [tmp_path / "landing" / name / "export.json" for name in ("first", "second")]
    mark = max((json.loads(m.read_text())["submitted_at"] for m in manifests), key=datetime.fromisoformat)
    assert datetime.fromisoformat(at) == datetime.fromisoformat(mark).replace(microsecond=0) - timedelta(hours=1)
    assert mark in caremesh("status", "--lake", tmp_path / "lake").stdout


def test_a_watermark_can_be_set_and_cleared(export, caremesh, server: BulkServer, tmp_path: Path) -> None:
    assert export("start").exit_code == 0
    assert caremesh("land", "--landing", tmp_path / "landing", "--lake", tmp_path / "lake").exit_code == 0
    shown = export("watermark", "--source", server.base, "--set", "2020-01-01T00:00:00Z").stdout
    assert "2020-01-01T00:00:00Z" in shown
    assert "set by hand" in shown
    export("start", "--since", "watermark", "--name", "second")
    assert "a full one" in export("watermark", "--source", server.base, "--clear").stdout
    export("start", "--since", "watermark", "--name", "third")
    since = [seen.query.get("_since") for seen in server.asked("GET", "$export")]
    assert since == [None, ["2019-12-31T23:00:00Z"], None]
    assert export("watermark", "--set", "2020-01-01T00:00:00Z").exit_code == 2


def test_a_job_that_is_called_off_leaves_nothing(export, caremesh, server: BulkServer, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    caremesh(
        "export", "start", "--server", server.base, "--landing", landing, "--lake", tmp_path / "lake", "--name", "x"
    )
    assert "x is cancelled" in export("cancel", "x").stdout
    assert len(server.asked("DELETE", "/status/")) == 1
    assert "no export job is at work" in export("follow").stdout
    assert export("cancel", "x").exit_code == 21
    assert list(landing.iterdir()) == []


def test_a_job_that_the_server_forgot_has_failed(export, caremesh, server: BulkServer, tmp_path: Path) -> None:
    server.gone = True
    assert export("start").exit_code == 21
    assert "failed" in export("list").stdout
    assert "no export job is at work" in export("follow").stdout


def test_a_job_that_fails_keeps_back_no_other(export, caremesh, server: BulkServer, tmp_path: Path) -> None:
    options = ("--landing", tmp_path / "landing", "--lake", tmp_path / "lake", "--name")
    with run_bulk_server(BulkServer(files={"x": Served("Patient", b"{", count=1)})) as bad:
        caremesh("export", "start", "--server", bad.base, *options, "bad")
        caremesh("export", "start", "--server", server.base, *options, "good")
        done = export("follow")
    assert (done.exit_code, "did not come whole" in done.stderr) == (21, True)
    assert landed(tmp_path / "landing" / "good") == expected()


def change_job(tmp_path: Path, **more: Any) -> None:
    """The ledger as a process left it that was killed earlier than this one."""
    lake = LocalLake(tmp_path / "lake")
    ledger = lake.read_ledger()
    lake.write_ledger(ledger.with_job(replace(ledger.jobs[0], **more)))


def test_killed_between_rename_and_ledger_it_is_found_whole(export, server: BulkServer, tmp_path: Path) -> None:
    assert export("start").exit_code == 0
    change_job(tmp_path, state="running", export=None)
    server.seen.clear()
    assert "first is whole" in export("resume", "first").stdout
    assert server.seen == []


def test_killed_before_the_servers_answer_it_is_asked_for_anew(export, server: BulkServer, tmp_path: Path) -> None:
    server.gone = True
    export("start")
    server.gone = False
    change_job(tmp_path, state="asked", job=None, status_url=None, submitted_at=None)
    done = export("follow")
    assert (done.exit_code, "asking for it anew" in done.stderr) == (0, True)
    assert landed(tmp_path / "landing" / "first") == expected()


def test_files_of_an_earlier_job_are_not_taken_for_those_of_this_one(
    export, server: BulkServer, tmp_path: Path
) -> None:
    server.files["d"] = Served("Patient", b"{", count=1)
    assert export("start").exit_code == 21
    change_job(tmp_path, state="asked", job=None, status_url=None, submitted_at=None)
    # The server names the files of both jobs alike.
    server.files = {"a": patients(range(50, 60)), "b": patients(range(60, 70))}
    assert export("follow").exit_code == 0
    assert landed(tmp_path / "landing" / "first") == expected(server.files)


def test_a_full_disk_ends_with_an_error_and_what_is_whole_stays(
    export, server: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = os.fsync, OSError(errno.ENOSPC, "No space left on device")

    def fsync(descriptor: int) -> None:
        if "/Patient/" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise full
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    done = export("start")
    assert (done.exit_code, "No space left on device" in done.stderr) == (21, True)
    monkeypatch.setattr(os, "fsync", real)
    assert export("follow").exit_code == 0
    assert landed(tmp_path / "landing" / "first") == expected()


def test_what_a_server_refuses_leaves_no_job(export, server: BulkServer) -> None:
    server.kick_off_status = 422
    done = export("start")
    assert (done.exit_code, "the server answered 422: error not-supported" in done.stderr) == (21, True)
    assert "secret-id" not in done.stderr
    assert "first" not in export("list").stdout


def test_a_server_that_is_busy_is_asked_again_and_polled_at_its_pace(export, server: BulkServer) -> None:
    counts = {"$export": 0, "/status/": 0}

    def busy(seen: Seen) -> Fault | None:
        for part in counts:
            if part in seen.path:
                counts[part] += 1
                return ("429", "500", "429 date", None)[min(counts[part] - 1, 3)]  # type: ignore[return-value]
        return None

    server.fault = busy
    assert export("start").exit_code == 0
    assert counts == {"$export": 4, "/status/": 5}


def test_a_token_opens_the_server_and_files_only_where_they_need_it(
    export, server: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "s3cret-token"
    refused = export("start")
    assert (refused.exit_code, "answered 401" in refused.stderr) == (21, True)
    monkeypatch.setenv("CAREMESH_EXPORT_TOKEN", "s3cret-token")
    assert export("start").exit_code == 0
    assert all("authorization" not in seen.headers for seen in server.asked("GET", "/files/"))
    server.needs_token = True
    server.seen.clear()
    assert export("start", "--name", "second").exit_code == 0
    assert all("authorization" in seen.headers for seen in server.asked("GET", "/files/"))
    everything = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert not [p for p in everything if b"s3cret-token" in p.read_bytes()]


def test_links_are_never_kept_or_shown(export, server: BulkServer, tmp_path: Path) -> None:
    server.files["d"] = Served("Patient", b"{", count=1)
    done = export("start")
    assert done.exit_code == 21
    assert "sig=" not in done.stderr
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"sig=" in p.read_bytes()]


def test_another_process_that_fetches_the_same_export_is_told_so(export, server: BulkServer, tmp_path: Path) -> None:
    folder = tmp_path / "landing" / ".incoming-first"
    folder.mkdir(parents=True)
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    done = export("start")
    os.close(descriptor)
    assert (done.exit_code, "another process fetches this export" in done.stderr) == (21, True)
    assert export("follow").exit_code == 0
    assert landed(tmp_path / "landing" / "first") == expected()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--server", "https://host/fhir"], "--landing DIR"),
        (["--server", "ftp://host/fhir", "--landing", "LANDING"], "--server https://host/fhir"),
        (["--server", "https://me:word@host/fhir", "--landing", "LANDING"], "without a name or a token"),
        (["--datastore", "x" * 32], "--output s3://"),
        (["--datastore", "x", "--server", "https://host"], "leave one out"),
        ([], "no source was given"),
        (["--server", "https://host", "--type", "Patint", "--landing", "LANDING"], "no FHIR R4 resource type"),
        (["--server", "https://host", "--since", "2026-01-01", "--landing", "LANDING"], "no time with a zone"),
        (["--server", "https://host", "--name", "../x", "--landing", "LANDING"], "no name for an export"),
    ],
)
def test_a_users_mistake_is_answered_with_the_next_move(
    caremesh, tmp_path: Path, arguments: list[str], says: str
) -> None:
    filled = [str(tmp_path / "landing") if a == "LANDING" else a for a in arguments]
    done: Any = caremesh("export", "start", *filled, "--lake", tmp_path / "lake")
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr
