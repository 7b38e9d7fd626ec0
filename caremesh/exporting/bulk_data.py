"""Follows an export of a SMART Bulk Data server: asks, waits, downloads aside, and renames the folder when it is whole.

<landing>/.incoming-<export>/    on its way: invisible to landing, and found again by whoever goes on
<landing>/<export>/              whole, with its manifest
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import orjson

from caremesh.errors import ExportError
from caremesh.exporting.work import ExportWork
from caremesh.lake.files import move_folder, remove_folder, sync, write_text
from caremesh.sources.bulk_data import (
    ERROR_FOLDER,
    Finished,
    InProgress,
    JobGone,
    ask_status,
    cancel,
    kick_off,
)
from caremesh.sources.download import FetchedFile, download
from caremesh.sources.export_jobs import ExportJob
from caremesh.sources.export_manifest import MANIFEST_FILE, ExportFile, ExportManifest, parse_manifest, write_manifest
from caremesh.sources.line_limits import lines_within
from caremesh.sources.ndjson import INCOMING, reason_to_ignore
from caremesh.sources.web import Authority

_JOB_FILE = ".job"
_GROWTH = 1.5
_SHORTEST_PAUSE = 1.0
_PROBLEMS = ("error", "fatal")


def submit(work: ExportWork, job: ExportJob) -> ExportJob:
    """Ask the server for the export of a job, and put down what is needed to go on."""
    took = kick_off(work.web, job.source, job.scope, authority=work.authority(job.source))
    return work.record(
        replace(job, state="running", job=took.status_url, status_url=took.status_url, submitted_at=took.submitted_at)
    )


def follow(work: ExportWork, job: ExportJob) -> ExportJob:
    """Wait for a job, fetch what it lists, and put the export into place; give the job as it ended.

    Raises ExportError where the server reports problems, or something could not be fetched.
    """
    if _is_in_place(job):
        return _settled(work, job)
    try:
        if found := _finish_move(work, job):
            return found
        if job.status_url is None:
            work.watcher.note("it is not known whether the server took it: asking for it anew")
            job = submit(work, job)
        authority = work.authority(job.source)
        finished = _wait(work, job, authority)
        with _held(_incoming(job), str(job.job)) as folder:
            if _is_in_place(job):
                # Another process was faster, while this one waited for the server.
                remove_folder(folder)
                return _settled(work, job)
            fetched = _fetch(work, job, finished, folder, authority)
            return _finish(work, job, finished, fetched, folder)
    except JobGone as gone:
        raise work.fail(job, gone) from None
    except OSError as error:
        raise _unwritable(job, error) from None


def call_off(work: ExportWork, job: ExportJob) -> None:
    """Tell the server that nobody waits any more, and remove what was fetched so far."""
    if job.status_url:
        cancel(work.web, job.status_url, authority=work.authority(job.source))
    drop_incoming(job)


def drop_incoming(job: ExportJob) -> None:
    """Remove what was fetched of an export that will not become whole."""
    try:
        remove_folder(_incoming(job))
    except OSError as error:
        raise _unwritable(job, error) from None


def _wait(work: ExportWork, job: ExportJob, authority: Authority) -> Finished:
    """Ask until the server is done: as often as it says, else ever less often."""
    settings, began = work.settings.export, work.clock.now()
    pause = settings.poll_seconds
    work.watcher.begin("export", total=0, unit="")
    while True:
        status = ask_status(work.web, str(job.status_url), authority=authority)
        if isinstance(status, Finished):
            work.watcher.end(f"{job.name}: the server lists {len(status.files):,} file(s)")
            return status
        if (work.clock.now() - began).total_seconds() > settings.follow_seconds:
            raise ExportError(
                "the server is still at work", where=job.name, hint="caremesh export follow goes on waiting"
            )
        # A server that asks for no pause at all is still given one.
        asked = None if status.wait is None else max(status.wait, min(settings.poll_seconds, _SHORTEST_PAUSE))
        work.web.wait(asked, otherwise=pause, why=status.said or "the server is at work")
        pause = min(pause * _GROWTH, settings.poll_longest_seconds)


def _fetch(
    work: ExportWork, job: ExportJob, finished: Finished, folder: Path, authority: Authority
) -> tuple[FetchedFile, ...]:
    size = 0

    def tell(file: FetchedFile) -> None:
        nonlocal size
        size += file.bytes
        work.show(1, f"{size / 1e6:,.1f} MB")

    def read_again() -> Finished:
        status = ask_status(work.web, str(job.status_url), authority=authority)
        if isinstance(status, InProgress):
            raise ExportError("the server makes the export anew", where=job.name, hint="caremesh export follow waits")
        return status

    work.watcher.begin("download", total=len(finished.files), unit="files")
    fetched = download(work.web, finished, folder, authority=authority, read_again=read_again, on_file=tell)
    work.watcher.end(f"{len(fetched):,} file(s), {size / 1e6:,.1f} MB")
    return fetched


def _finish(
    work: ExportWork, job: ExportJob, finished: Finished, fetched: Sequence[FetchedFile], folder: Path
) -> ExportJob:
    """Put a fetched export into place, if the server did not report problems with it."""
    problems, remarks = _count_issues(folder / ERROR_FOLDER)
    if problems:
        error = ExportError(
            f"the server reports {problems:,} problem(s), so that the export is not whole",
            where=str(folder / ERROR_FOLDER),
            hint="start it again; or, to land what came all the same: give the folder a name without a dot",
        )
        raise work.fail(job, error)
    if remarks:
        work.watcher.note(f"the server remarks on {remarks:,} thing(s): {_target(job) / ERROR_FOLDER}")
    data = {f.name for f in finished.files if f.kind != "error"}
    files = tuple(ExportFile(name=f.name, bytes=f.bytes) for f in fetched if f.name in data and _is_landed(f.name))
    done = replace(job, state="whole", files=len(files), bytes=sum(f.bytes for f in files), message=None)
    if not files:
        remove_folder(folder)
        if job.scope.since is None:
            raise work.fail(job, ExportError("the server gave nothing at all", where=job.name, hint=_NOTHING))
        work.watcher.note("nothing changed on the server since then: there is nothing to land")
        return work.record(done)
    _settle(folder, {_JOB_FILE, *(f.name for f in fetched)})
    write_text(folder / MANIFEST_FILE, write_manifest(make_manifest(job, files)))
    return _move(work, job, folder, done)


def _finish_move(work: ExportWork, job: ExportJob) -> ExportJob | None:
    """Put into place what an earlier process fetched whole and did not come to rename; None where there is no such.

    Its server may have forgotten it meanwhile.
    """
    path = _incoming(job) / MANIFEST_FILE
    if job.job is None or not path.is_file():
        return None
    with _held(_incoming(job), job.job) as folder:
        if _is_in_place(job):
            remove_folder(folder)
            return _settled(work, job)
        if not path.is_file():
            return None
        manifest = parse_manifest(path.read_bytes(), where=str(path))
        files = manifest.files or ()
        sizes = {f.name: p.stat().st_size for f in files if (p := folder / f.name).is_file()}
        if manifest.job != job.job or sizes != {f.name: f.bytes for f in files}:
            return None
        done = replace(job, state="whole", files=len(files), bytes=sum(sizes.values()), message=None)
        return _move(work, job, folder, done)


def _move(work: ExportWork, job: ExportJob, folder: Path, done: ExportJob) -> ExportJob:
    move_folder(folder, _target(job))
    # Not before: a process that is killed until then leaves what the next one knows again.
    (_target(job) / _JOB_FILE).unlink(missing_ok=True)
    return work.record(replace(done, export=job.name))


def _settled(work: ExportWork, job: ExportJob) -> ExportJob:
    """Put down what stands in place already."""
    path = _target(job) / MANIFEST_FILE
    files = parse_manifest(path.read_bytes(), where=str(path)).files or ()
    stated = replace(job, state="whole", export=job.name, message=None)
    return work.record(replace(stated, files=len(files), bytes=sum(f.bytes for f in files)))


def make_manifest(job: ExportJob, files: Sequence[ExportFile]) -> ExportManifest:
    """The manifest of a job's export with these files."""
    return ExportManifest(
        source=job.source,
        job=str(job.job),
        submitted_at=str(job.submitted_at),
        level=job.scope.level,
        since=job.scope.since,
        until=job.scope.until,
        types=job.scope.types,
        files=tuple(files),
    )


