"""The plan of a release: what goes into it, what it is called, and from which other release it can be made.

A release is named by everything that decides what it holds. Where an earlier one holds a part of that, only what is new
is read: the rows are the same, and the price is that of the product and the new files, whatever history there is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from caremesh.engines.intake import FileCount
from caremesh.fhir import CompiledView
from caremesh.id_spaces import SOURCE_COLUMN, IdSpaces
from caremesh.lake.base import Lake
from caremesh.lake.ledger import LandedExport, Ledger
from caremesh.lake.pointer import Pointer
from caremesh.lake.release import Completeness, DeletionInput, Engine, EngineQuery, InputFile, Manifest, SourceInput
from caremesh.products import Product
from caremesh.sources.ndjson import DELETIONS, LandedFile

FIRST = "first release"
"""Why a release was made where there was none before."""

SEVERAL_SOURCES = "ids come from more than one source"
"""Why a release is made from landing though it could be merged: which source keeps an id is settled among all files."""

FileName = tuple[str, str, str]
"""Export, name and digest of a file."""


@dataclass(frozen=True)
class Strand:
    """What one view of a product makes of the files of its resource type."""

    view: CompiledView
    files: tuple[LandedFile, ...]


@dataclass(frozen=True)
class Origin:
    """The source of an export, and its id space."""

    source: str
    space: str


@dataclass(frozen=True)
class Required:
    """A product that another one's rows point to, and its release at hand; None where there is none yet."""

    product: Product
    manifest: Manifest | None

    @property
    def name(self) -> tuple[str, str | None]:
        """Product and release by name."""
        return self.product.id, self.manifest.release if self.manifest else None


@dataclass(frozen=True)
class ReleasePlan:
    """What is to be made of the ledger as it stands: of these exports, oldest first.

    `origins` are by export; of the id spaces in `ranking`, the first that has an id keeps it.
    """

    release: str
    query_digest: str
    strands: tuple[Strand, ...]
    exports: tuple[LandedExport, ...]
    deletions: tuple[DeletionInput, ...]
    origins: Mapping[str, Origin]
    ranking: tuple[str, ...]
    required: tuple[Required, ...] = ()
    base: Manifest | None = None

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each export among all of them."""
        return {export.name: place for place, export in enumerate(self.exports)}

    @cached_property
    def files(self) -> tuple[LandedFile, ...]:
        """All files that go in, in the order of the manifest's inputs."""
        return tuple(f for s in self.strands for f in s.files)

    @cached_property
    def sources(self) -> tuple[SourceInput, ...]:
        """The sources of files and deletions: those of the id space that keeps an id first."""
        exports: dict[str, set[str]] = {}
        for export in (*(f.export for f in self.files), *(d.export for d in self.deletions)):
            exports.setdefault(self.origins[export].source, set()).add(export)
        spaces = {origin.source: origin.space for origin in self.origins.values()}
        in_order = sorted(exports, key=lambda source: (self.ranking.index(spaces[source]), source))
        return tuple(SourceInput(source, spaces[source], tuple(sorted(exports[source]))) for source in in_order)

    @property
    def new_files(self) -> tuple[LandedFile, ...]:
        """The files that have to be read."""
        held = {_name(i) for i in self.base.inputs} if self.base else set()
        return tuple(f for f in self.files if _name(f) not in held)

    @property
    def new_deletions(self) -> tuple[DeletionInput, ...]:
        """The deletions that the base does not know."""
        return tuple(d for d in self.deletions if not self.base or d not in self.base.deletions)


@dataclass(frozen=True)
class FlattenResult:
    """What an engine made of the files of a product: their lines, the rows, and what is worth noting of them."""

    engine: Engine
    counts: tuple[FileCount, ...]
    rows: int
    bytes: int
    unresolved: tuple[tuple[str, int], ...]
    queries: tuple[EngineQuery, ...] = ()
    keys: str | None = None
    withheld: tuple[str, ...] = ()
    completeness: Completeness | None = None
    claimed: int = 0


def reference_columns(product: Product) -> list[str]:
    """The columns that hold a reference as it is written beside the id that it gives: `<x>_reference`, `<x>_id`."""
    names = {c.name for c in product.columns}
    return [n for n in sorted(names) if n.endswith("_reference") and n.removesuffix("_reference") + "_id" in names]


