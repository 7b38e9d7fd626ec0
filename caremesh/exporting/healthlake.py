"""Follows an export of HealthLake, which writes to S3 itself; once it is whole, its manifest is put beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from caremesh.aws.objects import Conflict, Objects
from caremesh.errors import ExportError
from caremesh.exporting.bulk_data import make_manifest
from caremesh.exporting.work import ExportWork
from caremesh.sources.bulk_data import JobGone
from caremesh.sources.export_jobs import ExportJob
from caremesh.sources.export_manifest import MANIFEST_FILE, parse_manifest, write_manifest
from caremesh.sources.healthlake import WORKING, ServerJob
from caremesh.sources.ndjson import reason_to_ignore

_GROWTH = 1.5


def wait_in_line(work: ExportWork, datastore: str, *, may_wait: bool) -> None:
    """Make sure that HealthLake takes another job: wait for room, or raise ExportError where that is not wanted."""
    settings, began = work.settings.export, work.clock.now()
    pause, most = settings.poll_seconds, settings.running_jobs + settings.waiting_jobs
    while len(line := work.healthlake.line(datastore)) >= most:
        if not may_wait or (work.clock.now() - began).total_seconds() > settings.follow_seconds:
            raise ExportError(
                f"{len(line)} jobs of this data store run or wait, and it takes {most}",
                where=datastore,
                hint="wait in line with --follow; or start it later",
            )
        work.web.wait(None, otherwise=pause, why=f"{len(line)} jobs before this one")
        pause = min(pause * _GROWTH, settings.poll_longest_seconds)
    if line:
        work.watcher.note(f"{len(line)} job(s) of this data store run or wait before it")


def submit(work: ExportWork, job: ExportJob) -> ExportJob:
    """Start a job, and put down what HealthLake calls it."""
    return record_start(work, job, work.healthlake.start(job))


def record_start(work: ExportWork, job: ExportJob, name: str) -> ExportJob:
    """Put down what HealthLake calls a job that it started."""
    return work.record(replace(job, state="running", job=name, export=f"{job.datastore}-FHIR_EXPORT-{name}"))


def follow(work: ExportWork, job: ExportJob) -> ExportJob:
    """Wait for a job, and put its manifest beside what it wrote; give the job as it ended.

    Raises ExportError for every end but COMPLETED.
    """
    if job.job is None:
        work.watcher.note("it is not known whether HealthLake took it: asking")
        found = work.healthlake.find_started(job)
        job = record_start(work, job, found) if found else submit(work, job)
    try:
        ended = _wait(work, job)
    except JobGone as gone:
        raise work.fail(job, gone) from None
    job = replace(job, submitted_at=ended.submitted_at)
    if ended.state == "CANCEL_COMPLETED":
        return work.record(replace(job, state="cancelled"))
    if ended.state != "COMPLETED":
        raise work.fail(job, _unsuccessful(job, ended))
    return _finish(work, job)


def _wait(work: ExportWork, job: ExportJob) -> ServerJob:
    """Ask until the job has ended, ever less often; the SDK's own waiter gives up after ten minutes."""
    settings, began = work.settings.export, work.clock.now()
    pause = settings.poll_seconds
    work.watcher.begin("export", total=0, unit="")
    while (stated := work.healthlake.describe(str(job.datastore), str(job.job))).state in WORKING:
        if (work.clock.now() - began).total_seconds() > settings.follow_seconds:
            raise ExportError(
                f"the job is still {stated.state}", where=job.name, hint="caremesh export follow goes on waiting"
            )
        work.web.wait(None, otherwise=pause, why=stated.state)
        pause = min(pause * _GROWTH, settings.poll_longest_seconds)
    work.watcher.end(f"{job.name}: {stated.state}")
    return stated


def _unsuccessful(job: ExportJob, ended: ServerJob) -> ExportError:
    """The error for a job that ended badly. HealthLake's message is not shown: it may name resources."""
    hint = "start it again; what it wrote is not landed while the job is listed"
    if ended.state == "COMPLETED_WITH_ERRORS":
        hint += "; or, to land it all the same: caremesh export forget"
    return ExportError(f"the job ended as {ended.state}", where=f"{job.name}, {job.job}", hint=hint)


def _finish(work: ExportWork, job: ExportJob) -> ExportJob:
    """List what was written, and put the manifest beside it; nobody lands the prefix before the ledger says so."""
    place = work.healthlake.export_place(job)
    written = [f for f in work.healthlake.written(job) if reason_to_ignore(PurePosixPath(f.name)) is None]
    done = replace(job, state="whole", files=len(written), bytes=sum(f.bytes for f in written), message=None)
    if not written:
        if job.scope.since is None:
            error = ExportError(
                "the job is COMPLETED and wrote nothing", where=str(place), hint="check --output and the data store"
            )
            raise work.fail(job, error)
        # It moves no watermark either, so that a prefix of another name would lose nothing.
        work.watcher.note(f"nothing stands at {place}: there is nothing to land")
        return work.record(done)
    text = write_manifest(make_manifest(job, written))
    objects = Objects(work.aws, place)
    try:
        objects.create(MANIFEST_FILE, text.encode())
    except Conflict:
        found = objects.read(MANIFEST_FILE)
        if found is None or parse_manifest(found[0], where=str(place / MANIFEST_FILE)).job != job.job:
            raise ExportError(
                "another manifest stands there",
                where=str(place / MANIFEST_FILE),
                hint="see who wrote it, and remove it",
            ) from None
    return work.record(done)
