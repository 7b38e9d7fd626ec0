"""Every error a user can meet, and the exit code of each kind.

    CareMeshError            1   (never raised itself)
    ├── UsageError           2   the command line or the settings ask for something impossible
    ├── ContractError       10   a contract or product folder is not valid
    ├── ViewError           11   a ViewDefinition is not valid, or disagrees with the data's types
    ├── QualityError        12   a candidate release broke a critical check
    ├── PublishError        13   a release could not be made current
    ├── LandingError        14   an export or one of its files cannot be read
    ├── LakeError           15   the lake is damaged, or is not a lake
    │   └── LakeLockedError 16   another run holds the lake
    ├── CurateError         17   dbt could not build or test the curated tables
    ├── RegisterError       18   a catalog publisher failed
    ├── QueryError          19   the SQL of `caremesh query` failed
    ├── AwsError            20   AWS refused a request, or did not answer
    └── ExportError         21   a FHIR server's export failed, or did not come whole

A message says what was found, where, and what to do next. It never quotes row content.
`EXIT_QUARANTINED` is no error: the run did its work, and set lines or files aside.
"""

from __future__ import annotations

from typing import ClassVar

EXIT_QUARANTINED = 3


class CareMeshError(Exception):
    """Base of everything that the command line reports without a traceback."""

    exit_code: ClassVar[int] = 1

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
    """Dbt could not build or test the curated tables."""

    exit_code = 17


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
