"""Exports that end badly, or that two processes follow: nobody waits for nothing, and nothing is taken for whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from caremesh.errors import ExportError
from caremesh.lake.local import LocalLake
from caremesh.settings import ExportSettings
from caremesh.sources.bulk_data import InProgress, ask_status
from caremesh.sources.web import LONGEST_FILE_PAUSE, Anyone, Clock, Web
from tests.bulk_server import BulkServer, Fault, Seen, Served, patients, run_bulk_server
from tests.conftest import Result

PATIENTS = {"a": patients(range(3)), "b": patients(range(3, 40))}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BulkServer]:
    monkeypatch.setenv("CAREMESH_EXPORT_POLL_SECONDS", "0.01")
    monkeypatch.setenv("CAREMESH_EXPORT_RETRY_SECONDS", "0.001")
    with run_bulk_server(BulkServer(files=dict(PATIENTS))) as plan:
        yield plan


@pytest.fixture
def export(caremesh: Callable[..., Result], server: BulkServer, tmp_path: Path) -> Callable[..., Result]:
    """`caremesh export …` on the lake of this test; `start` gets server, landing zone and name."""

    def call(command: str, *more: object) -> Result:
        given = ["export", command, *more, "--lake", tmp_path / "lake"]
        if command == "start":
            given += ["--server", server.base, "--landing", tmp_path / "landing", "--name", "first"]
        return caremesh(*given)

    return call


def lines_below(folder: Path) -> list[bytes]:
    return sorted(n for p in folder.glob("Patient/*.ndjson") for n in p.read_bytes().splitlines(keepends=True))


def expected(files: dict[str, Served] = PATIENTS) -> list[bytes]:
    return sorted(line for served in files.values() for line in served.body.splitlines(keepends=True))


def change_job(tmp_path: Path, **more: Any) -> None:
    """The ledger as a process left it that was killed earlier than this one."""
    lake = LocalLake(tmp_path / "lake")
    ledger = lake.read_ledger()
    lake.write_ledger(ledger.with_job(replace(ledger.jobs[0], **more)))


def test_when_one_file_fails_for_good_no_thread_outlives_it(export, server: BulkServer, tmp_path: Path) -> None:
    pausing = threading.Event()

    def choose(seen: Seen) -> Fault | None:
        if seen.path == "/files/b":
            pausing.set()
            return "429 long"
        if seen.path == "/files/a":
            pausing.wait(5)
        return None

    server.files["a"] = Served("Patient", b"{", count=1)
    server.fault = choose
    before = set(threading.enumerate())
    assert export("start", "--follow").exit_code == 21
    # The server's own threads serve connections that are kept.
    left = [t for t in set(threading.enumerate()) - before if "ThreadPoolExecutor" in t.name]
    assert left == []
    server.files["a"], server.fault = PATIENTS["a"], lambda _: None
    assert export("follow").exit_code == 0
    assert lines_below(tmp_path / "landing" / "first") == expected()


def test_a_pause_ends_when_the_download_does_and_is_never_a_day() -> None:
    told: list[str] = []
    clock = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), pause=lambda _: pytest.fail("it cannot be ended"))
    web = Web(ExportSettings(), clock, on_wait=told.append)
    stopped = threading.Event()
    stopped.set()
    with web.stopped_by(stopped), pytest.raises(ExportError, match="was stopped"):
        web.wait(86_400.0, otherwise=1.0, why="busy")
    assert told == [f"busy: waiting {LONGEST_FILE_PAUSE:,.0f} s"]


@pytest.mark.parametrize("body", [b"\0" * 300, b'{"resourceType":"Patient","id":"1"}\n\0\0\n'], ids=["all", "a line"])
def test_a_file_with_nul_bytes_is_not_whole(export, server: BulkServer, tmp_path: Path, body: bytes) -> None:
    server.files["c"] = Served("Patient", body)
    done = export("start", "--follow")
    assert (done.exit_code, "it holds NUL bytes" in done.stderr) == (21, True)
    assert [p.name for p in (tmp_path / "landing").iterdir()] == [".incoming-first"]


def kill_at(patch: pytest.MonkeyPatch, step: str, name: str) -> None:
    """End the process where a path of this name is renamed."""
    real = getattr(Path, step)

    def go_on(path: Path, target: Path) -> Any:
        if path.name == name:
            raise SystemExit(137)
        return real(path, target)

    patch.setattr(Path, step, go_on)


@pytest.mark.parametrize(
    ("step", "name", "asks"), [("rename", ".incoming-first", False), ("replace", ".export.json.part", True)]
)
def test_killed_when_all_is_fetched_nothing_is_fetched_again(
    export, server: BulkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, name: str, asks: bool
) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, step, name)
        assert export("start", "--follow").exit_code == 137
    # With its manifest beside it the server need not be asked, which may have forgotten it.
    server.gone = not asks
    server.seen.clear()
    done = export("follow", "first")
    assert (done.exit_code, "first is whole: 2 file(s)" in done.stdout) == (0, True), done.stderr
    assert [seen.path for seen in server.seen] == ["/status/1"] * asks
    assert lines_below(tmp_path / "landing" / "first") == expected()
    assert sorted(p.name for p in (tmp_path / "landing" / "first").iterdir()) == ["Patient", "export.json"]


def test_an_export_that_another_process_put_into_place_meanwhile_is_not_fetched_again(
    export, server: BulkServer, tmp_path: Path
) -> None:
    assert export("start", "--follow").exit_code == 0
    change_job(tmp_path, state="running", export=None)
    folder, aside = tmp_path / "landing" / "first", tmp_path / "aside"
    folder.rename(aside)

    def finish(seen: Seen) -> Fault | None:
        # The other process renames while this one asks about the job.
        if "/status/" in seen.path and aside.exists():
            aside.rename(folder)
        return None

    server.fault = finish
    server.seen.clear()
    done = export("follow", "first")
    assert (done.exit_code, "first is whole: 2 file(s)" in done.stdout) == (0, True), done.stderr
    assert server.asked("GET", "/files/") == []
    assert [p.name for p in (tmp_path / "landing").iterdir()] == ["first"]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_to_follow_a_job_that_did_not_become_whole_is_an_error(export, tmp_path: Path, state: str) -> None:
    assert export("start").exit_code == 0
    change_job(tmp_path, state=state, message=None)
    done = export("follow", "first")
    assert (done.exit_code, f"the job is {state}" in done.stderr) == (21, True)
    assert export("follow").exit_code == 0


def test_a_job_that_is_called_off_while_it_is_followed_is_an_error(export, server: BulkServer, tmp_path: Path) -> None:
    assert export("start").exit_code == 0

    def call_off(seen: Seen) -> Fault | None:
        if "/files/" in seen.path:
            change_job(tmp_path, state="cancelled")
        return None

    server.fault = call_off
    done = export("follow", "first")
    assert (done.exit_code, "the job is cancelled" in done.stderr) == (21, True)


@pytest.mark.parametrize("state", ["running", "failed", "whole"])
def test_what_is_fetched_of_a_job_goes_with_it(export, server: BulkServer, tmp_path: Path, state: str) -> None:
    server.files["c"] = Served("Patient", b"{", count=1)
    assert export("start", "--follow").exit_code == 21
    change_job(tmp_path, state=state)
    assert export("forget", "first").exit_code == 0
    assert list((tmp_path / "landing").iterdir()) == []


def test_the_manifest_of_what_was_settled_before_says_its_size(export, tmp_path: Path) -> None:
    assert export("start", "--follow").exit_code == 0
    change_job(tmp_path, state="running", export=None, files=None, bytes=None)
    assert export("follow", "first").exit_code == 0
    manifest = json.loads((tmp_path / "landing" / "first" / "export.json").read_text())
    (job,) = LocalLake(tmp_path / "lake").read_ledger().jobs
    assert (job.files, job.bytes) == (2, sum(f["bytes"] for f in manifest["files"]))


def test_a_token_is_sent_to_another_host_only_where_that_is_said(
    export, server: BulkServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAREMESH_EXPORT_TOKEN", "s3cret-token")
    monkeypatch.setenv("CAREMESH_EXPORT_ATTEMPTS", "1")
    server.token, server.needs_token = "s3cret-token", True
    assert export("start").exit_code == 0
    # From now on the server names the files by another name of this machine.
    server.address = server.address.replace("127.0.0.1", "localhost")
    done = export("follow", "first")
    assert (done.exit_code, "CAREMESH_EXPORT_TOKEN_HOSTS" in done.stderr) == (21, True)
    assert server.asked("GET", "/files/") == []
    monkeypatch.setenv("CAREMESH_EXPORT_TOKEN_HOSTS", "other, LocalHost")
    assert export("follow", "first").exit_code == 0
    assert lines_below(tmp_path / "landing" / "first") == expected()


def test_what_a_server_says_of_its_work_does_not_steer_the_terminal(server: BulkServer) -> None:
    server.progress = "50%\x1b[2J of \x9b1A[/done]"
    web = Web(ExportSettings(), Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), pause=lambda _: None))
    assert ask_status(web, f"{server.address}/status/1", authority=Anyone()) == InProgress(
        r"50%\x1b[2J of \x9b1A[/done]", 0
    )


def test_a_group_goes_on_from_its_watermark_only_where_nobody_joined_it(export, server: BulkServer) -> None:
    refused = export("start", "--group", "g1", "--since", "watermark")
    assert (refused.exit_code, "--group-unchanged" in refused.stderr) == (2, True)
    assert server.seen == []
    assert export("start", "--group", "g1", "--since", "watermark", "--group-unchanged").exit_code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--source", "https://elsewhere/fhir", "--clear"], "no export is of this source"),
        (["--source", "SERVER", "--set", "2999-01-01T00:00:00Z"], "still to come"),
        (["--source", "SERVER", "--set", "2020-01-01T00:00:00Z", "--type", "Claim"], "this level and these types"),
        (["--source", "SERVER", "--set", "2020-01-01T00:00:00Z", "--patient"], "this level and these types"),
        (["--source", "SERVER", "--clear", "--patient"], "--clear is for all of them"),
    ],
    ids=["unknown source", "future", "types", "level", "clear of a level"],
)
def test_a_watermark_is_set_only_for_what_was_asked_for(export, server: BulkServer, options, says: str) -> None:
    assert export("start").exit_code == 0
    done = export("watermark", *[server.base if o == "SERVER" else o for o in options])
    assert (done.exit_code, says in done.stderr) == (2, True), done.stderr


def test_a_source_may_be_typed_with_a_slash(export, server: BulkServer, tmp_path: Path) -> None:
    assert export("start", "--type", "Patient").exit_code == 0
    set_to = ("--set", "2020-01-01T00:00:00Z", "--type", "Patient")
    assert "2020-01-01T00:00:00Z" in export("watermark", "--source", f"{server.base}/", *set_to).stdout
    (mark,) = LocalLake(tmp_path / "lake").read_ledger().watermarks
    assert (mark.source, mark.level, mark.types) == (server.base, "system", ("Patient",))
