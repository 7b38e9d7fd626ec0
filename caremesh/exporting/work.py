"""What every command on export jobs works with, and the one way in which it changes the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from caremesh.aws import Aws
from caremesh.errors import ExportError
from caremesh.lake.base import Lake
from caremesh.lake.ledger import Ledger
from caremesh.lake.ledger_changes import hold_and_change_ledger
from caremesh.settings import Settings
from caremesh.sources.backend_services import choose_authority
from caremesh.sources.export_jobs import ExportJob
from caremesh.sources.healthlake import HealthLake
from caremesh.sources.web import Authority, Clock, Web


class ExportWatcher(Protocol):
    """Somebody who is told how far an export is; the command line draws it."""

    def begin(self, stage: str, *, total: int, unit: str) -> None:
        """Something begins, with so many units of work (0 where that is not known)."""

    def advance(self, amount: int, label: str = "") -> None:
        """So many units are done; the label says what is at work now."""

    def note(self, text: str) -> None:
        """Something worth knowing happened."""

    def end(self, summary: str) -> None:
        """What began last is over."""


@dataclass(frozen=True)
class ExportWork:
    """One command at work on export jobs."""

    settings: Settings
    lake: Lake
    aws: Aws
    clock: Clock
    watcher: ExportWatcher
    command: str
    _drawing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _authorities: dict[str, Authority] = field(default_factory=dict, repr=False)

    @cached_property
    def web(self) -> Web:
        """The way to servers; whoever watches is told of pauses."""
        return Web(self.settings.export, self.clock, on_wait=lambda text: self.show(0, text))

    @cached_property
    def healthlake(self) -> HealthLake:
        """The way to HealthLake."""
        return HealthLake(self.aws, self.web)

    def authority(self, server: str) -> Authority:
        """What opens a server; one for the whole command, as no statement may be made twice."""
        if server not in self._authorities:
            self._authorities[server] = choose_authority(self.web, server, run_id=self.settings.run_id)
        return self._authorities[server]

    def show(self, amount: int, label: str) -> None:
        """Tell who watches; threads may call it."""
        with self._drawing:
            self.watcher.advance(amount, label)

    def change(self, change: Callable[[Ledger], Ledger]) -> Ledger:
        """Change the ledger, and wait while a run holds the lake."""
        return hold_and_change_ledger(
            self.lake,
            change,
            command=self.command,
            now=self.settings.now,
            pause=self.clock.pause,
            patience=self.settings.export.lake_seconds,
            on_wait=self.watcher.note,
        )

    def record(self, job: ExportJob) -> ExportJob:
        """Put down how far a job is, unless somebody ended or dropped it meanwhile; give it as it stands now."""

        def put(ledger: Ledger) -> Ledger:
            current = next((j for j in ledger.jobs if j.name == job.name), None)
            return ledger.with_job(job) if current and current.is_open else ledger

        changed = self.change(put)
        return next((j for j in changed.jobs if j.name == job.name), job)

    def fail(self, job: ExportJob, error: ExportError) -> ExportError:
        """Put down that a job failed, and give the error to be raised."""
        self.record(replace(job, state="failed", message=error.message))
        return error
