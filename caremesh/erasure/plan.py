"""The plan of an erasure: what is hers, which files change and how, and what the releases will be called."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa

from caremesh.engines.duckdb import open_engine
from caremesh.erasure.search import Found, SearchedFile, search
from caremesh.errors import LakeError, LandingError, UsageError
from caremesh.fhir.belongings import Belongings, Key
from caremesh.fhir.cleansing import SAME, Cleansed, cleanse
from caremesh.fhir.types import load_types
from caremesh.lake.erased_release import Erased, ErasedFile, find_seeds
from caremesh.lake.erasures import DecisionStep, FileStep, Pending
from caremesh.lake.layout import MANIFEST_FILE, REPLAYS_FOLDER
from caremesh.lake.ledger import LandedExport, Ledger
from caremesh.lake.local import LocalLake
from caremesh.product_views import compile_product
from caremesh.products import Product
from caremesh.settings import Settings
from caremesh.sources.erasing import (
    Line,
    contains,
    digest_of,
    find_downloads,
    find_files,
    is_manifest,
    measure,
    read_lines,
    restated,
    type_of,
)
from caremesh.sources.line_digest import digest_text
from caremesh.sources.ndjson import DELETIONS, LandedFile, is_unchanged
from caremesh.stages.release_plan import plan_release


@dataclass(frozen=True)
class ErasurePlan:
    """An erasure before anything is changed; `left` are files that name her and that nobody can rewrite here."""

    pending: Pending
    linked: int
    left: tuple[Path, ...]


def plan_erasure(
    subject: Key, *, settings: Settings, lake: LocalLake, products: Sequence[Product], salt: str
) -> ErasurePlan:
    """Find all that belongs to a patient, and say what is to be done about it; nothing is changed.

    Raises LandingError where a landed file is gone, was changed or cannot be read, UsageError where one is in S3, or
    where the lake has exports of several sources that do not share ids.
    """
    ledger = lake.read_ledger()
    _refuse_several_people(settings, ledger)
    _refuse_strange_files(settings, ledger)
    roots = _roots(settings, lake, ledger)
    lines, others = find_files(roots)
    landed = {Path(f.path): f for e in ledger.in_order() for f in e.files}
    landed |= {Path(f.path): f for e in ledger.exports for f in e.files}
    files = [*landed, *(p for p in lines if p not in landed)]
    with open_releases(settings, lake) as connection:
        seeds = [key for home in release_homes(lake.root) for key in find_seeds(connection, home, subject[1])]
    searched = [SearchedFile(p, landed[p].resource_type if p in landed else type_of(p)) for p in files]
    found = search(subject, searched, seeds=seeds)
    names = {Path(e.root): e.name for e in ledger.exports}
    work = _Work(found, {(d.export, d.file, d.text) for d in ledger.decisions}, names)
    steps = tuple(s for f in searched if (s := work.step(f, landed.get(f.path))))
    _refuse_unwritable(steps)
    types = _types_to_state(ledger, lines, steps)
    left = tuple(p for p in others if not is_manifest(p) and contains(p, found.belongings.are_named_in))
    pending = Pending(
        receipt=f"{settings.now.replace(':', '').replace('-', '')}-{settings.run_id[:8]}",
        at=settings.now,
        salt=salt,
        subject="/".join(subject),
        keys=tuple(sorted(found.belongings.keys)),
        identifiers=tuple(sorted(found.belongings.identifiers)),
        contested=tuple(sorted(found.contested)),
        scrubbed=tuple((*key, tuple(sorted(texts))) for key, texts in sorted(work.scrubbed.items())),
        files=steps,
        decisions=tuple(work.decided),
        manifests=tuple(str(p) for p in others if is_manifest(p)),
        types=types,
        downloads=tuple(str(p) for p in find_downloads(roots)),
        names=_release_names(products, ledger, change_ledger_files(ledger, steps, types)),
        curated={t.id: t.rows for t in build.tables} if (build := lake.read_curated()) else {},
        others=len(left),
        had_curated=build is not None,
    )
    return ErasurePlan(pending, linked=len(found.linked), left=left)


@contextmanager
def open_releases(settings: Settings, lake: LocalLake) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine for the Parquet files of releases; raise LakeError where it fails."""
    limit, threads = settings.memory_limit, settings.threads
    try:
        with open_engine(memory_limit=limit, threads=threads, scratch=lake.scratch) as connection:
            yield connection
    except (duckdb.Error, pa.ArrowException) as error:
        # The engine's own words may quote a row; only the kind of error goes on.
        raise LakeError(
            f"the engine failed on a release: {type(error).__name__}",
            where=str(lake.root),
            hint="give free disk space, or restore what is damaged from a backup; then erase again",
        ) from None


