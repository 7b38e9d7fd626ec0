"""The manifest of an export: what was asked for, when, and which files came; `export.json` in the export's folder.

FHIR servers state such things only while an export is made. What they mean for the lake: only an export that is known
to be full says, by what it leaves out, that a resource is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from caremesh.errors import LandingError
from caremesh.fhir.types import load_types

MANIFEST_FILE = "export.json"


class ExportFile(BaseModel):
    """One file of an export, by its name below the export's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bytes: int = Field(ge=0)


class ExportManifest(BaseModel):
    """What was asked of a FHIR server, and what it gave.

    `source` is the server's or data store's address, `submitted_at` when the export was asked for (ISO 8601, UTC),
    `level` is `system`, `patient` or `group/<id>`. `types` None: all. `files` None: not stated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    source: str
    job: str
    submitted_at: str
    level: str = Field(default="system", pattern=r"^(system|patient|group/[A-Za-z0-9.-]+)$")
    since: str | None = None
    until: str | None = None
    types: tuple[str, ...] | None = None
    is_filtered: bool = False
    files: tuple[ExportFile, ...] | None = None

    @field_validator("submitted_at", "since", "until")
    @classmethod
    def _in_utc(cls, stated: str | None) -> str | None:
        """One way to write a moment, so that exports can be put in order by it."""
        if stated is None:
            return None
        moment = datetime.fromisoformat(stated)
        if moment.tzinfo is None:
            raise ValueError("has no time zone")
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("is no moment of the years 1 to 9999") from None
        return moment.isoformat(timespec="microseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")

    @field_validator("types")
    @classmethod
    def _known(cls, stated: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """Refuse a misspelt type: a full export of it would remove nothing, without a word."""
        unknown = sorted(set(stated or ()) - set(load_types().resources))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no FHIR R4 resource type")
        return stated

    @property
    def is_full(self) -> bool:
        """Whether a resource that it leaves out did not exist when it was made."""
        return self.level == "system" and self.since is None and self.until is None and not self.is_filtered

    def covers(self, resource_type: str) -> bool:
        """Whether all resources of a type would stand in it."""
        return self.is_full and (self.types is None or resource_type in self.types)


def parse_manifest(text: str | bytes, *, where: str) -> ExportManifest:
    """Read a manifest; raise LandingError where it is none."""
    try:
        return ExportManifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "$"
        raise LandingError(
            f"is no manifest of an export: {place}: {first['msg']}",
            where=where,
            hint="correct it, or remove it: the export is then landed as one of which nothing is known",
        ) from None


def write_manifest(manifest: ExportManifest) -> str:
    """A manifest as the text of `export.json`; the same manifest gives the same text."""
    return manifest.model_dump_json(indent=1) + "\n"
