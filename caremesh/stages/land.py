"""Land: take the exports of the landing zone into the ledger, with every file's bytes, digest and lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from caremesh.errors import LandingError
from caremesh.id_spaces import DEFAULT_SOURCE, fault_of_name
from caremesh.lake.base import Lake
from caremesh.lake.ledger import LandedExport, Ledger, find_original, stated_source
from caremesh.settings import Settings
from caremesh.sources.export_manifest import MANIFEST_FILE, ExportManifest
from caremesh.sources.landing import Exports
from caremesh.sources.ndjson import DELETIONS, FoundFile, IgnoredFile, LandedFile, Listing

CLOCKS_DIFFER = timedelta(days=1)
"""So much may the clock of who exports be ahead of ours."""


@dataclass(frozen=True)
class LandingReport:
    """What landing found: the ledger now, files read in this run, and what was passed over."""

    ledger: Ledger
    files_read: int
    ignored: tuple[IgnoredFile, ...]
    unused: tuple[tuple[str, int, int], ...]
    """Resource types that no product reads: type, files, bytes. They are listed, and not opened."""
    copies: tuple[tuple[str, str], ...] = ()
    """Exports that came now and are copies of others, byte by byte: their names, and the names of those."""
    unfinished: tuple[str, ...] = ()
    """Exports that an export job still writes, or did not bring to a good end: nothing of them is taken in."""


def land(
    settings: Settings,
    *,
    lake: Lake,
    exports: Exports,
    used_types: Iterable[str],
    on_total: Callable[[int], None] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> LandingReport:
    """Bring the ledger up to date with the landing zone; files that did not change are not read again.

    Raises LandingError where a file cannot be read, where an export is not whole, and where a file that was taken in
    before is gone or is another one now.
    """
    ledger = known_before = lake.read_ledger()
    listing, unfinished = _without_unfinished(exports.list(settings.require_landing()), ledger)
    listing, manifests = _whole_exports(exports, listing, now=settings.now)
    if not listing.files and not unfinished:
        raise LandingError(
            "no export was found", where=str(settings.landing), hint="files are called like Patient-000.ndjson[.gz]"
        )
    wanted = {*used_types, DELETIONS}
    found = [f for f in listing.files if f.resource_type in wanted]
    known = {(f.export, f.name): f for e in ledger.exports for f in e.files}
    changed = [f for f in found if not exports.is_known(f, known.get((f.export, f.name)))]
    if on_total:
        on_total(sum(f.bytes for f in changed))
    taken = {(f.export, f.name): exports.take_in(f, on_bytes=on_bytes) for f in changed}
    before = {e.name for e in ledger.exports}
    for export in _exports_of(found, listing, manifests, files=known | taken, now=settings.now):
        ledger = _with_export(settings, ledger, export)
    ledger = ledger.with_settled_sources()
    unused = _count_unused([f for f in listing.files if f.resource_type not in wanted])
    if not ledger.exports and not unfinished:
        raise _nothing_of_use(settings, unused)
    _refuse_mixed(settings, ledger)
    _refuse_missing(settings, ledger, exports, listing.files)
    # Where nothing came, no other run is told that the ledger changed.
    if ledger != known_before:
        lake.write_ledger(ledger)
    return LandingReport(
        ledger=ledger,
        files_read=len(taken),
        ignored=listing.ignored,
        unused=unused,
        unfinished=unfinished,
        copies=tuple((e.name, e.same_as) for e in ledger.exports if e.same_as and e.name not in before),
    )


def forget(lake: Lake, export: str) -> tuple[str, ...]:
    """Take an export out of the ledger on purpose; the next run builds releases without it.

    Gives what fell with it: its copies, and what was replayed of its lines.
    """
    ledger = lake.read_ledger()
    lake.write_ledger(ledger.without(export))
    return tuple(name for name in ledger.falling_with(export) if name != export)


def _without_unfinished(listing: Listing, ledger: Ledger) -> tuple[Listing, tuple[str, ...]]:
    """The listing without what export jobs still write; and the names of the exports that this is about."""
    places = ledger.unfinished_places()
    if not places:
        return listing, ()
    landed = {e.name for e in ledger.exports}
    held = [f for f in listing.files if f.path.startswith(places) and f.export not in landed]
    names = {f.export for f in held}
    kept = replace(
        listing,
        files=tuple(f for f in listing.files if f.export not in names),
        manifests=tuple(m for m in listing.manifests if m.export not in names),
    )
    return kept, tuple(sorted(names))


def _whole_exports(exports: Exports, listing: Listing, *, now: str) -> tuple[Listing, dict[str, ExportManifest]]:
    """The manifests by export; and the listing, without files that the manifest of their export does not name."""
    manifests = {found.export: exports.read_manifest(found) for found in listing.manifests}
    _refuse_wrong_manifests(listing, manifests, now=now)
    sizes = {(f.export, f.name): f.bytes for f in listing.files}
    strangers: set[tuple[str, str]] = set()
    for found in listing.manifests:
        stated = manifests[found.export].files
        if stated is None:
            continue
        amiss = [f.name for f in stated if sizes.get((found.export, f.name)) != f.bytes]
        if amiss:
            raise LandingError(
                f"the export is not whole: {len(amiss)} of its {len(stated)} file(s) are missing or of another size",
                where=f"{found.root}: {amiss[0]}",
                hint="download it again; or remove its export.json, and it is landed as one of which nothing is known",
            )
        named = {f.name for f in stated}
        strangers.update((e, n) for e, n in sizes if e == found.export and n not in named)
    reason = "the manifest of its export does not name it"
    ignored = [IgnoredFile(f.path, reason, is_missed=True) for f in listing.files if (f.export, f.name) in strangers]
    kept = tuple(f for f in listing.files if (f.export, f.name) not in strangers)
    return replace(listing, files=kept, ignored=(*listing.ignored, *ignored)), manifests


def _exports_of(
    found: Iterable[FoundFile],
    listing: Listing,
    manifests: Mapping[str, ExportManifest],
    *,
    files: Mapping[tuple[str, str], LandedFile],
    now: str,
) -> Iterator[LandedExport]:
    """The exports in the landing zone as they stand now, by name; `files` are the landed ones by export and name."""
    by_export = {place: tuple(group) for place, group in groupby(found, key=lambda f: (f.export, f.root))}
    stated = {(m.export, m.root) for m in listing.manifests}
    for name, root in sorted(stated.union(by_export)):
        held = tuple(files[name, f.name] for f in by_export.get((name, root), ()))
        yield LandedExport(name, root, now, held, manifests.get(name))


def _refuse_wrong_manifests(listing: Listing, manifests: Mapping[str, ExportManifest], *, now: str) -> None:
    """A manifest at a wrong place, or of a wrong time, would remove what nobody said is gone."""
    held = {f.export for f in listing.files}
    latest = datetime.fromisoformat(now) + CLOCKS_DIFFER
    for found in listing.manifests:
        submitted_at = manifests[found.export].submitted_at
        if found.export not in held:
            raise LandingError(
                "is the manifest of an export without any file",
                where=found.path,
                hint="put it into the folder of the export that it is about, beside its files or their folders",
            )
        if datetime.fromisoformat(submitted_at) > latest:
            raise LandingError(
                f"submitted_at is {submitted_at}, which is still to come", where=found.path, hint="correct it"
            )


def _source_of(settings: Settings, now: LandedExport, before: LandedExport | None) -> str:
    """The source of an export, which it keeps; raise where somebody says another one than it was landed with.

    Where nobody said any, a manifest that comes later still may.
    """
    stated = stated_source(now.name, now.manifest)
    told = stated or settings.source
    if told and (fault := fault_of_name(told)):
        raise LandingError(f"its source {fault}", where=now.root, hint=f"correct source in {MANIFEST_FILE}")
    if before is None or (now.manifest and not before.manifest and before.source == DEFAULT_SOURCE):
        return told or DEFAULT_SOURCE
    if told not in (None, before.source):
        says = "its manifest or its folder's name says" if stated else "--source says"
        raise LandingError(
            f"export {now.name!r} was landed from source {before.source!r}, and {says} {told!r}",
            where=now.root,
            hint=(
                "give exports of each source a landing zone of their own, or an export.json; "
                f"or, to land this one anew on purpose: {settings.forget_command(now.name)}"
            ),
        )
    return before.source


def _with_export(settings: Settings, ledger: Ledger, now: LandedExport) -> Ledger:
    """The ledger with an export as it stands now: files that are gone stay listed, so that their absence is noticed."""
    before = ledger.export(now.name)
    if before is None:
        now = replace(now, source=_source_of(settings, now, None))
        # What a delete list removes may have come again since.
        removes = any(f.resource_type == DELETIONS for f in now.files)
        return ledger.with_export(now if removes else replace(now, same_as=find_original(ledger.exports, now)))
    files = {f.name: f for f in now.files}
    changed = [f for f in before.files if f.digest != files.get(f.name, f).digest]
    absent = [f for f in before.files if f.name not in files]
    if before.root != now.root and (changed or absent):
        raise LandingError(
            f"an export called {now.name!r} was taken in from {before.root} before, and this is another one",
            where=now.root,
            hint=f"rename the folder; or, to replace it on purpose: {settings.forget_command(now.name)}",
        )
    if changed:
        raise LandingError(
            f"{len(changed)} file(s) of export {now.name!r} changed after they were landed",
            where=changed[0].path,
            hint=f"put them back; or, to land them anew on purpose: {settings.forget_command(now.name)}",
        )
    if before.manifest is not None and now.manifest != before.manifest:
        # It says what is deleted, and puts the export in order: without a word, what is gone would come back.
        raise LandingError(
            f"the manifest of export {now.name!r} changed, or is gone, since it was landed",
            where=f"{now.root}: {MANIFEST_FILE}",
            hint=f"put it back; or, to land the export anew on purpose: {settings.forget_command(now.name)}",
        )
    merged = tuple(sorted((*now.files, *absent), key=lambda f: f.name))
    source = _source_of(settings, now, before)
    whole = replace(now, landed_at=before.landed_at, files=merged, source=source)
    original = ledger.export(before.same_as) if before.same_as else None
    # A copy that got more files than its original is an export of its own.
    is_copy = original is not None and whole.content <= original.content
    return ledger.with_export(replace(whole, same_as=before.same_as if is_copy else None))


def _refuse_mixed(settings: Settings, ledger: Ledger) -> None:
    """An id space called like a source outside of it, and one file under two exports, would mix what is not one.

    Such a file would count, and be superseded by itself.
    """
    settings.id_spaces.refuse_mixed(e.source for e in ledger.exports)
    first: dict[str, str] = {}
    for export in ledger.exports:
        for file in export.files:
            if first.setdefault(file.path, export.name) != export.name:
                raise LandingError(
                    f"was taken in as part of export {first[file.path]!r} and now stands in {export.name!r} too",
                    where=file.path,
                    hint=f"give the same --landing as before; or: {settings.forget_command(first[file.path])}",
                )


def _refuse_missing(settings: Settings, ledger: Ledger, exports: Exports, found: Sequence[FoundFile]) -> None:
    missing = exports.missing([f for e in ledger.exports for f in e.files], found=found)
    if missing:
        first = missing[0]
        raise LandingError(
            f"{len(missing)} file(s) that were taken in are gone, the first of export {first.export!r}",
            where=first.path,
            hint=f"put them back, or drop the export on purpose: {settings.forget_command(first.export)}",
        )


def _nothing_of_use(settings: Settings, unused: tuple[tuple[str, int, int], ...]) -> LandingError:
    """The error where files were found, and no product reads any of them."""
    names = ", ".join(name for name, _, _ in unused)
    hint = "one resource a line, in a file for each type; take the resources out of their Bundles"
    if not any(name == "Bundle" for name, _, _ in unused):
        hint = "caremesh products lists what is read; caremesh new makes a product of a type"
    return LandingError(f"no product reads any file here: {names}", where=str(settings.landing), hint=hint)


def _count_unused(files: list[FoundFile]) -> tuple[tuple[str, int, int], ...]:
    by_type = sorted(files, key=lambda f: f.resource_type)
    return tuple(
        (name, len(group), sum(f.bytes for f in group))
        for name, group in ((n, list(g)) for n, g in groupby(by_type, key=lambda f: f.resource_type))
    )