def erased_of(pending: Pending) -> Erased:
    """What a planned erasure means for a release."""
    return Erased(
        receipt=pending.receipt,
        belongings=belongings_of(pending),
        contested=frozenset(pending.contested),
        files={(f.export, f.name, f.before): ErasedFile(f.after, f.bytes, f.removed) for f in pending.files},
        scrubbed={(kind, name): texts for kind, name, texts in pending.scrubbed},
    )


def belongings_of(pending: Pending) -> Belongings:
    """What is hers, as it was planned."""
    return Belongings(pending.keys, pending.identifiers)


def release_homes(root: Path) -> Iterator[Path]:
    """The folders of all releases of a lake, also of products that are in the project no more."""
    for manifest in sorted(root.glob(f"products/*/*/releases/*/{MANIFEST_FILE}")):
        yield manifest.parent


def new_name(pending: Pending, product: str, release: str, *, has_gaps: bool) -> str:
    """What a release is called afterwards: as the next run would call it, if that would give the same rows."""
    planned = pending.names.get(f"{product} {release}")
    if planned and not has_gaps:
        return planned
    return hashlib.sha256(f"{pending.salt}:{product}:{release}".encode()).hexdigest()[:12]


def change_ledger_files(ledger: Ledger, steps: Iterable[FileStep], types: Mapping[str, Sequence[str]]) -> Ledger:
    """The ledger, with what files are after their rewriting, and with the types that manifests are to state."""
    after = {Path(s.path): s for s in steps}
    return replace(ledger, exports=tuple(_changed_export(e, after, types.get(e.root)) for e in ledger.exports))


def _changed_export(export: LandedExport, after: Mapping[Path, FileStep], types: Sequence[str] | None) -> LandedExport:
    files = tuple(_changed_file(f, after.get(Path(f.path))) for f in export.files)
    sizes = {path: step.bytes for path, step in after.items()}
    manifest = export.manifest and restated(export.manifest, Path(export.root), sizes, types)
    return replace(export, files=files, manifest=manifest)


def _types_to_state(ledger: Ledger, lines: Sequence[Path], steps: Iterable[FileStep]) -> dict[str, tuple[str, ...]]:
    """The types of full exports that lose all lines of one, by the folder of the export.

    An export of all types says nothing of a type that it has no line of: it would no longer say that others are gone.
    """
    after = {Path(s.path): s.lines for s in steps}
    stated = {}
    for export in ledger.exports:
        if export.manifest is None or not export.manifest.is_full or export.manifest.types is not None:
            continue
        files = [p for p in lines if Path(export.root) in p.parents and type_of(p) in load_types().resources]
        held = {type_of(p) for p in files if p.stat().st_size}
        if held != {type_of(p) for p in files if p.stat().st_size and after.get(p, 1)}:
            stated[export.root] = tuple(sorted(held))
    return stated


def _changed_file(file: LandedFile, step: FileStep | None) -> LandedFile:
    return replace(file, digest=step.after, bytes=step.bytes, lines=step.lines) if step else file


def _release_names(products: Sequence[Product], before: Ledger, after: Ledger) -> dict[str, str]:
    """What the next run would call the releases that are up to date now.

    Those that were held against other releases are left out: the next run holds them against what these became.
    """
    names = {}
    for product in (p for p in products if p.view_files and p.completeness is None):
        views = compile_product(product)
        old, new = (plan_release(product, views, ledger=ledger).release for ledger in (before, after))
        names[f"{product.id} {old}"] = new
    return names