def plan_release(
    product: Product,
    views: Sequence[CompiledView],
    *,
    ledger: Ledger,
    required: Sequence[Required] = (),
    id_spaces: IdSpaces | None = None,
) -> ReleasePlan:
    """Say what the product's release is, for the ledger and the required products as they stand.

    Raises UsageError where the settings call an id space like a source outside of it.
    """
    id_spaces = id_spaces or IdSpaces()
    strands = tuple(Strand(view, ledger.files_of(view.resource)) for view in views)
    exports = ledger.in_order()
    types = {view.resource for view in views}
    deletions = tuple(d for e in exports if (d := _deletion(e, types)))
    query_digest = hashlib.sha256("\n".join(v.query for v in views).encode()).hexdigest()
    inputs = [_name(f) for s in strands for f in s.files]
    stated: list[object] = [product.id, product.contract_digest, query_digest, inputs]
    if deletions:
        # Which versions a deletion meets depends on where its export stands among the others.
        involved = {export for export, _, _ in inputs} | {d.export for d in deletions}
        stated += [
            [[d.export, d.asked_at, d.lists, d.full] for d in deletions],
            [e.name for e in exports if e.name in involved],
        ]
    if required:
        stated.append({"required": [r.name for r in required]})
    plan = ReleasePlan(
        release="",
        query_digest=query_digest,
        strands=strands,
        exports=exports,
        deletions=deletions,
        origins={e.name: Origin(e.source, id_spaces.space_of(e.source)) for e in exports},
        ranking=id_spaces.in_order(e.source for e in exports),
        required=tuple(required),
    )
    stated.append({"sources": [[s.source, s.space, s.exports] for s in plan.sources]})
    return replace(plan, release=hashlib.sha256(json.dumps(stated).encode()).hexdigest()[:12])


def choose_base(product: Product, plan: ReleasePlan, *, engine: Engine, lake: Lake) -> tuple[Manifest | None, str]:
    """The release that what is new is merged into, None where all is read from landing; and why the release is made.

    Every release that fits gives the same rows. The current one holds most as a rule, and is the first to be read.
    """
    pointer = lake.pointer(product)
    current = lake.find_manifest(product, pointer.release) if pointer else None
    if pointer is None or current is None:
        return None, FIRST
    barred = _bar(plan, engine)
    hurdle = barred or _hurdle(plan, current)
    base = current if hurdle is None else None
    # What an earlier release lacks would bring the same ids again.
    if base is None and barred is None and hurdle != SEVERAL_SOURCES:
        base = _find_earlier(plan, pointer, lambda release: lake.find_manifest(product, release))
    what = "; ".join(_changes(product, plan, current)) or "an earlier state of the ledger"
    how = f"merged into release {base.release}" if base else f"made from landing, as {hurdle}"
    return base, f"{what}: {how}"


def _find_earlier(plan: ReleasePlan, pointer: Pointer, find: Callable[[str], Manifest | None]) -> Manifest | None:
    """A release before the current one that fits; what was withdrawn may hold what somebody did not want.

    Where an export is dropped, the releases from before it fit, and the newest of them holds most. So the search goes
    back in steps that double, and then halves the last step: it reads a dozen manifests, however many there are.
    """
    names = [n for n in pointer.earlier if n not in pointer.withdrawn]
    fitting: dict[int, Manifest] = {}

    def fits(place: int) -> bool:
        manifest = find(names[place])
        if manifest is None or _hurdle(plan, manifest):
            return False
        fitting[place] = manifest
        return True

    unfit, place, step = -1, 0, 1
    while place < len(names) and not fits(place):
        unfit, place, step = place, place + step, step * 2
    place = min(place, len(names))
    while place - unfit > 1:
        middle = (unfit + place) // 2
        unfit, place = (unfit, middle) if fits(middle) else (middle, place)
    return fitting[min(fitting)] if fitting else None


def _bar(plan: ReleasePlan, engine: Engine) -> str | None:
    """Why new files cannot be merged into any release; None where that depends on the release."""
    if engine == "athena":
        return "the engine athena reads everything"
    if any(s.view.key_column is None for s in plan.strands):
        return "no column of the view holds the resource's id"
    return None


