"""The ledger: which exports were taken into the lake, with every file's bytes, digest and lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from caremesh.errors import ExportError, LandingError
from caremesh.id_spaces import DEFAULT_SOURCE, canonical_source, is_same_source, source_in_name
from caremesh.lake.decisions import Decision
from caremesh.sources.export_jobs import ExportJob, job_from_json
from caremesh.sources.export_manifest import ExportManifest
from caremesh.sources.ndjson import LandedFile

_REPLAYED = "quarantine of "


def name_source(export: str) -> str:
    """What the manifest of a replay names as its source, where the lines are an export's."""
    return f"{_REPLAYED}{export}"


def stated_source(name: str, manifest: ExportManifest | None) -> str | None:
    """The source that an export states by its manifest, else by its name; None where it states none."""
    return canonical_source(manifest.source) if manifest else source_in_name(name)


@dataclass(frozen=True)
class LandedExport:
    """One export: its name, the folder it was found in, when it was first taken in, its files by name.

    `source` is the system that it comes from. `manifest` is what is known of it beyond its files. `same_as` names an
    export that it is a copy of, byte by byte: it is listed, and not used.
    """

    name: str
    root: str
    landed_at: str
    files: tuple[LandedFile, ...]
    manifest: ExportManifest | None = None
    same_as: str | None = None
    source: str = DEFAULT_SOURCE

    @property
    def time(self) -> datetime:
        """When it was asked for; where that is not known, when it was landed."""
        return datetime.fromisoformat(self.manifest.submitted_at if self.manifest else self.landed_at)

    @property
    def replay_of(self) -> str | None:
        """The export whose quarantined lines it holds; None where it is no replay."""
        if self.manifest is None or self.manifest.job != self.name or not self.manifest.source.startswith(_REPLAYED):
            return None
        return self.manifest.source.removeprefix(_REPLAYED)

    def reconciles(self, resource_type: str) -> bool:
        """Whether it says by what it leaves out that resources of a type are gone.

        Servers leave out types that somebody may not read as they leave out types that are empty: an export of all
        types says nothing of one that it has no line of.
        """
        if self.manifest is None or not self.manifest.covers(resource_type):
            return False
        held = any(f.resource_type == resource_type and f.bytes and f.lines != 0 for f in self.files)
        return held or not self.speaks_of_all

    @property
    def speaks_of_all(self) -> bool:
        """Whether its manifest names no types."""
        return self.manifest is not None and self.manifest.types is None

    @property
    def content(self) -> frozenset[tuple[str, str]]:
        """What its files are called, and the digest of each."""
        return frozenset((f.name, f.digest) for f in self.files)


@dataclass(frozen=True)
class SetWatermark:
    """A watermark that somebody set: the time for a source; `edited_at` is when.

    It is about exports of one level and of these types or some of them (None: all); without a time it says that nothing
    is known of the source, whatever level and types.
    """

    source: str
    at: str | None
    edited_at: str
    level: str = "system"
    types: tuple[str, ...] | None = None

    def replaces(self, other: SetWatermark) -> bool:
        """Whether an earlier edit says nothing any more after this one."""
        return is_same_source(self.source, other.source) and (
            self.at is None or (self.level, self.types) == (other.level, other.types)
        )


