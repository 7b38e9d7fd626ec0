"""What an export should hold, what its folder is called, and which stretch of time it covers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from caremesh.demo.clock import DAY, day_number
from caremesh.errors import UsageError

INCREMENT_DAYS = 30
_HEX_ID = 32
_SEQUENCE_DIGITS = 4


@dataclass(frozen=True)
class ExportPlan:
    """How much synthetic data to write; equal plans give equal bytes.

    The base export shows the world at the first minute (UTC) of `as_of`. `damaged_lines` lines are broken on
    purpose (see `damage`).
    """

    patients: int = 200
    seed: int = 7
    as_of: date = date(2026, 1, 1)
    resources_per_file: int = 5000
    damaged_lines: int = 0

    def __post_init__(self) -> None:
        """Refuse plans that cannot be carried out."""
        if self.patients < 1 or self.resources_per_file < 1 or self.damaged_lines < 0:
            raise UsageError(
                f"cannot generate {self.patients} patients, {self.resources_per_file} resources per file and "
                f"{self.damaged_lines} damaged lines",
                hint="at least one patient and one resource per file, and no negative number",
            )
        if not 2011 <= self.as_of.year <= 2090:
            raise UsageError(f"as_of is {self.as_of}", hint="a date in the years 2011 to 2090")


@dataclass(frozen=True)
class Window:
    """The changes that one export carries: later than `since`, up to `until`; both in seconds of UTC.

    `base` is the moment of the plan's first export. Versions are counted from it, as HealthLake counts from its import.
    """

    base: int
    since: int
    until: int


def window(plan: ExportPlan, *, sequence: int = 0) -> Window:
    """Tell which changes export number `sequence` carries: 0 is everything up to `as_of`, then 30 days each."""
    base = day_number(plan.as_of) * DAY
    until = base + sequence * INCREMENT_DAYS * DAY
    return Window(base=base, since=until - INCREMENT_DAYS * DAY if sequence else -(1 << 62), until=until)


def new_patients(plan: ExportPlan, *, sequence: int) -> range:
    """Numbers of the patients who are registered within increment `sequence`: one in a hundred, at least two."""
    count = max(2, plan.patients // 100)
    return range(plan.patients + (sequence - 1) * count, plan.patients + sequence * count)


def export_name(plan: ExportPlan, *, sequence: int = 0) -> str:
    """Name the folder of an export as HealthLake does; names of one plan sort in sequence order."""
    if not 0 <= sequence < 16**_SEQUENCE_DIGITS:
        raise UsageError(f"there is no export number {sequence}", hint="0 is the base export, 1 the first increment")
    store = _digest("data store", plan.patients, plan.seed, plan.as_of)
    job = _digest("export job", plan)
    return f"{store}-FHIR_EXPORT-{sequence:0{_SEQUENCE_DIGITS}x}{job[_SEQUENCE_DIGITS:]}"


def file_digits(plan: ExportPlan) -> str:
    """The 19 digits that HealthLake puts into the name of every file of an export."""
    return f"{int(_digest('files', plan)[:15], 16):019d}"


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:_HEX_ID]
