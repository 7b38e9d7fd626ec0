"""An erasure at work: each step finds out what of it is done already, so that a killed one is finished by the same way.

Landing first, then the ledger, then the releases: made anew beside the old ones, before the pointers move and the old
ones go, so that no reader meets half of it. What is derived from them is built again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from caremesh.erasure.plan import belongings_of, change_ledger_files, erased_of, new_name, open_releases, release_homes
from caremesh.errors import CareMeshError, LakeError
from caremesh.fhir.belongings import Belongings
from caremesh.fhir.cleansing import cleanse
from caremesh.lake.decisions import Decision
from caremesh.lake.erased_receipts import rename_in_receipts
from caremesh.lake.erased_release import erase_release, read_manifest
from caremesh.lake.erasures import FileStep, Pending, Receipt, digest_subject, finish_pending
from caremesh.lake.files import remove_folder, seal_files, write_json
from caremesh.lake.layout import MANIFEST_FILE
from caremesh.lake.ledger import Ledger
from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.products import Domain, select_products
from caremesh.settings import Settings
from caremesh.sources.erasing import Line, digest_of, rewrite, rewrite_manifest, type_of
from caremesh.stages.curate import curate
from caremesh.stages.register import register

BUILT = "erased"
"""The folder, below the scratch folder, in which a release is made."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Erasing:
    """One erasure, from its plan to its receipt."""

    pending: Pending
    settings: Settings
    lake: LocalLake
    domains: tuple[Domain, ...]
    command: str
    say: Say

    def finish(self) -> Receipt:
        """Do all that is not done yet; raise what went wrong with the curated tables after everything else is done."""
        try:
            self._rewrite_files()
            self._change_ledger()
            self._replace_releases()
        except OSError as error:
            raise LakeError(
                f"the erasure stopped: {error.strerror}",
                where=str(error.filename),
                hint=f"mend that, then finish it: {self.settings.command('erase')}",
            ) from None
        late = self._derive()
        receipt = self._receipt()
        finish_pending(self.lake.root, receipt)
        if late:
            raise late
        return receipt

    def _rewrite_files(self) -> None:
        self.say(f"landing: {len(self.pending.files)} file(s) are rewritten")
        belongings = belongings_of(self.pending)
        for step in self.pending.files:
            path = Path(step.path)
            found = digest_of(path)
            if found == step.before:
                rewrite(path, self._change(path, step, belongings))
            elif found != step.after:
                raise LakeError("changed while it was to be rewritten", where=step.path, hint="put it back, and go on")
        sizes = {Path(step.path): step.bytes for step in self.pending.files}
        for manifest in map(Path, self.pending.manifests):
            if manifest.exists():
                rewrite_manifest(manifest, sizes, self.pending.types.get(str(manifest.parent)))
        for download in map(Path, self.pending.downloads):
            remove_folder(download)

    def _change(self, path: Path, step: FileStep, belongings: Belongings) -> Callable[[Line], str | None]:
        landed = next((f for e in self.lake.read_ledger().exports for f in e.files if f.path == step.path), None)
        kind = landed.resource_type if landed else type_of(path)
        contested = frozenset(self.pending.contested)

        def change(line: Line) -> str | None:
            cleansed = cleanse(line.text, kind, belongings, contested=contested)
            return {"same": line.text, "removed": None, "scrubbed": cleansed.text}[cleansed.outcome]

        return change

    def _change_ledger(self) -> None:
        before = self.lake.read_ledger()
        ledger = change_ledger_files(before, self.pending.files, self.pending.types)
        changed = {step.path for step in self.pending.files}
        exports = tuple(
            replace(
                e,
                files=tuple(
                    replace(f, modified_ns=Path(f.path).stat().st_mtime_ns) if f.path in changed else f for f in e.files
                ),
            )
            for e in ledger.exports
        )
        ledger = replace(ledger, exports=exports, decisions=self._decisions(ledger))
        if ledger != before:
            self.lake.write_ledger(ledger)

    def _decisions(self, ledger: Ledger) -> tuple[Decision, ...]:
        """The decisions without those on lines that went; where a reason names her, it goes too."""
        steps = {(d.export, d.file, d.before): d for d in self.pending.decisions}
        belongings = belongings_of(self.pending)
        kept = []
        for decision in ledger.decisions:
            step = steps.get((decision.export, decision.file, decision.text))
            if step and step.after is None:
                continue
            reason = "" if belongings.are_named_in(decision.reason) else decision.reason
            kept.append(replace(decision, text=(step.after if step else None) or decision.text, reason=reason))
        return tuple(kept)

    def _replace_releases(self) -> None:
        """Make each release that changes anew, move the pointers, show that, and remove the old ones."""
        names: dict[Path, dict[str, str]] = {}
        homes = list(release_homes(self.lake.root))
        for home in homes:
            if made := self._erase_release(home):
                names.setdefault(home.parent.parent, {})[home.name] = made
        self.say(f"releases: {sum(map(len, names.values()))} of {len(homes)} are replaced")
        self._restate_names({_product(folder): renamed for folder, renamed in names.items()}, gone=names)
        for folder, renamed in names.items():
            self.lake.replace_releases(folder, renamed)
        products = select_products(self.domains)
        self.lake.show(products)
        for folder, renamed in names.items():
            for old in renamed:
                self.lake.remove_release(folder / "releases" / old)
        for candidate in sorted(self.lake.root.glob("products/*/*/candidates/*")):
            self.lake.remove_release(candidate)

    def _erase_release(self, home: Path) -> str | None:
        """Make one release anew beside the old one; give its name, None where nothing of it changes."""
        made = make_release(self.pending, home, settings=self.settings, lake=self.lake)
        if made is None:
            return None
        built = self.lake.scratch / BUILT
        name = new_name(self.pending, made.product, home.name, has_gaps=made.has_gaps)
        write_json(built / MANIFEST_FILE, replace(made, release=name).to_json())
        self.lake.add_release(home.parent / name, built)
        return name

    def _restate_names(self, names: Mapping[str, Mapping[str, str]], *, gone: Mapping[Path, Mapping[str, str]]) -> None:
        """Let releases that were made from others, or held against them, know these by their new names."""
        for home in release_homes(self.lake.root):
            if home.name in gone.get(home.parent.parent, {}):
                continue
            manifest = read_manifest(home)
            after = _with_names(manifest, names)
            if after != manifest:
                write_json(home / MANIFEST_FILE, after.to_json())
            if own := names.get(manifest.product):
                with open_releases(self.settings, self.lake) as connection:
                    rename_in_receipts(connection, home, manifest, own)
            seal_files(home)

    def _derive(self) -> CareMeshError | None:
        """Build curated tables and catalog again; tables that cannot be built are removed, and the error is given."""
        late: CareMeshError | None = None
        products = select_products(self.domains)
        build = None
        if self.pending.had_curated:
            self.say("curated tables are built again")
            try:
                report = curate(products, settings=self.settings, lake=self.lake)
                build = None if report.skipped else report.build
            except CareMeshError as error:
                late = error
        self.lake.drop_curated(keep=build.build if build else None)
        if self.pending.had_curated:
            self.lake.show_curated(products)
        if self.lake.catalog.exists():
            register(self.domains, target=self.settings.target, lake=self.lake)
        return late

    def _receipt(self) -> Receipt:
        pending = self.pending
        build = self.lake.read_curated()
        rows = {t.id: t.rows for t in build.tables} if build else {}
        return Receipt(
            receipt=pending.receipt,
            at=pending.at,
            command=self.command,
            salt=pending.salt,
            subject_sha256=digest_subject(pending.subject, pending.salt),
            resources=len(pending.keys),
            exports=count_exports(pending),
            products=_count_products(self.lake.root, pending.receipt),
            curated={table: (before, rows.get(table, 0)) for table, before in pending.curated.items()},
            downloads=len(pending.downloads),
            other_files=pending.others,
        )