def _hurdle(plan: ReleasePlan, base: Manifest) -> str | None:
    """Why new files cannot be merged into a release; None where they can."""
    here = {_name(f): place for place, f in enumerate(plan.files)}
    places = [here.get(_name(i)) for i in base.inputs]
    if base.keys is None:
        return "the release before has no keys"
    if SOURCE_COLUMN not in dict(base.columns):
        return "the release before does not say which sources its rows come from"
    if base.has_gaps:
        return "an erasure left cells of the release before empty"
    if base.query_digest != plan.query_digest:
        return "the view changed"
    if None in places:
        return "an export was dropped"
    if any(d not in plan.deletions for d in base.deletions):
        return "deletions were dropped, or are others now"
    if places != sorted(p for p in places if p is not None):
        return "the order of exports changed"
    if any(plan.origins.get(e) != Origin(s.source, s.space) for s in base.sources for e in s.exports):
        return "exports come from other sources now, or share ids otherwise"
    if base.claimed:
        return SEVERAL_SOURCES
    return _late(plan, base)


def _late(plan: ReleasePlan, base: Manifest) -> str | None:
    """What was removed from a release is known by its newest version only: deletions are merged in their order.

    A deletion is about its own source, so that exports of others are neither late nor early for it.
    """
    held = {_name(i) for i in base.inputs}
    removing = [d.export for d in plan.deletions if d not in base.deletions]
    sharing = {space for space, count in Counter(s.space for s in plan.sources).items() if count > 1}
    if any(plan.origins[export].space in sharing for export in removing):
        # Under a version that goes, an older one of another source comes to light, which no release holds.
        return "one of several sources that share ids says what is gone"
    new = _by_source(plan, (f.export for f in plan.files if _name(f) not in held))
    before = _by_source(plan, (d.export for d in base.deletions))
    if any(min(new[source]) <= max(before[source]) for source in new.keys() & before.keys()):
        return "an export came late: deletions of a later one are at work"
    gone = _by_source(plan, removing)
    known = _by_source(plan, (export for s in base.sources for export in s.exports))
    if any(min(gone[source]) <= max(known[source]) for source in gone.keys() & known.keys()):
        return "deletions came late: a later export is at work"
    return None


def _by_source(plan: ReleasePlan, exports: Iterable[str]) -> dict[str, list[int]]:
    """The places of exports among all, by their source."""
    places: dict[str, list[int]] = {}
    for export in exports:
        places.setdefault(plan.origins[export].source, []).append(plan.order[export])
    return places


def _changes(product: Product, plan: ReleasePlan, current: Manifest) -> Iterable[str]:
    """What is not as it was when the current release was made."""
    now, then = {_name(f) for f in plan.files}, {_name(i) for i in current.inputs}
    if product.contract_digest != current.contract_digest:
        yield "its contract changed"
    if plan.query_digest != current.query_digest:
        yield "its view changed"
    if added := now - then:
        yield f"{len(added)} new file(s) of {_exports(export for export, _, _ in added)}"
    if dropped := then - now:
        yield f"{len(dropped)} file(s) of {_exports(export for export, _, _ in dropped)} dropped"
    if removing := [d.export for d in plan.deletions if d not in current.deletions]:
        yield f"deletions of {_exports(removing)}"
    if kept := [d.export for d in current.deletions if d not in plan.deletions]:
        yield f"deletions of {_exports(kept)} dropped"
    if current.sources and _common(plan.sources, current.sources) != _common(current.sources, plan.sources):
        yield "its exports come from other sources, or those share ids or keep them otherwise"
    if now == then and [_name(f) for f in plan.files] != [_name(i) for i in current.inputs]:
        yield "the order of exports changed"
    before = current.completeness.required if current.completeness else ()
    for name, release in (r.name for r in plan.required if current.completeness):
        if (name, release) not in before:
            yield f"{name} is at release {release}"


def _common(sources: Sequence[SourceInput], others: Sequence[SourceInput]) -> list[tuple[str, str]]:
    """Sources with their id spaces, of exports that the others have too."""
    theirs = {export for s in others for export in s.exports}
    return [(s.source, s.space) for s in sources if theirs.intersection(s.exports)]


def _exports(names: Iterable[str]) -> str:
    listed = sorted(set(names))
    return f"export {listed[0]}" if len(listed) == 1 else f"{len(listed)} exports"


def _deletion(export: LandedExport, types: set[str]) -> DeletionInput | None:
    """What an export says about resources of these types that are gone."""
    lists = tuple(f.digest for f in export.files if f.resource_type == DELETIONS and types.intersection(f.concerns))
    full = tuple(sorted(t for t in types if export.reconciles(t)))
    if not lists and not full:
        return None
    return DeletionInput(export.name, export.manifest.submitted_at if export.manifest else None, lists, full)


def _name(file: LandedFile | InputFile) -> FileName:
    return (file.export, file.name, file.digest)
