"""A run of stages on the command line: how far it is, what it did with each product, and all that went wrong."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import typer

from caremesh.cli.environment import open_present_lake
from caremesh.cli.interrupts import was_interrupted
from caremesh.cli.output import own_name, print_line, stderr, stdout, tell_error
from caremesh.errors import EXIT_INTERRUPTED, EXIT_QUARANTINED, CareMeshError, QualityError, worst_exit_code

if TYPE_CHECKING:
    from caremesh.pipeline import Stage
    from caremesh.run_report import RunReport
    from caremesh.settings import Settings


def run_stages(
    settings: Settings,
    command: str,
    *,
    stages: tuple[Stage, ...] | None = None,
    domain: str | None = None,
    quiet: bool,
) -> RunReport:
    """Run stages, show how far they are, and print a line for each product, also where a stage failed."""
    from caremesh import pipeline
    from caremesh.console import RunWatcher, run_table

    watcher = RunWatcher(stderr(), clock=time.monotonic, quiet=quiet)
    try:
        report = pipeline.attempt(
            settings,
            watcher=watcher,
            command=f"caremesh {command}",
            stages=stages or pipeline.STAGES,
            domain=domain,
            was_interrupted=was_interrupted,
        )
    finally:
        watcher.close()
    if report.products:
        console = stdout()
        console.print(run_table(report, watcher.seconds, width=console.width))
    return report


def finish(report: RunReport, settings: Settings, *, with_examples: bool = False) -> None:
    """Say what remains to be said, tell all that went wrong, and leave with the exit code of the worst."""
    from caremesh.console import next_steps

    _say_remarks(report, settings.lake)
    codes = [EXIT_QUARANTINED] if report.quarantined or report.passed_over else []
    if report.failed:
        codes.append(tell_error(_failed_checks(report, settings)))
    for error in report.errors:
        # What an interruption means is said at the very end, for every command.
        is_interrupt = isinstance(error, KeyboardInterrupt)
        codes.append(EXIT_INTERRUPTED if is_interrupt else tell_error(error))
    if with_examples and not report.errors and isinstance(settings.lake, Path):
        print_line("\nNow try:")
        for line in next_steps(settings.lake, caremesh=own_name()):
            print_line(f"  {line}")
    if code := worst_exit_code(codes):
        raise typer.Exit(code)


def _say_remarks(report: RunReport, lake: object) -> None:
    """What a run found that is no error, and what can be done about it."""
    if report.curated and report.curated.skipped:
        print_line(f"not curated, as these have no release yet: {', '.join(report.curated.skipped)}")
    for file in report.passed_over:
        print_line(f"not taken in: {file.path}: {file.reason}")
    if report.quarantined:
        print_line(
            f"{report.quarantined} line(s) quarantined; see: {own_name()} quarantine list --lake {quote(str(lake))}"
        )
        print_line("correct them (quarantine dump, quarantine replay), or give them up (quarantine discard)")
    if any(p.manifest.claimed for p in report.products):
        print_line(
            "ids come from more than one source, and the first one keeps them: caremesh.toml, [sources], says which"
        )
    for manifest in (p.manifest for p in report.products):
        if manifest.completeness and manifest.completeness.rows:
            state = "are held back" if manifest.held else "are listed"
            print_line(
                f"{manifest.product}: {manifest.completeness.rows:,} row(s) name resources that have not arrived, and "
                f"{state}; see: {own_name()} incomplete {manifest.product} --lake {quote(str(lake))}"
            )
    if report.is_unchanged:
        print_line("nothing changed: every product is at the release that these exports give")


def _failed_checks(report: RunReport, settings: Settings) -> QualityError:
    """The error for all products whose candidates broke critical checks."""
    from caremesh.console import failing_checks

    first, place = report.failed[0], None
    # Where the lake cannot be reached any more, that is told beside this.
    with suppress(CareMeshError):
        place = open_present_lake(settings).report_place(first.product, first.manifest)
    return QualityError(
        "; ".join(f"{p.product.id}: {', '.join(failing_checks(p.manifest))}" for p in report.failed),
        where=place,
        hint="the current releases keep serving; correct the data or the contract, then run again",
    )
