"""Every error a user can meet, and every exit code.

    CareMeshError
    ├── UsageError
    ├── ContractError
    │   └── ContractErrors
    ├── ViewError
    ├── QualityError
    ├── PublishError
    ├── LandingError
    ├── LakeError
    │   └── LakeLockedError
    ├── CurateError
    ├── RegisterError
    ├── QueryError
    ├── AwsError
    └── ExportError

A message says what was found, where, and what to do next. It never quotes row content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

_PLACE = re.compile(r"(?P<file>.*?):(?P<line>[0-9]+)(?=:|$)")
"""Where a contract's error is; a path follows the line."""

EXIT_INTERNAL = 1
EXIT_INTERRUPTED = 130
EXIT_QUARANTINED = 3

EXIT_CODES: Mapping[int, str] = {
    EXIT_INTERNAL: "an error of CareMesh itself, or output that could not be written",
    EXIT_INTERRUPTED: "interrupted (Ctrl-C); what is finished is kept",
    2: "the command line or the settings ask for something impossible",
    16: "another run holds the lake",
    15: "the lake is damaged, cannot be written, or is not a lake",
    20: "AWS refused a request, or did not answer",
    14: "an export, or a file of it, cannot be read",
    10: "a contract or a product folder is not valid",
    11: "a view is not valid, or the data gives a column more values than it may hold",
    12: "a candidate release broke a critical check of its contract",
    13: "a release could not be made current, or is not there to go back to",
    17: "dbt could not build or test the curated tables",
    18: "a catalog could not be written",
    19: "the SQL of `caremesh query` failed",
    21: "a FHIR server did not make an export, or it did not come whole",
    EXIT_QUARANTINED: "done, and lines or files were set aside",
    0: "done",
}
"""Every exit code and its meaning, the worst first. A run has one for all that happened in it: the worst."""


def worst_exit_code(codes: Iterable[int]) -> int:
    """The worst of these exit codes, by the order of EXIT_CODES; 0 where there are none."""
    order = list(EXIT_CODES)
    return min(codes, key=order.index, default=0)


class CareMeshError(Exception):
    """Base of everything that the command line reports without a traceback."""

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Keep what was found (`message`), its place (`where`: file:line or JSON path) and the next move (`hint`)."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.hint:
            parts.append(f"Try: {self.hint}")
        return "\n".join(parts)


class UsageError(CareMeshError):
    """The command line or the settings ask for something impossible."""

    exit_code = 2


class ContractError(CareMeshError):
    """A contract, domain file or product folder is not valid."""

    exit_code = 10


class ContractErrors(ContractError):
    """Several faults of contracts, reported together; `faults` are in the order of files and lines."""

    def __init__(self, faults: Sequence[ContractError]) -> None:
        """Keep the single faults."""
        super().__init__(f"{len(faults)} faults in the contracts")
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join([self.message, *(str(fault) for fault in self.faults)])


class ViewError(CareMeshError):
    """A ViewDefinition is not valid, or the data gives a column more values than it may hold."""

    exit_code = 11


class QualityError(CareMeshError):
    """A candidate release broke a critical check of its contract."""

    exit_code = 12


class PublishError(CareMeshError):
    """A release could not be made current, or is not there to go back to."""

    exit_code = 13


class LandingError(CareMeshError):
    """An export, or a file of it, cannot be read."""

    exit_code = 14


class LakeError(CareMeshError):
    """The lake folder is damaged, or is something else."""

    exit_code = 15


class LakeLockedError(LakeError):
    """Another run holds the lake."""

    exit_code = 16


class CurateError(CareMeshError):
    """Dbt could not build or test the curated tables; `summary` says how many of how many."""

    exit_code = 17

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, summary: str | None = None
    ) -> None:
        """Keep what was found, its place, the next move, and how much of the build failed."""
        super().__init__(message, where=where, hint=hint)
        self.summary = summary


class RegisterError(CareMeshError):
    """A catalog publisher failed."""

    exit_code = 18


class QueryError(CareMeshError):
    """The SQL given to `caremesh query` failed."""

    exit_code = 19


class AwsError(CareMeshError):
    """AWS refused a request (credentials, permissions, limits), or did not answer."""

    exit_code = 20


class ExportError(CareMeshError):
    """A FHIR server did not make an export, or it did not come whole."""

    exit_code = 21


def join_errors(errors: Sequence[ContractError]) -> ContractError:
    """One error that tells of all: file by file as they came, and the faults of a file by line."""
    faults = [fault for error in errors for fault in split_errors(error)]
    files = list(dict.fromkeys(_file_and_line(fault)[0] for fault in faults))
    faults.sort(key=lambda fault: (files.index(_file_and_line(fault)[0]), _file_and_line(fault)[1]))
    return faults[0] if len(faults) == 1 else ContractErrors(faults)


def split_errors(error: ContractError) -> tuple[ContractError, ...]:
    """The single faults that an error tells of."""
    return error.faults if isinstance(error, ContractErrors) else (error,)


def _file_and_line(fault: ContractError) -> tuple[str, int]:
    found = _PLACE.match(fault.where or "")
    return (found["file"], int(found["line"])) if found else (fault.where or "", 0)
