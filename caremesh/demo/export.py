"""Writes a base export and the increments after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path

from caremesh.demo.chart import Chart
from caremesh.demo.damage import damage_files
from caremesh.demo.folder import ExportFolder, appear_at_once
from caremesh.demo.history import write_history
from caremesh.demo.network import build_network, write_network
from caremesh.demo.patients import draw_patient
from caremesh.demo.plan import ExportPlan, export_name, file_digits, new_patients, window
from caremesh.errors import UsageError

Progress = Callable[[int, int], None]

_PROGRESS_EVERY = 50


def write_export(plan: ExportPlan, out: Path, *, on_progress: Progress | None = None) -> Path:
    """Write the base export of a plan under `out` and give back its folder; it appears only when it is whole."""
    return _write(plan, out, 0, on_progress)


def write_increment(plan: ExportPlan, out: Path, *, sequence: int = 1, on_progress: Progress | None = None) -> Path:
    """Write increment number `sequence`: what was recorded or changed in the 30 days after the export before it.

    Increments do not need the base export on disk; all exports of a plan tell one story.
    """
    if sequence < 1:
        raise UsageError(f"there is no increment number {sequence}", hint="1 is the first increment after the base")
    return _write(plan, out, sequence, on_progress)


def _write(plan: ExportPlan, out: Path, sequence: int, on_progress: Progress | None) -> Path:
    folder = out / export_name(plan, sequence=sequence)
    with appear_at_once(folder) as root:
        export = ExportFolder(root, file_digits(plan), plan.resources_per_file)
        try:
            chart = Chart(export.add, window(plan, sequence=sequence))
            write_resources(plan, sequence, chart, on_progress=on_progress)
        finally:
            export.close()
        damage_files(plan, root)
    return folder


def write_resources(plan: ExportPlan, sequence: int, chart: Chart, *, on_progress: Progress | None = None) -> None:
    """Add all resources of export number `sequence` to a chart: the network, then patient after patient."""
    network = build_network(plan)
    write_network(plan, network, chart)
    newcomers = [new_patients(plan, sequence=number) for number in range(1, sequence + 1)]
    total = plan.patients + sum(len(group) for group in newcomers)
    everybody: Iterable[int] = chain(range(plan.patients), *newcomers)
    for done, index in enumerate(everybody, start=1):
        write_history(draw_patient(plan, network, index), network, chart)
        if on_progress and (done % _PROGRESS_EVERY == 0 or done == total):
            on_progress(done, total)
