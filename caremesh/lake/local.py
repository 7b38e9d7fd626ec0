"""A lake in a folder; `caremesh.lake.layout` says what stands where. Beside that, only here:

<lake>/products/<domain>/<product>/current.json      pointer to the current release
<lake>/products/<domain>/<product>/candidates/<id>/  as a release, not (or not yet) published
<lake>/caremesh.duckdb                               views over all of it; can be rebuilt at any time
<lake>/scratch/                                      work in progress; what a failed run left stays until the next
<lake>/run.lock                                      who writes
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from caremesh.errors import LakeError, PublishError
from caremesh.lake.curated import CuratedBuild, CuratedTable
from caremesh.lake.files import move_folder, read_json, remove_folder, seal_files, sync_folder, write_json, write_text
from caremesh.lake.layout import (
    CATALOG_FOLDER,
    CURATED_FOLDER,
    CURRENT_FILE,
    LAKE_FORMAT,
    LAKE_MARK,
    LEDGER_FILE,
    MANIFEST_FILE,
    RELEASES_FOLDER,
    REPLAYS_FOLDER,
    REPORT_FILE,
    in_order,
    product_key,
    release_key,
)
from caremesh.lake.ledger import Ledger, ledger_from_json, ledger_to_json
from caremesh.lake.ledger_paths import resolve_paths, state_paths
from caremesh.lake.local_pointer import LocalPointer
from caremesh.lake.lock import LOCK_FILE, hold_lock
from caremesh.lake.pointer import Pointer, move_back, move_forward, renamed, retirable, without
from caremesh.lake.release import Manifest
from caremesh.products import Product

DATABASE_FILE = "caremesh.duckdb"


@dataclass(frozen=True)
class LocalLake:
    """A lake in the folder `root`. Reading needs no lock; every method that changes something needs it held."""

    root: Path

    # the lake as a whole

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        return self.root.resolve().name

    @contextmanager
    def hold(self, *, command: str, since: str) -> Iterator[None]:
        """Hold the lake for writing, or raise LakeLockedError at once, naming who holds it.

        A lake holds patients' data: what this process writes meanwhile is for its owner and group, and nobody else.
        """
        before = os.umask(0o027)
        os.umask(before | 0o027)
        try:
            with hold_lock(self.root, command=command, since=since):
                yield
        finally:
            os.umask(before)

    def prepare(self) -> None:
        """Make the lake folder, or make sure that it is one; empty the scratch folder of an earlier run."""
        mark = self.root / LAKE_MARK
        if mark.exists():
            found = read_json(mark, lambda stated: stated["format"])
            if found != LAKE_FORMAT:
                raise LakeError(
                    f"lake format {found!r}; this version reads {LAKE_FORMAT}",
                    where=str(self.root),
                    hint="make it anew in another folder: caremesh run --landing DIR --lake NEW",
                )
        else:
            self._refuse_other_folders()
            write_json(mark, {"format": LAKE_FORMAT})
        remove_folder(self.scratch)
        self.scratch.mkdir(parents=True)

    def _refuse_other_folders(self) -> None:
        strangers = [p.name for p in self.root.iterdir() if p.name not in (LOCK_FILE, f".{LAKE_MARK}.part")]
        if strangers:
            raise LakeError(
                f"the folder is no lake and not empty: it holds {strangers[0]!r}",
                where=str(self.root),
                hint="give an empty or new folder as --lake",
            )

    def tidy(self) -> None:
        """Remove the scratch folder of a run that ended well; that of a failed one stays to be looked at."""
        remove_folder(self.scratch)

    def require(self) -> None:
        """Raise LakeError where the folder is no lake."""
        if not (self.root / LAKE_MARK).exists():
            raise LakeError(
                "there is no lake here",
                where=str(self.root),
                hint="name it with --lake DIR; or make it: caremesh run --landing DIR",
            )

    @property
    def scratch(self) -> Path:
        """The folder for work in progress."""
        return self.root / "scratch"

    @property
    def database(self) -> Path:
        """The DuckDB file that analysts open."""
        return self.root / DATABASE_FILE

    @property
    def catalog(self) -> Path:
        """The folder of the catalog pages."""
        return self.root / CATALOG_FOLDER

    @contextmanager
    def catalog_folder(self) -> Iterator[Path]:
        """The folder of the catalog pages, to be written within the block."""
        yield self.catalog

    def read_ledger(self) -> Ledger:
        """The exports that were taken in; an empty ledger where nothing was."""
        path = self.root / LEDGER_FILE
        return resolve_paths(read_json(path, ledger_from_json), self.root) if path.exists() else Ledger()

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger in one step."""
        write_json(self.root / LEDGER_FILE, ledger_to_json(state_paths(ledger, self.root)))

    def show(self, products: Sequence[Product]) -> None:
        """Bring the DuckDB file that analysts open in step with the pointers and the curated build."""
        from caremesh.lake.database import rebuild_database

        rebuild_database(self, products)

    def show_curated(self, products: Sequence[Product]) -> None:
        """The same: products and curated tables stand in one file."""
        self.show(products)

    def add_replay(self, name: str, built: Path) -> Path:
        """Move the files of a replay into place; what a killed one left there, and the ledger never knew, goes."""
        sync_folder(built)
        target = (self.root / REPLAYS_FOLDER / name).resolve()
        self._remove(target)
        move_folder(built, target)
        return target

    # releases of a product

    def folder(self, product: Product) -> Path:
        """Everything of one product."""
        return self.root / product_key(product)

    def release_folder(self, product: Product, release: str) -> Path:
        """The folder of a published release."""
        return self.root / release_key(product, release)

    def candidate_folder(self, product: Product, release: str) -> Path:
        """The folder of a candidate: flattened, and perhaps checked, but never visible."""
        return self.folder(product) / "candidates" / release

    def find_manifest(self, product: Product, release: str) -> Manifest | None:
        """The manifest of a release, published or candidate; None where it is not there."""
        for folder in (self.release_folder(product, release), self.candidate_folder(product, release)):
            if (folder / MANIFEST_FILE).exists():
                return read_json(folder / MANIFEST_FILE, Manifest.from_json)
        return None

    def releases(self, product: Product) -> tuple[Manifest, ...]:
        """All published releases, whether current or not, by name."""
        return self._manifests(self.folder(product) / "releases")

    def require_release(self, product: Product, release: str) -> None:
        """Raise PublishError where the product has no published release of that name."""
        # A name that leads elsewhere (`..`) is the name of no folder here.
        known = sorted(path.parent.name for path in (self.folder(product) / RELEASES_FOLDER).glob(f"*/{MANIFEST_FILE}"))
        if release not in known:
            raise PublishError(f"{product.id} has no release {release!r}", hint=f"one of: {', '.join(known) or 'none'}")

    def candidates(self, product: Product) -> tuple[Manifest, ...]:
        """All candidates that stand aside: not checked yet, failed, or about to be published."""
        return self._manifests(self.folder(product) / "candidates")

    def _manifests(self, folder: Path) -> tuple[Manifest, ...]:
        files = sorted(folder.glob(f"*/{MANIFEST_FILE}"))
        return tuple(read_json(f, Manifest.from_json) for f in files)

    def parts_folder(self, kind: str) -> str:
        """Where the Parquet files of a kind (data, quarantine) of a release go, below its own folder."""
        return kind

    def add_candidate(self, product: Product, built: Path, manifest: Manifest) -> Manifest:
        """Put a finished candidate into place; earlier candidates of the product, failed or unused, go."""
        seal_files(built)
        sync_folder(built)
        write_json(built / MANIFEST_FILE, manifest.to_json())
        self.drop_candidates(product)
        move_folder(built, self.candidate_folder(product, manifest.release))
        return manifest

    def drop_candidates(self, product: Product, *, keep: str | None = None) -> None:
        """Remove what stands aside of a product, but for the candidate of one release."""
        for folder in (self.folder(product) / "candidates").glob("*"):
            if folder.name != keep:
                self._remove(folder)

    def set_aside(self, product: Product, release: str, *, seen: Pointer | None) -> None:  # noqa: ARG002
        """Let the candidate of one release stand aside, and no other; whoever holds the lake saw the newest pointer."""
        self.drop_candidates(product, keep=release)

    def judge_candidate(self, product: Product, manifest: Manifest, report: str) -> Manifest:
        """Store the verdict on a candidate and the page that explains it; give the manifest."""
        folder = self.candidate_folder(product, manifest.release)
        write_text(folder / REPORT_FILE, report)
        write_json(folder / MANIFEST_FILE, manifest.to_json())
        return manifest

    def part_files(self, product: Product, manifest: Manifest, folder: str) -> tuple[Path, ...]:
        """The Parquet files in a folder of a release, published or candidate."""
        return in_order((self._home(product, manifest) / folder).glob("*.parquet"))

    def quarantine_parts(self, product: Product, manifest: Manifest) -> Iterator[IO[bytes]]:
        """The Parquet files of the lines that a release could not use, open for reading, one after the other."""
        for path in self.part_files(product, manifest, manifest.quarantine):
            with path.open("rb") as file:
                yield file

    def report_link(self, product: Product, manifest: Manifest) -> str | None:
        """The link from a catalog page to a release's report; None where it was not checked."""
        page = self._home(product, manifest) / REPORT_FILE
        return f"../{page.relative_to(self.root).as_posix()}" if page.exists() else None

    def report_place(self, product: Product, manifest: Manifest) -> str:
        """Where a release's report stands, for people."""
        return str(self._home(product, manifest) / REPORT_FILE)

    def _home(self, product: Product, manifest: Manifest) -> Path:
        published = self.release_folder(product, manifest.release)
        return published if published.exists() else self.candidate_folder(product, manifest.release)

    # the pointer

    def pointer(self, product: Product) -> Pointer | None:
        """Which release is current; None where nothing was ever published."""
        return LocalPointer(self.folder(product)).read()

    def complete_pointer(self, product: Product) -> Pointer | None:
        """The pointer with every move that it ever made; None where nothing was ever published."""
        return LocalPointer(self.folder(product)).read_complete()

    def current(self, product: Product) -> Manifest | None:
        """The manifest of the current release; None where nothing was ever published."""
        pointer = self.pointer(product)
        if pointer is None:
            return None
        manifest = self.find_manifest(product, pointer.release)
        if manifest is None:
            raise LakeError(
                f"the current release {pointer.release} of {product.id} is gone",
                where=str(self.release_folder(product, pointer.release)),
                hint="restore the folder, or remove current.json beside it and run again",
            )
        return manifest

    def publish(self, product: Product, release: str, *, at: str, seen: Pointer | None) -> None:
        """Make a checked candidate, or an earlier release, current: one rename, then one pointer move.

        Whoever holds the lake has seen the newest pointer.
        """
        target = self.release_folder(product, release)
        if not target.exists():
            move_folder(self.candidate_folder(product, release), target)
        # Its rows were sealed before; its verdict and the page about it came later.
        seal_files(target)
        LocalPointer(self.folder(product)).write(move_forward(seen, release, at=at))

    def rollback(self, product: Product, release: str | None, *, at: str) -> str:
        """Point back to `release`, or to the one before the current; the release left behind is withdrawn."""
        pointer = move_back(product.id, self.complete_pointer(product), release, at=at)
        self.require_release(product, pointer.release)
        LocalPointer(self.folder(product)).write(pointer)
        return pointer.release

    def add_release(self, home: Path, built: Path) -> None:
        """Move what was made of a release beside it, unless it stands there already."""
        seal_files(built)
        sync_folder(built)
        if not home.exists():
            move_folder(built, home)

    def replace_releases(self, folder: Path, names: Mapping[str, str]) -> None:
        """Let the pointer of the product in a folder name releases by their new names."""
        pointer = LocalPointer(folder)
        before = pointer.read_complete()
        after = renamed(before, names) if before else None
        if after and after != before:
            pointer.write(after)

    def remove_release(self, home: Path) -> None:
        """Remove the folder of a release, or of a candidate, that no pointer names."""
        self._remove(home)

    def retire(self, product: Product, *, keep: int, before: str) -> tuple[str, ...]:
        """Remove releases beyond the newest `keep` that were left before a time; give their names."""
        pointer = self.complete_pointer(product)
        retired = retirable(pointer, keep=keep, before=before) if pointer else ()
        if pointer and retired:
            LocalPointer(self.folder(product)).write(without(pointer, retired))
            for release in retired:
                self._remove(self.release_folder(product, release))
        return retired

    def sweep(self, products: Sequence[Product], *, before: str) -> int:
        """Remove what nobody refers to and was left before a time; count its files.

        These are releases that were never published, old curated builds, and replays that the ledger does not list.
        """
        orphans = [*(folder for product in products for folder in self._orphans(product)), *self._lost_replays()]
        old = [folder for folder in orphans if _changed_at(folder) < before]
        build = self.read_curated()
        if build and build.built_at < before:
            old += [p for p in self.curated.glob("*") if p.is_dir() and p.name != build.build]
        removed = sum(1 for folder in old for p in folder.rglob("*") if p.is_file())
        for folder in old:
            self._remove(folder)
        return removed

    def _orphans(self, product: Product) -> list[Path]:
        pointer = self.complete_pointer(product)
        known = pointer.releases if pointer else ()
        return [p for p in (self.folder(product) / "releases").glob("*") if p.name not in known]

    def _lost_replays(self) -> list[Path]:
        ledger = self.read_ledger()
        return [p for p in (self.root / REPLAYS_FOLDER).glob("*") if ledger.export(p.name) is None]

    def _remove(self, folder: Path) -> None:
        """Remove a folder; first out of sight in one step, so that nobody finds it half removed."""
        if folder.exists():
            dropped = self.scratch / f"dropped-{folder.parent.parent.name}-{folder.name}"
            remove_folder(dropped)
            move_folder(folder, dropped)
            remove_folder(dropped)

    # the curated tables

    @property
    def curated(self) -> Path:
        """The folder of the curated tables, one folder per build."""
        return self.root / CURATED_FOLDER

    def read_curated(self) -> CuratedBuild | None:
        """The current build; None where nothing was curated yet."""
        pointer = self.curated / CURRENT_FILE
        return read_json(pointer, CuratedBuild.from_json) if pointer.exists() else None

    def curated_files(self, table: CuratedTable) -> tuple[Path, ...]:
        """The Parquet files of a curated table."""
        return tuple(sorted((self.root / table.folder).glob("*.parquet")))

    def add_curated(self, folder: Path, build: CuratedBuild) -> None:
        """Move the files of a finished build into place; earlier builds stay for readers that have them open."""
        seal_files(folder)
        if not (self.curated / build.build).exists():
            move_folder(folder, self.curated / build.build)

    def drop_curated(self, *, keep: str | None) -> None:
        """Remove all builds but one; without one to keep, there are no curated tables any more."""
        if keep is None:
            (self.curated / CURRENT_FILE).unlink(missing_ok=True)
        for folder in sorted(self.curated.glob("*")):
            if folder.is_dir() and folder.name != keep:
                self._remove(folder)

    def publish_curated(self, build: CuratedBuild) -> None:
        """Make a build current."""
        write_json(self.curated / CURRENT_FILE, build.to_json())


def _changed_at(folder: Path) -> str:
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