@dataclass(frozen=True)
class Ledger:
    """The exports in the order of their landing, and what was decided on quarantined lines.

    `version` is what a lake tells writers apart by, if it must. `jobs` are the export jobs that were asked for, and
    `watermarks` what somebody set by hand, oldest first.
    """

    exports: tuple[LandedExport, ...] = ()
    decisions: tuple[Decision, ...] = ()
    version: str | None = None
    jobs: tuple[ExportJob, ...] = ()
    watermarks: tuple[SetWatermark, ...] = ()

    def export(self, name: str) -> LandedExport | None:
        """The export of that name, if it was taken in."""
        return next((e for e in self.exports if e.name == name), None)

    def with_export(self, export: LandedExport) -> Ledger:
        """The ledger with one export added at the end, or replaced in its place."""
        if self.export(export.name) is None:
            return replace(self, exports=(*self.exports, export))
        return replace(self, exports=tuple(export if e.name == export.name else e for e in self.exports))

    def with_settled_sources(self) -> Ledger:
        """The ledger where replays come from the source of their lines, and no export is a copy of another source's."""
        settled: dict[str, LandedExport] = {}
        for export in self.exports:
            replayed = settled.get(export.replay_of) if export.replay_of else None
            export = replace(export, source=replayed.source) if replayed else export
            original = settled.get(export.same_as) if export.same_as else None
            if export.same_as and (original is None or original.source != export.source):
                export = replace(export, same_as=find_original(settled.values(), export))
            settled[export.name] = export
        return replace(self, exports=tuple(settled.values()))

    def falling_with(self, name: str) -> tuple[str, ...]:
        """What goes where one export goes, in the order of landing: itself, its copies, and replays of its lines.

        Then the replays of those lines that were refused again, and so on.
        """
        if self.export(name) is None:
            known = ", ".join(e.name for e in self.exports) or "none"
            raise LandingError(f"no export is called {name!r}", hint=f"one of: {known}")
        made = {(d.export, d.by) for d in self.decisions if d.by}
        # After a reopening no decision tells any more what a replay was made of.
        made |= {(e.replay_of, e.name) for e in self.exports if e.replay_of}
        made |= {(e.same_as, e.name) for e in self.exports if e.same_as}
        falling, more = {name}, {name}
        while more:
            more = {child for parent, child in made if parent in more and child not in falling}
            falling |= more
        return tuple(e.name for e in self.exports if e.name in falling)

    def without(self, name: str) -> Ledger:
        """The ledger without one export and all that falls with it; what was built stays until the next run.

        Lines that were replayed into what falls are open again. Those of the export itself that were discarded stay so:
        should it be landed anew, nobody is asked again about the same text.
        """
        falling = self.falling_with(name)
        replays = {e.name for e in self.exports if e.name in falling and e.replay_of}
        return replace(
            self,
            exports=tuple(e for e in self.exports if e.name not in falling),
            decisions=tuple(d for d in self.decisions if d.by not in falling and d.export not in replays),
        )

    def in_order(self) -> tuple[LandedExport, ...]:
        """The exports that are used, oldest first: by the time they were asked for, then by their landing.

        Whichever order they arrive in, this one decides between versions of a resource that say nothing themselves.
        """
        return tuple(sorted((e for e in self.exports if e.same_as is None), key=lambda e: e.time))

    def find_job(self, name: str) -> ExportJob:
        """The job of that name, or that its server calls so; raise ExportError where there is none."""
        found = [j for j in self.jobs if name in (j.name, j.job)]
        if len(found) != 1:
            known = ", ".join(j.name for j in self.jobs) or "none"
            raise ExportError(f"{len(found) or 'no'} jobs are called {name!r}", hint=f"one of: {known}")
        return found[0]

    def with_job(self, job: ExportJob) -> Ledger:
        """The ledger with one job added at the end, or replaced in its place."""
        if all(j.name != job.name for j in self.jobs):
            return replace(self, jobs=(*self.jobs, job))
        return replace(self, jobs=tuple(job if j.name == job.name else j for j in self.jobs))

    def without_job(self, name: str) -> Ledger:
        """The ledger without one job."""
        return replace(self, jobs=tuple(j for j in self.jobs if j.name != name))

    def with_watermark(self, mark: SetWatermark) -> Ledger:
        """The ledger with what somebody set for a source."""
        return replace(self, watermarks=(*(m for m in self.watermarks if not mark.replaces(m)), mark))

    def unfinished_places(self) -> tuple[str, ...]:
        """The beginnings of addresses below which a job still writes, or left an export that is not whole.

        Nothing is landed from there. A job whose name at HealthLake is not known yet may write to any folder of its
        data store.
        """
        return tuple(
            f"{j.place}/{j.datastore}-FHIR_EXPORT-{f'{j.job}/' if j.job else ''}"
            for j in self.jobs
            if j.kind == "healthlake" and j.state != "whole" and (j.job or j.is_open)
        )

    def files_of(self, resource_type: str) -> tuple[LandedFile, ...]:
        """All files of one resource type, oldest export first."""
        return tuple(f for e in self.in_order() for f in e.files if f.resource_type == resource_type)


def find_original(exports: Iterable[LandedExport], copy: LandedExport) -> str | None:
    """The first of these exports of one source that another one is a copy of, byte by byte; None where none is.

    Two jobs are two exports, whatever they gave.
    """
    job = copy.manifest and copy.manifest.job
    for export in exports:
        other = export.manifest and export.manifest.job
        if (export.same_as, export.source, export.content) == (None, copy.source, copy.content) and job in (
            None,
            other,
        ):
            return export.name
    return None


def ledger_from_json(stated: Any) -> Ledger:
    """Read a ledger back from a JSON document."""
    return Ledger(
        exports=_with_sources(tuple(_export_from_json(e) for e in stated["exports"])),
        decisions=tuple(Decision(**d) for d in stated.get("decisions", ())),
        jobs=tuple(job_from_json(j) for j in stated.get("jobs", ())),
        watermarks=tuple(_watermark_from_json(m) for m in stated.get("watermarks", ())),
    ).with_settled_sources()


def ledger_to_json(ledger: Ledger) -> dict[str, Any]:
    """The ledger as a JSON document."""
    return {
        "exports": [_export_to_json(e) for e in ledger.exports],
        "decisions": [asdict(d) for d in ledger.decisions],
        "jobs": [asdict(j) for j in ledger.jobs],
        "watermarks": [asdict(m) for m in ledger.watermarks],
    }


def _watermark_from_json(stated: dict[str, Any]) -> SetWatermark:
    types = stated.get("types")
    return SetWatermark(**{**stated, "types": None if types is None else tuple(types)})


def _with_sources(exports: tuple[LandedExport, ...]) -> tuple[LandedExport, ...]:
    """Exports with their sources, also those that a lake of an earlier version lists, which knew of none.

    There all were taken as of one source: where the others name one, it is that of an export that names none.
    """
    if all(e.source for e in exports):
        return exports
    named = {e.name: stated_source(e.name, e.manifest) for e in exports if not e.source and not e.replay_of}
    distinct = {source for source in named.values() if source}
    rest = distinct.pop() if len(distinct) == 1 else DEFAULT_SOURCE
    return tuple(replace(e, source=e.source or named.get(e.name) or rest) for e in exports)


def _export_from_json(stated: dict[str, Any]) -> LandedExport:
    manifest = ExportManifest(**stated["manifest"]) if stated.get("manifest") else None
    return LandedExport(
        name=stated["name"],
        root=stated["root"],
        landed_at=stated["landed_at"],
        files=tuple(_file_from_json(f) for f in stated["files"]),
        manifest=manifest,
        same_as=stated.get("same_as"),
        source=stated.get("source", ""),
    )


def _export_to_json(export: LandedExport) -> dict[str, Any]:
    manifest = export.manifest.model_dump(mode="json") if export.manifest else None
    return {
        "name": export.name,
        "root": export.root,
        "landed_at": export.landed_at,
        "manifest": manifest,
        "same_as": export.same_as,
        "source": export.source,
        "files": [asdict(f) for f in export.files],
    }


def _file_from_json(stated: dict[str, Any]) -> LandedFile:
    return LandedFile(**{**stated, "concerns": tuple(stated.get("concerns", ()))})
