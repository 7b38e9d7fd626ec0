"""What a user does with export jobs: start, follow, call off, drop; and the watermarks of sources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from caremesh.errors import CareMeshError, ExportError, LakeError, UsageError
from caremesh.exporting import bulk_data, healthlake
from caremesh.exporting.work import ExportWork
from caremesh.id_spaces import is_same_source
from caremesh.lake.ledger import Ledger, SetWatermark
from caremesh.lake.watermark import find_watermark, list_watermarks, next_since
from caremesh.places import S3Place
from caremesh.sources.export_jobs import ExportJob, ExportScope, check_name
from caremesh.sources.healthlake import ServerJob, StartUnknownError, check_output

WATERMARK = "watermark"
"""What is typed as a time to go on where the last export ended."""


@dataclass(frozen=True)
class HealthLakeSource:
    """A data store, and where and with which key and role it writes its export."""

    datastore: str
    output: str
    kms_key: str
    role: str


@dataclass(frozen=True)
class ServerSource:
    """A SMART Bulk Data server."""

    address: str


def start(
    work: ExportWork,
    source: HealthLakeSource | ServerSource,
    scope: ExportScope,
    *,
    from_watermark: bool,
    name: str | None,
    may_wait: bool,
    is_group_unchanged: bool = False,
) -> ExportJob:
    """Ask for an export; give its job, which the ledger knows from before anything was asked.

    `from_watermark` lets it begin where the last fully landed export of the source ended; that of a group only if
    nobody joined it since (`is_group_unchanged`), as servers need not send what members had before they joined.
    Raises ExportError where the server takes no job; then the ledger knows none, either.
    """
    if from_watermark and scope.level.startswith("group/") and not is_group_unchanged:
        raise UsageError(
            "who joined the group later has older resources, which the server need not send",
            hint="leave --since out; or, if nobody joined: --group-unchanged",
        )
    if isinstance(source, HealthLakeSource):
        job = _healthlake_job(work, source, scope, name)
    else:
        job = _server_job(work, source, scope, name)
    _prepare_lake(work)
    ledger = work.lake.read_ledger()
    if from_watermark:
        job = replace(job, scope=_from_watermark(work, ledger, job))
    if isinstance(source, HealthLakeSource):
        healthlake.wait_in_line(work, source.datastore, may_wait=may_wait)
    work.change(lambda current: _with_new_job(current, job))
    try:
        return healthlake.submit(work, job) if job.kind == "healthlake" else bulk_data.submit(work, job)
    except CareMeshError as error:
        return _after_refusal(work, job, error)


def follow(work: ExportWork, name: str | None) -> tuple[ExportJob, ...]:
    """Follow one job, or all that are open, until each has ended; a job that fails keeps back no other.

    Raises the first error of them, and for a job that was named also where it did not become whole.
    """
    ledger = work.lake.read_ledger()
    jobs = [ledger.find_job(name)] if name else [j for j in ledger.jobs if j.is_open]
    ended, late = [], None
    for job in jobs:
        if not job.is_open:
            ended.append(job)
            continue
        try:
            ended.append(healthlake.follow(work, job) if job.kind == "healthlake" else bulk_data.follow(work, job))
        except CareMeshError as error:
            if len(jobs) > 1:
                work.watcher.note(f"{job.name}: {error.message}")
            late = late or error
    if late:
        raise late
    if name and (bad := [j for j in ended if j.state != "whole"]):
        raise ExportError(
            f"the job is {bad[0].state}{f': {bad[0].message}' if bad[0].message else ''}",
            where=bad[0].name,
            hint="start it again",
        )
    return tuple(ended)


def cancel(work: ExportWork, name: str) -> ExportJob:
    """Call a job off at its server, and put that down."""
    job = work.lake.read_ledger().find_job(name)
    if not job.is_open:
        raise ExportError(f"the job is {job.state} already", where=job.name, hint="caremesh export list shows all jobs")
    if job.kind == "bulk-data":
        bulk_data.call_off(work, job)
    else:
        found = job.job or work.healthlake.find_started(job)
        if found:
            work.healthlake.cancel(replace(job, job=found))
        job = replace(job, job=found)
    return work.record(replace(job, state="cancelled"))


def forget_job(work: ExportWork, name: str) -> ExportJob:
    """Drop a job that did not become whole from the ledger; what HealthLake wrote for it may be landed then."""
    job = work.lake.read_ledger().find_job(name)
    _refuse_open(job)
    if job.kind == "bulk-data":
        bulk_data.drop_incoming(job)

    def drop(ledger: Ledger) -> Ledger:
        current = next((j for j in ledger.jobs if j.name == job.name), job)
        _refuse_open(current)
        if current.state == "whole" != job.state:
            raise ExportError("the job became whole meanwhile", where=job.name, hint="land its export: caremesh land")
        return ledger.without_job(job.name)

    work.change(drop)
    return job


def _refuse_open(job: ExportJob) -> None:
    if job.kind == "healthlake" and job.is_open:
        raise ExportError(
            "HealthLake may still write for this job, and half of an export would be landed",
            where=job.name,
            hint="caremesh export follow, or cancel it; then drop it",
        )


def jobs_at_healthlake(work: ExportWork, datastore: str) -> tuple[ServerJob, ...]:
    """All jobs of a data store that HealthLake still knows, whoever started them."""
    return work.healthlake.jobs(datastore)


def set_watermark(work: ExportWork, source: str, scope: ExportScope, at: str | None) -> None:
    """Set the watermark of a source by hand, for one level and choice of types that was asked for before.

    None: nothing is known of the source, whatever the scope, and the next export is a full one. Raises UsageError for a
    source or scope that no export was ever of, and for a time that is still to come.
    """
    now = work.settings.now
    if at and datetime.fromisoformat(at) > datetime.fromisoformat(now):
        raise UsageError(f"{at} is still to come", hint=f"--set {now}, or before")

    def edit(ledger: Ledger) -> Ledger:
        marks = [m for m in list_watermarks(ledger) if is_same_source(m.source, source)]
        if not marks:
            raise UsageError("no export is of this source", where=source, hint="caremesh export list shows the sources")
        if at is None:
            return ledger.with_watermark(SetWatermark(marks[0].source, None, now))
        asked = [m for m in marks if m.level == scope.level and set(m.types or ()) == set(scope.types or ())]
        if not asked:
            raise UsageError(
                "no export of this source was of this level and these types",
                where=source,
                hint="--patient, --group ID, --type TYPE, as caremesh export watermark shows them",
            )
        return ledger.with_watermark(SetWatermark(asked[0].source, at, now, asked[0].level, asked[0].types))

    work.change(edit)


def _healthlake_job(work: ExportWork, source: HealthLakeSource, scope: ExportScope, name: str | None) -> ExportJob:
    place, settings = check_output(source.output), work.settings
    return ExportJob(
        name=check_name(name) if name else _default_name(work),
        kind="healthlake",
        source=work.healthlake.address(source.datastore),
        place=str(place),
        asked_at=settings.now,
        scope=scope,
        datastore=source.datastore,
        role=source.role,
        kms_key=source.kms_key,
        token=settings.run_id,
    )


def _server_job(work: ExportWork, source: ServerSource, scope: ExportScope, name: str | None) -> ExportJob:
    landing = work.settings.landing
    if landing is None or isinstance(landing, S3Place):
        raise UsageError("what a FHIR server gives is downloaded into a folder", hint="--landing DIR")
    parts = urlsplit(source.address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise UsageError("the server's address is none", hint="--server https://host/fhir, without a name or a token")
    named = check_name(name) if name else _default_name(work)
    try:
        landing.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot be made: {error.strerror}", where=str(landing), hint="--landing DIR") from None
    if (landing / named).exists():
        raise UsageError(f"{named!r} stands in the landing zone already", hint="--name ANOTHER")
    return ExportJob(
        name=named,
        kind="bulk-data",
        source=source.address.rstrip("/"),
        place=str(Path(landing).resolve()),
        asked_at=work.settings.now,
        scope=scope,
    )


def _default_name(work: ExportWork) -> str:
    """A name that no other export has, and that sorts by time."""
    time = "".join(c for c in work.settings.now if c.isalnum())
    return f"export-{time}-{work.settings.run_id[:6]}"


def _prepare_lake(work: ExportWork) -> None:
    """Make the lake that is to know of the job, if it is not there."""
    try:
        work.lake.require()
    except LakeError:
        with work.lake.hold(command=work.command, since=work.settings.now):
            work.lake.prepare()
            work.lake.tidy()


def _with_new_job(ledger: Ledger, job: ExportJob) -> Ledger:
    if any(j.name == job.name for j in ledger.jobs):
        raise UsageError(f"an export job is called {job.name!r} already", hint="--name ANOTHER")
    return ledger.with_job(job)


def _after_refusal(work: ExportWork, job: ExportJob, error: CareMeshError) -> ExportJob:
    """The job, where it was started and only the answer was lost; else raise the error, and drop the job if it is sure.

    A job that a SMART server started without our knowing costs it work, and changes nothing here.
    """
    if job.kind == "healthlake":
        found, is_sure = None, not isinstance(error, StartUnknownError)
        try:
            found = work.healthlake.find_started(job)
        except CareMeshError:
            is_sure = False
        if found:
            return healthlake.record_start(work, job, found)
        if not is_sure:
            error.hint = "caremesh export follow finds out whether it was started, and starts it if it was not"
            raise error
    work.change(lambda current: current.without_job(job.name))
    raise error


def _from_watermark(work: ExportWork, ledger: Ledger, job: ExportJob) -> ExportScope:
    """The job's scope, from the watermark on; from the beginning where nothing is known."""
    found = find_watermark(ledger, job.source, job.scope)
    since = next_since(found, overlap_seconds=work.settings.export.overlap_seconds)
    landed = {e.manifest.job for e in ledger.exports if e.manifest and is_same_source(e.source, job.source)}
    whole = [j for j in ledger.jobs if is_same_source(j.source, job.source) and j.state == "whole" and j.files]
    waiting = [j.name for j in whole if j.job not in landed]
    if waiting:
        work.watcher.note(f"not landed yet, so that the watermark is an older one: {', '.join(waiting)}")
    if since is None:
        work.watcher.note("no export of this source is fully landed yet: asking for everything")
    else:
        work.watcher.note(f"since {since}: the watermark {found.at}, less the overlap")
    return replace(job.scope, since=since)
