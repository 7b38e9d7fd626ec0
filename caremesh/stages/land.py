"""Land: take the exports of the landing zone into the ledger, with every file's bytes, digest and lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from caremesh.errors import LandingError
from caremesh.lake.ledger import LandedExport, Ledger, missing_files, read_ledger, write_ledger
from caremesh.settings import Settings
from caremesh.sources.ndjson import FoundFile, IgnoredFile, LandedFile, is_unchanged, list_landing, take_in


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
    used_types: Iterable[str],
    on_total: Callable[[int], None] | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> LandingReport:
    """Bring the ledger up to date with the landing zone; files that did not change are not read again.

    Raises LandingError where a file cannot be read, or one that was taken in before is gone.
    """
    listing = list_landing(settings.require_landing())
    if not listing.files:
        raise LandingError(
            "no export was found", where=str(settings.landing), hint="files are called like Patient-000.ndjson[.gz]"
        )
    wanted = set(used_types)
    found = [f for f in listing.files if f.resource_type in wanted]
    ledger = read_ledger(settings.lake)
    known = {(f.export, f.name): f for e in ledger.exports for f in e.files}
    changed = [f for f in found if not _is_known(f, known)]
    if on_total:
        on_total(sum(f.path.stat().st_size for f in changed))
    taken = {(f.export, f.name): take_in(f, on_bytes=on_bytes) for f in changed}
    for (name, root), files in groupby(found, key=lambda f: (f.export, f.root)):
        landed = tuple(taken.get((f.export, f.name)) or known[f.export, f.name] for f in files)
        ledger = ledger.with_export(_export(settings, ledger.export(name), LandedExport(name, str(root), "", landed)))
    _refuse_twice(ledger)
    _refuse_missing(ledger)
    write_ledger(settings.lake, ledger)
    return LandingReport(
        ledger=ledger,
        files_read=len(taken),
        ignored=listing.ignored,
        unused=_count_unused([f for f in listing.files if f.resource_type not in wanted]),
    )


def forget(settings: Settings, export: str) -> Ledger:
    """Take an export out of the ledger on purpose; the next run builds releases without it."""
    ledger = read_ledger(settings.lake).without(export)
    write_ledger(settings.lake, ledger)
    return ledger


def _is_known(found: FoundFile, known: dict[tuple[str, str], LandedFile]) -> bool:
    landed = known.get((found.export, found.name))
    return landed is not None and landed.path == str(found.path.resolve()) and is_unchanged(landed)


def _export(settings: Settings, before: LandedExport | None, now: LandedExport) -> LandedExport:
    """The export as it stands now: files of it that are gone stay listed, so that their absence is noticed."""
    if before is None:
        return replace(now, landed_at=settings.now)
    digests = {f.name: f.sha256 for f in now.files}
    if before.root != now.root and any(digests.get(f.name) != f.sha256 for f in before.files):
        raise LandingError(
            f"an export called {now.name!r} was taken in from {before.root} before, and this is another one",
            where=now.root,
            hint=f"rename the folder; or, to replace it on purpose: caremesh land --forget {now.name}",
        )
    gone = tuple(f for f in before.files if f.name not in digests)
    merged = tuple(sorted((*now.files, *gone), key=lambda f: f.name))
    return replace(now, landed_at=before.landed_at, files=merged)


def _refuse_twice(ledger: Ledger) -> None:
    """One file under two exports would count, and be superseded by itself."""
    first: dict[str, str] = {}
    for export in ledger.exports:
        for file in export.files:
            if first.setdefault(file.path, export.name) != export.name:
                raise LandingError(
                    f"was taken in as part of export {first[file.path]!r} and now stands in {export.name!r} too",
                    where=file.path,
                    hint=f"give the same --landing as before; or: caremesh land --forget {first[file.path]}",
                )


def _refuse_missing(ledger: Ledger) -> None:
    missing = missing_files(ledger.exports)
    if missing:
        first = missing[0]
        raise LandingError(
            f"{len(missing)} file(s) that were taken in are gone, the first of export {first.export!r}",
            where=first.path,
            hint=f"put them back, or drop the export on purpose: caremesh land --forget {first.export}",
        )


def _count_unused(files: list[FoundFile]) -> tuple[tuple[str, int, int], ...]:
    by_type = sorted(files, key=lambda f: f.resource_type)
    return tuple(
        (name, len(group), sum(f.path.stat().st_size for f in group))
        for name, group in ((n, list(g)) for n, g in groupby(by_type, key=lambda f: f.resource_type))
    )
