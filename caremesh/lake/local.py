"""A lake in a folder.

<lake>/ledger.json                                   exports taken in
<lake>/products/<domain>/<product>/current.json      pointer to the current release
<lake>/products/<domain>/<product>/releases/<id>/    data.parquet quarantine.parquet manifest.json report.html
<lake>/products/<domain>/<product>/candidates/<id>/  the same, not (or not yet) published
<lake>/curated/current.json, curated/<build>/        curated tables of one dbt build
<lake>/caremesh.duckdb                               views over all of the above; can be rebuilt at any time
<lake>/catalog/                                      the catalog pages
<lake>/scratch/                                      work in progress; what a failed run left stays until the next
<lake>/run.lock                                      who writes
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caremesh.errors import LakeError, PublishError
from caremesh.lake.files import move_folder, read_json, remove_folder, sync, write_json, write_text
from caremesh.lake.lock import LOCK_FILE
from caremesh.lake.release import Manifest, Move, Pointer
from caremesh.products import Product

DATA_FILE = "data.parquet"
QUARANTINE_FILE = "quarantine.parquet"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
DATABASE_FILE = "caremesh.duckdb"
LAKE_MARK = "lake.json"
LAKE_FORMAT = 1


@dataclass(frozen=True)
class LocalLake:
    """A lake in the folder `root`. Reading needs no lock; every method that changes something needs it held."""

    root: Path

    # the lake as a whole

    def prepare(self) -> None:
        """Make the lake folder, or make sure that it is one; empty the scratch folder of an earlier run."""
        mark = self.root / LAKE_MARK
        if mark.exists():
            found = read_json(mark, lambda stated: stated["format"])
            if found != LAKE_FORMAT:
                raise LakeError(f"lake format {found!r}; this version reads {LAKE_FORMAT}", where=str(self.root))
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
        return self.root / "catalog"

    @property
    def curated(self) -> Path:
        """The folder of the curated tables, one folder per build."""
        return self.root / "curated"

    # releases of a product

    def folder(self, product: Product) -> Path:
        """Everything of one product."""
        return self.root / "products" / product.domain / product.name

    def release_folder(self, product: Product, release: str) -> Path:
        """The folder of a published release."""
        return self.folder(product) / "releases" / release

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
        known = [m.release for m in self.releases(product)]
        if release not in known:
            raise PublishError(f"{product.id} has no release {release!r}", hint=f"one of: {', '.join(known) or 'none'}")

    def candidates(self, product: Product) -> tuple[Manifest, ...]:
        """All candidates that stand aside: not checked yet, failed, or about to be published."""
        return self._manifests(self.folder(product) / "candidates")

    def _manifests(self, folder: Path) -> tuple[Manifest, ...]:
        files = sorted(folder.glob(f"*/{MANIFEST_FILE}"))
        return tuple(read_json(f, Manifest.from_json) for f in files)

    def add_candidate(self, product: Product, built: Path, manifest: Manifest) -> None:
        """Put a finished candidate into place; earlier candidates of the product, failed or unused, go."""
        for file in built.iterdir():
            sync(file)
        write_json(built / MANIFEST_FILE, manifest.to_json())
        self.drop_candidates(product)
        move_folder(built, self.candidate_folder(product, manifest.release))

    def drop_candidates(self, product: Product, *, keep: str | None = None) -> None:
        """Remove what stands aside of a product, but for the candidate of one release."""
        for folder in (self.folder(product) / "candidates").glob("*"):
            if folder.name != keep:
                # First out of sight in one step: a candidate that is half removed must not be found.
                dropped = self.scratch / f"dropped-{product.id}-{folder.name}"
                remove_folder(dropped)
                move_folder(folder, dropped)
                remove_folder(dropped)

    def judge_candidate(self, product: Product, manifest: Manifest, report: str) -> None:
        """Store the verdict on a candidate and the page that explains it."""
        folder = self.candidate_folder(product, manifest.release)
        write_text(folder / REPORT_FILE, report)
        write_json(folder / MANIFEST_FILE, manifest.to_json())

    # the pointer

    def pointer(self, product: Product) -> Pointer | None:
        """Which release is current; None where nothing was ever published."""
        path = self.folder(product) / "current.json"
        return read_json(path, Pointer.from_json) if path.exists() else None

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

    def publish(self, product: Product, release: str, *, at: str) -> None:
        """Make a checked candidate, or an earlier release, current: one rename, then one pointer move."""
        target = self.release_folder(product, release)
        if not target.exists():
            move_folder(self.candidate_folder(product, release), target)
        before = self.pointer(product)
        withdrawn = tuple(r for r in before.withdrawn if r != release) if before else ()
        self._point(product, Pointer(release, self._moved(before, Move(release, at, "publish")), withdrawn))

    def rollback(self, product: Product, release: str | None, *, at: str) -> str:
        """Point back to `release`, or to the one before the current; the release left behind is withdrawn."""
        before = self.pointer(product)
        if before is None:
            raise PublishError(f"{product.id} was never published", hint="caremesh run first")
        target = self._previous(product, before) if release is None else release
        if target == before.release:
            raise PublishError(f"{target} is the current release of {product.id} already")
        self.require_release(product, target)
        withdrawn = tuple(dict.fromkeys((*before.withdrawn, before.release)))
        withdrawn = tuple(r for r in withdrawn if r != target)
        self._point(product, Pointer(target, self._moved(before, Move(target, at, "rollback")), withdrawn))
        return target

    def _point(self, product: Product, pointer: Pointer) -> None:
        write_json(self.folder(product) / "current.json", pointer.to_json())

    @staticmethod
    def _moved(before: Pointer | None, move: Move) -> tuple[Move, ...]:
        return (*before.history, move) if before else (move,)

    @staticmethod
    def _previous(product: Product, pointer: Pointer) -> str:
        earlier = [m.release for m in pointer.history if m.release not in (pointer.release, *pointer.withdrawn)]
        if not earlier:
            raise PublishError(f"{product.id} has no release before {pointer.release}", hint="nothing to go back to")
        return earlier[-1]
