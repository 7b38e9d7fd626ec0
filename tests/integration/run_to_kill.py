"""A run in a process of its own, which has all imports behind it when it starts: so it can be killed many times.

Processes are forked from a server that imported `tests.integration.preloaded` and did nothing else.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from caremesh.pipeline import STAGES, Stage, run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.dying import Death, die_in, list_steps

UNTIL_CHECKED, UNTIL_PUBLISHED = STAGES[:3], STAGES[:4]


def start(
    project: Path,
    landing: Path,
    lake: Path,
    stages: Sequence[Stage] = UNTIL_PUBLISHED,
    *,
    death: Death | None = None,
    steps: Path | None = None,
) -> ForkServerProcess:
    """Start a run in a new process; it dies where `death` says, and writes what its steps are to the file `steps`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.preloaded"])
    process = context.Process(target=_run, args=(project, landing, lake, tuple(stages), death, steps))
    process.start()
    return process


def _run(
    project: Path, landing: Path, lake: Path, stages: Sequence[Stage], death: Death | None, steps: Path | None
) -> None:
    settings = settings_for(lake, landing, project=project)
    with pytest.MonkeyPatch.context() as patch:
        if death:
            die_in(death, patch)
        names = list_steps(patch) if steps else []
        run(settings, watcher=SilentWatcher(), command="test", stages=stages)
    if steps:
        steps.write_text("\n".join(names), encoding="utf-8")