def make_release(pending: Pending, home: Path, *, settings: Settings, lake: LocalLake) -> Manifest | None:
    """Write a release without her into the scratch folder; give its manifest, None where nothing of it changes."""
    built = lake.scratch / BUILT
    remove_folder(built)
    built.mkdir(parents=True)
    with open_releases(settings, lake) as connection:
        return erase_release(connection, home, built, erased_of(pending))


def count_exports(pending: Pending) -> dict[str, dict[str, int]]:
    """Files, lines removed and lines scrubbed, by export; files that are in no ledger count under an empty name."""
    counts: dict[str, dict[str, int]] = {}
    for step in pending.files:
        count = counts.setdefault(step.export, {"files": 0, "lines_removed": 0, "lines_scrubbed": 0})
        count["files"] += 1
        count["lines_removed"] += step.removed
        count["lines_scrubbed"] += step.scrubbed
    return counts


def _count_products(root: Path, receipt: str) -> dict[str, dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for home in release_homes(root):
        manifest = read_manifest(home)
        for e in (e for e in manifest.erasures if e.receipt == receipt):
            counts.setdefault(manifest.product, {})[manifest.release] = {
                "rows": e.rows,
                "cells": e.cells,
                "keys": e.keys,
                "quarantined": e.quarantined,
            }
    return counts


def _product(folder: Path) -> str:
    """The id of the product in a folder."""
    return f"{folder.parent.name}.{folder.name}"


def _with_names(manifest: Manifest, names: Mapping[str, Mapping[str, str]]) -> Manifest:
    own = names.get(manifest.product, {})
    why, found = manifest.why, manifest.completeness
    for old, new in own.items():
        why = why.replace(old, new)
    if found is not None:
        required = tuple((p, names.get(p, {}).get(r or "", r)) for p, r in found.required)
        found = replace(found, required=required)
    return replace(manifest, why=why, base=own.get(manifest.base or "", manifest.base), completeness=found)
