"""Land: take the exports of the landing zone into the ledger, with every file's bytes, digest and lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from caremesh.errors import LandingError
from caremesh.lake.base import Lake
from caremesh.lake.ledger import LandedExport, Ledger
from caremesh.settings import Settings
from caremesh.sources.landing import Exports
from caremesh.sources.ndjson import FoundFile, IgnoredFile


@dataclass(frozen=True)
class LandingReport:
    """What landing found: the ledger now, files read in this run, and what was passed over."""

    ledger: Ledger
    files_read: int
    ignored: tuple[IgnoredFile, ...]
    unused: tuple[tuple[str, int, int], ...]
    """Resource types that no product reads: type, files, bytes. They are listed, and not opened."""


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

    Raises LandingError where a file cannot be read, or one that was taken in before is gone.
    """
    listing = exports.list(settings.require_landing())
    if not listing.files:
        raise LandingError(
            "no export was found", where=str(settings.landing), hint="files are called like Patient-000.ndjson[.gz]"
        )
    wanted = set(used_types)
    found = [f for f in listing.files if f.resource_type in wanted]
    ledger = lake.read_ledger()
    known = {(f.export, f.name): f for e in ledger.exports for f in e.files}
    changed = [f for f in found if not exports.is_known(f, known.get((f.export, f.name)))]
    if on_total:
        on_total(sum(f.bytes for f in changed))
    taken = {(f.export, f.name): exports.take_in(f, on_bytes=on_bytes) for f in changed}
    for (name, root), files in groupby(found, key=lambda f: (f.export, f.root)):
        landed = tuple(taken.get((f.export, f.name)) or known[f.export, f.name] for f in files)
        ledger = ledger.with_export(_export(settings, ledger.export(name), LandedExport(name, root, "", landed)))
    _refuse_twice(settings, ledger)
    _refuse_missing(settings, ledger, exports, listing.files)
    lake.write_ledger(ledger)
    return LandingReport(
        ledger=ledger,
        files_read=len(taken),
        ignored=listing.ignored,
        unused=_count_unused([f for f in listing.files if f.resource_type not in wanted]),
    )


def forget(lake: Lake, export: str) -> Ledger:
    """Take an export out of the ledger on purpose; the next run builds releases without it."""
    ledger = lake.read_ledger().without(export)
    lake.write_ledger(ledger)
    return ledger


def _export(settings: Settings, before: LandedExport | None, now: LandedExport) -> LandedExport:
    """The export as it stands now: files of it that are gone stay listed, so that their absence is noticed."""
    if before is None:
        return replace(now, landed_at=settings.now)
    digests = {f.name: f.digest for f in now.files}
    if before.root != now.root and any(digests.get(f.name) != f.digest for f in before.files):
        raise LandingError(
            f"an export called {now.name!r} was taken in from {before.root} before, and this is another one",
            where=now.root,
            hint=f"rename the folder; or, to replace it on purpose: {settings.forget_command(now.name)}",
        )
    gone = tuple(f for f in before.files if f.name not in digests)
    merged = tuple(sorted((*now.files, *gone), key=lambda f: f.name))
    return replace(now, landed_at=before.landed_at, files=merged)


def _refuse_twice(settings: Settings, ledger: Ledger) -> None:
    """One file under two exports would count, and be superseded by itself."""
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


def _count_unused(files: list[FoundFile]) -> tuple[tuple[str, int, int], ...]:
    by_type = sorted(files, key=lambda f: f.resource_type)
    return tuple(
        (name, len(group), sum(f.bytes for f in group))
        for name, group in ((n, list(g)) for n, g in groupby(by_type, key=lambda f: f.resource_type))
    )
