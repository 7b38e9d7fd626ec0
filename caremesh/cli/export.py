"""The commands on export jobs of FHIR servers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from caremesh.cli.environment import make_settings
from caremesh.cli.mesh import DEFAULT_LAKE, LakeOption, Landing, Quiet, TargetOption
from caremesh.cli.output import own_name, print_line, stderr, stdout
from caremesh.errors import UsageError

if TYPE_CHECKING:
    from caremesh.exporting.jobs import HealthLakeSource, ServerSource
    from caremesh.exporting.work import ExportWork
    from caremesh.sources.export_jobs import ExportJob

app = typer.Typer(
    help="Ask HealthLake, or any SMART Bulk Data server, for exports, and follow them until they can be landed.",
    no_args_is_help=True,
)

JobName = Annotated[str, typer.Argument(metavar="JOB", help="Its name, or what its server calls it.")]
Server = Annotated[str | None, typer.Option(metavar="URL", help="FHIR server with Bulk Data, https://host/fhir.")]


@app.command()
def start(
    server: Server = None,
    datastore: Annotated[str | None, typer.Option(metavar="ID", help="HealthLake: the data store.")] = None,
    output: Annotated[str | None, typer.Option(help="HealthLake: s3://bucket/prefix, a landing zone.")] = None,
    kms_key: Annotated[str | None, typer.Option(help="HealthLake: key that its objects are encrypted with.")] = None,
    role: Annotated[str | None, typer.Option(metavar="ARN", help="HealthLake: role in which it writes.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what changed since; `watermark`: since the last export.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only what changed until then.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="Only this type; may be given again.")] = None,
    patient: Annotated[bool, typer.Option("--patient", help="Only what belongs to patients.")] = False,
    group: Annotated[str | None, typer.Option(metavar="ID", help="Only what belongs to a group's patients.")] = None,
    group_unchanged: Annotated[
        bool, typer.Option("--group-unchanged", help="Nobody joined the group since: `--since watermark` is whole.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="What the export is called; else made up.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Wait until it is whole.")] = False,
    landing: Landing = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    quiet: Quiet = False,
) -> None:
    """Ask for an export. It goes on by itself; `follow` brings it to the landing zone."""
    from caremesh.exporting import jobs
    from caremesh.sources.export_jobs import make_scope

    from_watermark = since == jobs.WATERMARK
    scope = make_scope(
        patient=patient,
        group=group,
        since=None if from_watermark else since,
        until=until,
        types=tuple(types or ()),
    )
    source = _source(server, datastore=datastore, output=output, kms_key=kms_key, role=role)
    with _working(lake, target, "export start", landing=landing, quiet=quiet) as work:
        job = jobs.start(
            work,
            source,
            scope,
            from_watermark=from_watermark,
            name=name,
            may_wait=follow,
            is_group_unchanged=group_unchanged,
        )
        if follow:
            work.watcher.note(f"{job.name}: if this is interrupted, {own_name()} export follow goes on with it")
            (job,) = jobs.follow(work, job.name)
    _say_ended(job, lake) if follow else _say_started(job, lake)


@app.command()
def follow(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Else all that are not at an end.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    quiet: Quiet = False,
) -> None:
    """Wait for export jobs, and bring what they give to the landing zone. Exit 21 where one did not end well."""
    from caremesh.exporting import jobs

    with _working(lake, target, "export follow", quiet=quiet) as work:
        ended = jobs.follow(work, job)
    for each in ended:
        _say_ended(each, lake)
    if not ended:
        print_line("no export job is at work")


@app.command()
def resume(
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Else all that are not at an end.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
    quiet: Quiet = False,
) -> None:
    """Go on with jobs whose process was stopped or killed; the same as follow."""
    follow(job, lake=lake, target=target, quiet=quiet)


@app.command("list")
def list_jobs(
    datastore: Annotated[
        str | None, typer.Option(metavar="ID", help="Ask HealthLake for all jobs of this data store instead.")
    ] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
) -> None:
    """List the export jobs that the ledger knows."""
    from caremesh.console import jobs_table, server_jobs_table
    from caremesh.exporting import jobs

    with _working(lake, target, "export list", quiet=True) as work:
        if datastore:
            table = server_jobs_table(jobs.jobs_at_healthlake(work, datastore))
        else:
            work.lake.require()
            table = jobs_table(work.lake.read_ledger().jobs)
    stdout().print(table)


@app.command()
def cancel(job: JobName, lake: LakeOption = DEFAULT_LAKE, target: TargetOption = None) -> None:
    """Call an export job off at its server."""
    from caremesh.exporting import jobs

    with _working(lake, target, "export cancel", quiet=True) as work:
        ended = jobs.cancel(work, job)
    print_line(f"{ended.name} is {ended.state}")


@app.command()
def forget(job: JobName, lake: LakeOption = DEFAULT_LAKE, target: TargetOption = None) -> None:
    """Drop a job from the ledger; what HealthLake wrote for it is then landed, as one of which nothing is known."""
    from caremesh.exporting import jobs

    with _working(lake, target, "export forget", quiet=True) as work:
        dropped = jobs.forget_job(work, job)
    print_line(f"{dropped.name} is dropped; it was {dropped.state}")


@app.command()
def watermark(
    source: Annotated[str | None, typer.Option(metavar="URL", help="The source, as `list` shows it.")] = None,
    set_to: Annotated[
        str | None, typer.Option("--set", metavar="TIME", help="Everything until then is landed.")
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Nothing is known of the source: the next export is a full one.")
    ] = False,
    types: Annotated[list[str] | None, typer.Option("--type", help="--set is for exports of this type.")] = None,
    patient: Annotated[bool, typer.Option("--patient", help="--set is for exports of patients.")] = False,
    group: Annotated[str | None, typer.Option(metavar="ID", help="--set is for exports of this group.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    target: TargetOption = None,
) -> None:
    """Show up to when everything is landed, for each source; or set that by hand."""
    from caremesh.console import watermarks_table
    from caremesh.exporting import jobs
    from caremesh.id_spaces import is_same_source
    from caremesh.lake.watermark import list_watermarks
    from caremesh.sources.export_jobs import make_scope, read_time

    if set_to and clear:
        raise UsageError("--set and --clear exclude each other", hint="leave one out")
    if (set_to or clear) and not source:
        raise UsageError("whose watermark it is, was not said", hint="--source URL, as caremesh export list shows it")
    if (types or patient or group) and not set_to:
        raise UsageError("level and types are said with --set only", hint="leave them out; --clear is for all of them")
    scope = make_scope(patient=patient, group=group, since=None, until=None, types=tuple(types or ()))
    at = None if set_to is None else read_time(set_to, "--set")
    with _working(lake, target, "export watermark", quiet=True) as work:
        work.lake.require()
        if source and (set_to or clear):
            jobs.set_watermark(work, source, scope, at)
        marks = list_watermarks(work.lake.read_ledger())
    stdout().print(watermarks_table(m for m in marks if source is None or is_same_source(source, m.source)))


@contextmanager
def _working(
    lake: str, target: TargetOption, command: str, *, landing: str | None = None, quiet: bool
) -> Iterator[ExportWork]:
    """A command at work: the only place that gives it the time."""
    from caremesh.aws import Aws
    from caremesh.console import RunWatcher
    from caremesh.exporting.work import ExportWork
    from caremesh.lake.opening import open_lake
    from caremesh.sources.web import Clock

    settings = make_settings(lake, landing=landing, target=target, needs_project=False)
    aws = Aws(settings.aws)
    watcher = RunWatcher(stderr(), clock=time.monotonic, quiet=quiet)
    clock = Clock(now=lambda: datetime.now(UTC), pause=time.sleep)
    try:
        yield ExportWork(settings, open_lake(settings, aws), aws, clock, watcher, command)
    finally:
        watcher.close()


def _source(
    server: str | None, *, datastore: str | None, output: str | None, kms_key: str | None, role: str | None
) -> HealthLakeSource | ServerSource:
    from caremesh.exporting.jobs import HealthLakeSource, ServerSource

    if server and datastore:
        raise UsageError("--server and --datastore exclude each other", hint="leave one out")
    if server:
        if output or kms_key or role:
            raise UsageError("--output, --kms-key and --role are for HealthLake", hint="--landing DIR")
        return ServerSource(server)
    if not datastore:
        raise UsageError("no source was given", hint="--server URL, or --datastore ID for HealthLake")
    if not (output and kms_key and role):
        raise UsageError("HealthLake wants to know more", hint="--output s3://… --kms-key … --role ARN")
    return HealthLakeSource(datastore, output, kms_key, role)


def _say_started(job: ExportJob, lake: str) -> None:
    print_line(f"{job.name} is {job.state}")
    print_line(f"to follow it: {own_name()} export follow {job.name} --lake {quote(lake)}")


def _say_ended(job: ExportJob, lake: str) -> None:
    if job.state != "whole" or not job.export:
        print_line(f"{job.name} is {job.state}")
        return
    print_line(f"{job.name} is whole: {job.files or 0:,} file(s), {(job.bytes or 0) / 1e6:,.1f} MB in {job.place}")
    print_line(f"to land it: {own_name()} run --landing {quote(job.place)} --lake {quote(lake)}")