def _roots(settings: Settings, lake: LocalLake, ledger: Ledger) -> list[Path]:
    roots = [Path(e.root) for e in ledger.exports]
    if (lake.root / REPLAYS_FOLDER).exists():
        roots.append(lake.root / REPLAYS_FOLDER)
    if settings.landing is not None:
        landing = settings.require_landing()
        if not isinstance(landing, Path):
            raise UsageError("erasing works on folders", where=str(landing), hint="give a folder as --landing, or none")
        roots.append(landing)
    return roots


def _refuse_several_people(settings: Settings, ledger: Ledger) -> None:
    """The search goes by id: in a lake of several id spaces it would take another person's data along."""
    spaces = settings.id_spaces.in_order({e.source for e in ledger.exports})
    if len(spaces) > 1:
        raise UsageError(
            f"the lake holds {len(spaces)} sources ({', '.join(spaces)}), and one id may be another person's in each",
            hint="erase the person in the FHIR server, then land that source's exports anew: caremesh land --forget",
        )


def _refuse_unwritable(steps: Iterable[FileStep]) -> None:
    """Nothing is begun that cannot be finished."""
    for step in steps:
        if not os.access(Path(step.path).parent, os.W_OK):
            raise LandingError("cannot be rewritten", where=step.path, hint="grant write access to its folder")


def _refuse_strange_files(settings: Settings, ledger: Ledger) -> None:
    """What is blessed with a new digest must be what was landed."""
    for file in (f for e in ledger.exports for f in e.files):
        if file.path.startswith("s3://"):
            raise UsageError(
                "erasing works on folders; this lake was filled from exports in S3",
                where=file.path.rpartition("/")[0],
                hint="remove the person there, drop these exports with land --forget, and land them again",
            )
        if not is_unchanged(file) and (not Path(file.path).is_file() or digest_of(Path(file.path)) != file.digest):
            raise LandingError(
                "changed, or is gone, since it was landed",
                where=file.path,
                hint=f"put it back; or drop the export on purpose: {settings.forget_command(file.export)}",
            )


@dataclass
class _Work:
    """Measures what each file will be, and keeps in mind what that means for decisions and for rows that stay."""

    found: Found
    known: set[tuple[str, str, str]]
    roots: Mapping[Path, str]
    scrubbed: dict[Key, set[str]] = field(default_factory=dict)
    decided: list[DecisionStep] = field(default_factory=list)

    def step(self, file: SearchedFile, landed: LandedFile | None) -> FileStep | None:
        """What is to be done about a file; None where nothing is."""
        if all(self._cleanse(line, file) is SAME for line in read_lines(file.path)):
            return None
        measured = measure(file.path, lambda line: self._change(line, file, landed))
        return FileStep(
            path=str(file.path),
            export=landed.export if landed else next((self.roots[p] for p in file.path.parents if p in self.roots), ""),
            name=landed.name if landed else "",
            before=landed.digest if landed else digest_of(file.path),
            after=measured.digest,
            bytes=measured.bytes,
            lines=measured.lines,
            removed=measured.removed,
            scrubbed=measured.scrubbed,
        )

    def _change(self, line: Line, file: SearchedFile, landed: LandedFile | None) -> str | None:
        cleansed = self._cleanse(line, file)
        if cleansed.outcome == "same":
            return line.text
        text = cleansed.text if cleansed.outcome == "scrubbed" else None
        if cleansed.key and file.resource_type != DELETIONS:
            self.scrubbed.setdefault(cleansed.key, set()).update(cleansed.dropped)
        if landed and (place := (landed.export, landed.name, digest_text(line.text))) in self.known:
            self.decided.append(DecisionStep(*place, after=None if text is None else digest_text(text)))
        return text

    def _cleanse(self, line: Line, file: SearchedFile) -> Cleansed:
        return cleanse(line.text, file.resource_type, self.found.belongings, contested=self.found.contested)
