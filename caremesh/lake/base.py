"""What every lake can do, wherever it lives: the stages know a lake by this and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from caremesh.lake.curated import CuratedBuild
from caremesh.lake.ledger import Ledger
from caremesh.lake.pointer import Pointer
from caremesh.lake.release import Manifest
from caremesh.places import Place
from caremesh.products import Product


class Lake(Protocol):
    """Ledger, releases, pointers, curated builds and catalog pages. Reading needs no lock; writing needs `hold`."""

    @property
    def name(self) -> str:
        """Its name in the catalog."""

    @property
    def scratch(self) -> Path:
        """A folder on this machine for work in progress; what a failed run left stays until the next."""

    def hold(self, *, command: str, since: str) -> AbstractContextManager[None]:
        """Hold the lake for writing; raise LakeLockedError where that cannot be shared."""

    def prepare(self) -> None:
        """Make the lake, or make sure that it is one; empty the scratch folder of an earlier run."""

    def tidy(self) -> None:
        """Remove what a run that ended well no longer needs."""

    def require(self) -> None:
        """Raise LakeError where there is no lake."""

    def read_ledger(self) -> Ledger:
        """The exports that were taken in; an empty ledger where nothing was."""

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger in one step; raise LakeError where somebody else did since it was read."""

    def find_manifest(self, product: Product, release: str) -> Manifest | None:
        """The manifest of a release, published or candidate; None where it is not there."""

    def releases(self, product: Product) -> tuple[Manifest, ...]:
        """All published releases, whether current or not, by name."""

    def require_release(self, product: Product, release: str) -> None:
        """Raise PublishError where the product has no published release of that name."""

    def candidates(self, product: Product) -> tuple[Manifest, ...]:
        """All candidates that stand aside: not checked yet, failed, or about to be published."""

    def parts_folder(self, kind: str) -> str:
        """Where the Parquet files of a kind (data, quarantine) of a release go, below its own folder."""

    def add_candidate(self, product: Product, built: Path, manifest: Manifest) -> Manifest:
        """Put a finished candidate into place; earlier ones, failed or unused, no longer stand aside.

        Gives the manifest that counts: that of another run, where one made the same release faster.
        """

    def set_aside(self, product: Product, release: str, *, seen: Pointer | None) -> None:
        """Let the candidate of one release stand aside, and no other.

        `seen` is the pointer as it was before the ledger was read that the release was made from.
        """

    def part_files(self, product: Product, manifest: Manifest, folder: str) -> tuple[Path, ...]:
        """The Parquet files in a folder of a release (`manifest.data` …), on this machine, in the order of views."""

    def quarantine_parts(self, product: Product, manifest: Manifest) -> Iterator[IO[bytes]]:
        """The Parquet files of the lines that a release could not use; each is open until the next is asked for."""

    def add_replay(self, name: str, built: Path) -> Place:
        """Put the files of a replay into place; give where they stand. They count once the ledger lists them."""

    def judge_candidate(self, product: Product, manifest: Manifest, report: str) -> Manifest:
        """Store the verdict on a candidate and the page that explains it; give the manifest that counts.

        That is the one of another run, where it judged the same candidate first.
        """

    def report_link(self, product: Product, manifest: Manifest) -> str | None:
        """The link from a catalog page to a release's report; None where it was not checked."""

    def report_place(self, product: Product, manifest: Manifest) -> str:
        """Where a release's report stands, for people."""

    def pointer(self, product: Product) -> Pointer | None:
        """Which release is current; None where nothing was ever published."""

    def complete_pointer(self, product: Product) -> Pointer | None:
        """The pointer with every move that it ever made; a run needs the newest only."""

    def current(self, product: Product) -> Manifest | None:
        """The manifest of the current release; None where nothing was ever published."""

    def publish(self, product: Product, release: str, *, at: str, seen: Pointer | None) -> None:
        """Make a checked candidate, or an earlier release, current: one pointer move.

        Raises PublishError where the pointer is no longer what was `seen` when the release was decided upon.
        """

    def rollback(self, product: Product, release: str | None, *, at: str) -> str:
        """Point back to `release`, or to the one before the current; the release left behind is withdrawn."""

    def retire(self, product: Product, *, keep: int, before: str) -> tuple[str, ...]:
        """Remove releases beyond the newest `keep` that were left before a time; give their names."""

    def sweep(self, products: Sequence[Product], *, before: str) -> int:
        """Remove files that nothing refers to and that are older than a time; give how many."""

    def show(self, products: Sequence[Product]) -> None:
        """Bring what analysts query in step with the pointers."""

    def show_curated(self, products: Sequence[Product]) -> None:
        """Bring what analysts query in step with the current build of the curated tables."""

    def read_curated(self) -> CuratedBuild | None:
        """The current build of the curated tables; None where nothing was curated yet."""

    def publish_curated(self, build: CuratedBuild) -> None:
        """Make a finished build current; raise PublishError where another one was made so meanwhile.

        Its version is that of the build which it replaces.
        """

    def catalog_folder(self) -> AbstractContextManager[Path]:
        """The folder of the catalog pages, to be written within the block.

        Its end raises LakeLockedError where somebody else wrote them since it began.
        """
