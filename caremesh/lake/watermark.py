"""The watermark: up to which time everything that a source had is in the lake.

It is when the last fully landed export was asked for, by the source's clock, and not what a server calls
`transactionTime`: HealthLake gives the time of the question under that name. An export moves it only where it begins
at or before it, so that no gap is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from caremesh.id_spaces import canonical_source, is_same_source
from caremesh.lake.ledger import LandedExport, Ledger, SetWatermark
from caremesh.sources.export_jobs import ExportScope, show_time
from caremesh.sources.export_manifest import ExportManifest
from caremesh.sources.ndjson import place_in_export


@dataclass(frozen=True)
class Watermark:
    """The watermark of a source for one level and choice of types; `is_set` where somebody set it by hand."""

    source: str
    level: str
    types: tuple[str, ...] | None
    at: str | None
    is_set: bool = False


def find_watermark(ledger: Ledger, source: str, scope: ExportScope) -> Watermark:
    """The watermark for exports of a source of this level and these types."""
    edits = [m for m in ledger.watermarks if is_same_source(m.source, source) and _reaches(m, scope)]
    edited = edits[-1] if edits else None
    at, is_set = (edited.at, edited.at is not None) if edited else (None, False)
    for manifest in sorted(_landed(ledger, source), key=lambda m: datetime.fromisoformat(m.submitted_at)):
        if not _covers(manifest, scope) or (edited and _moment(manifest.submitted_at) <= _moment(edited.edited_at)):
            continue
        begins_in_time = manifest.since is None or (at is not None and _moment(manifest.since) <= _moment(at))
        if begins_in_time and (at is None or _moment(manifest.submitted_at) > _moment(at)):
            at, is_set = manifest.submitted_at, False
    return Watermark(source, scope.level, scope.types, at, is_set)


def list_watermarks(ledger: Ledger) -> tuple[Watermark, ...]:
    """The watermarks of all sources, for each level and choice of types that was ever asked for.

    Exports that leave something out or have an end of their own (also what is replayed from quarantine) ask for none.
    """
    asked = [(j.source, j.scope.level, j.scope.types) for j in ledger.jobs]
    asked += [(m.source, m.level, m.types) for m in _manifests(ledger.exports) if m.until is None and not m.is_filtered]
    asked += [(m.source, m.level, m.types) for m in ledger.watermarks if m.at]
    known = {canonical_source(source): source for source, _, _ in reversed(asked)}
    asked += [(m.source, "system", None) for m in ledger.watermarks if canonical_source(m.source) not in known]
    distinct = {(known.get(canonical_source(source), source), level, types) for source, level, types in asked}
    scopes = sorted(distinct, key=lambda a: (a[0], a[1] != "system", a[1], a[2] or ()))
    return tuple(find_watermark(ledger, source, ExportScope(level, types=types)) for source, level, types in scopes)


def next_since(watermark: Watermark, *, overlap_seconds: float) -> str | None:
    """From when the next export has to begin; None: from the beginning."""
    if watermark.at is None:
        return None
    # Whole seconds: not every server reads six digits of them.
    return show_time((_moment(watermark.at) - timedelta(seconds=overlap_seconds)).replace(microsecond=0))


def is_fully_landed(export: LandedExport) -> bool:
    """Whether all files that an export's manifest lists stand in the ledger, but for types that no product reads."""
    if export.manifest is None or not export.manifest.files:
        return False
    landed = {f.name: f.bytes for f in export.files}
    types = {f.resource_type for f in export.files}
    listed = ((f, place_in_export(PurePosixPath(f.name))[1]) for f in export.manifest.files)
    return all(landed.get(file.name) == file.bytes for file, resource_type in listed if resource_type in types)


def _landed(ledger: Ledger, source: str) -> Iterable[ExportManifest]:
    for export in ledger.exports:
        if export.manifest and is_same_source(export.manifest.source, source) and is_fully_landed(export):
            yield export.manifest


def _manifests(exports: Iterable[LandedExport]) -> Iterable[ExportManifest]:
    return (e.manifest for e in exports if e.manifest)


def _covers(manifest: ExportManifest, scope: ExportScope) -> bool:
    """Whether an export holds everything of a scope, from when it began until it was asked for."""
    if manifest.level != scope.level or manifest.until is not None or manifest.is_filtered:
        return False
    return manifest.types is None or set(scope.types or ("",)) <= set(manifest.types)


def _reaches(edit: SetWatermark, scope: ExportScope) -> bool:
    """Whether what somebody set is about a scope: that nothing is known, about every one."""
    if edit.at is None:
        return True
    return edit.level == scope.level and (edit.types is None or set(scope.types or ("",)) <= set(edit.types))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
