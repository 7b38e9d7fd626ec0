"""Export jobs: what was asked of a server, how far it is, and what another process needs to go on with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from caremesh.errors import UsageError
from caremesh.fhir.types import load_types

JobKind = Literal["healthlake", "bulk-data"]
JobState = Literal["asked", "running", "whole", "failed", "cancelled"]
"""`asked`: it is not known whether the server took it. `whole`: its export stands where exports are landed from."""

OPEN_STATES: tuple[JobState, ...] = ("asked", "running")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GROUP = re.compile(r"[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True)
class ExportScope:
    """What an export is asked to hold: its level (`system`, `patient`, `group/<id>`), times (ISO 8601, UTC), types."""

    level: str = "system"
    since: str | None = None
    until: str | None = None
    types: tuple[str, ...] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is everything that the server has."""
        return (self.level, self.since, self.until, self.types) == ("system", None, None, None)


@dataclass(frozen=True)
class ExportJob:
    """One export job. `source` is the server or data store, `job` the server's own name of it.

    `place` is the folder or prefix that the export is made in: a landing zone. `export` is its name there, once known.
    `token` makes a repeated start the same start. Times are ISO 8601 in UTC; `submitted_at` is by the server's clock.
    """

    name: str
    kind: JobKind
    source: str
    place: str
    asked_at: str
    scope: ExportScope = field(default_factory=ExportScope)
    state: JobState = "asked"
    job: str | None = None
    export: str | None = None
    submitted_at: str | None = None
    status_url: str | None = None
    datastore: str | None = None
    role: str | None = None
    kms_key: str | None = None
    token: str | None = None
    files: int | None = None
    bytes: int | None = None
    message: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still become whole."""
        return self.state in OPEN_STATES


def job_from_json(stated: Mapping[str, Any]) -> ExportJob:
    """Read a job back from a JSON document."""
    scope = stated["scope"]
    types = None if scope["types"] is None else tuple(scope["types"])
    return ExportJob(**{**stated, "scope": ExportScope(**{**scope, "types": types})})


def check_name(name: str) -> str:
    """An export's name, which is that of a folder, too; raise UsageError where it cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for an export", hint="letters, digits, dots, dashes; 64 at most")
    return name


def make_scope(
    *, patient: bool, group: str | None, since: str | None, until: str | None, types: tuple[str, ...]
) -> ExportScope:
    """The scope that somebody typed; raise UsageError where it cannot be one."""
    if patient and group:
        raise UsageError("--patient and --group exclude each other", hint="leave one out")
    if group is not None and not _GROUP.fullmatch(group):
        raise UsageError("the group is no FHIR id", hint="--group ID, letters, digits, dots and dashes")
    known = load_types().resources
    if unknown := [t for t in types if t not in known]:
        raise UsageError(f"{unknown[0]!r} is no FHIR R4 resource type", hint="--type Patient --type Observation")
    level = "patient" if patient else f"group/{group}" if group else "system"
    return ExportScope(
        level=level,
        since=None if since is None else read_time(since, "--since"),
        until=None if until is None else read_time(until, "--until"),
        types=tuple(dict.fromkeys(types)) or None,
    )


def read_time(text: str, option: str) -> str:
    """A time with its zone, in UTC; raise UsageError for anything else, as a server would guess the zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(f"{option} is {text!r}, which is no time with a zone", hint=f"{option} 2026-01-31T00:00:00Z")
    return show_time(moment)


def show_time(moment: datetime) -> str:
    """A moment in UTC as FHIR writes an instant; equal moments give equal text."""
    moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")