@contextmanager
def _held(folder: Path, job: str) -> Iterator[Path]:
    """The folder of this job and of no other, for one process; files of an earlier job of that name go."""
    descriptor: int | None = _lock(folder)
    try:
        mark = folder / _JOB_FILE
        if not mark.is_file() or mark.read_text(encoding="utf-8") != job:
            for entry in folder.iterdir():
                remove_folder(entry) if entry.is_dir() else entry.unlink()
            write_text(mark, job)
        yield folder
    except KeyboardInterrupt:
        # Who presses it twice does not wait for threads that write: they and the lock end with the process.
        descriptor = None
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int:
    """A descriptor that locks a folder as it is called now; raise ExportError where another process has one."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another process may have renamed it between the two.
            if folder.is_dir() and os.path.samestat(os.fstat(descriptor), folder.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise ExportError(
                "another process fetches this export", where=str(folder), hint="wait for it to end"
            ) from None
        os.close(descriptor)


def _settle(folder: Path, names: set[str]) -> None:
    """Remove what does not belong to the export, and bring the rest of the folder to disk."""
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        if path.relative_to(folder).as_posix() not in names:
            path.unlink()
    for below in [p for p in folder.rglob("*") if p.is_dir()]:
        sync(below)


def _count_issues(folder: Path) -> tuple[int, int]:
    """How many problems, and how many mere remarks, the server's messages state; what is no message is a problem."""
    problems = remarks = 0
    for path in sorted(folder.glob("*.ndjson")):
        with path.open("rb") as lines:
            for line in (text for text in lines_within(lines, where=str(path)) if not text.isspace()):
                severities = _severities(line)
                bad = sum(s in _PROBLEMS for s in severities)
                problems, remarks = problems + bad, remarks + len(severities) - bad
    return problems, remarks


def _severities(line: bytes) -> list[str]:
    try:
        return [str(issue["severity"]) for issue in orjson.loads(line)["issue"]]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return ["error"]


def _is_in_place(job: ExportJob) -> bool:
    """Whether the folder was renamed, and only the ledger does not know yet."""
    path = _target(job) / MANIFEST_FILE
    if not path.is_file():
        return False
    return parse_manifest(path.read_bytes(), where=str(path)).job == job.job


def _unwritable(job: ExportJob, error: OSError) -> ExportError:
    return ExportError(
        f"cannot be written: {error.strerror}",
        where=str(_incoming(job)),
        hint="make room, or grant write access; caremesh export follow fetches what is missing",
    )


def _is_landed(name: str) -> bool:
    return reason_to_ignore(PurePosixPath(name)) is None


def _target(job: ExportJob) -> Path:
    return Path(job.place) / job.name


def _incoming(job: ExportJob) -> Path:
    return Path(job.place) / f"{INCOMING}{job.name}"


_NOTHING = "check what the client may read on the server; an empty export would remove everything from the lake"
