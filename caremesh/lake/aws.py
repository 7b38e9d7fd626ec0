"""A lake in S3 and Glue; `caremesh.lake.layout` says what stands where in the bucket. Beside that, only here:

Glue table <domain>.<product>                            pointer to the current release, and how analysts query it
<lake>/products/<domain>/<product>/candidate.json        which release stands aside, and since when
<lake>/products/…/releases/<id>/data/<run>/              the Parquet files of the run whose manifest is the release's
Glue table quarantine.lines                              one partition for the quarantine of each current release

There is no lock in AWS. A release becomes one by its manifest, which only the first run can write; the ledger is
replaced only as it was read; the pointer moves only from the version that was seen. Whoever comes second is told so,
and has changed nothing that anybody reads. A candidate lies where its release will; only a pointer shows it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from caremesh.aws import Aws, cleaning_up
from caremesh.aws.glue import Glue, GlueColumn, GlueTable, glue_type
from caremesh.aws.names import WORK_DATABASE
from caremesh.aws.objects import Conflict, Objects, as_json
from caremesh.errors import LakeError, LakeLockedError, PublishError
from caremesh.lake.catalog_copy import mirror_catalog
from caremesh.lake.curated import CuratedBuild
from caremesh.lake.curated_tables import show_curated
from caremesh.lake.files import remove_folder
from caremesh.lake.glue_pointers import GluePointers
from caremesh.lake.layout import (
    CATALOG_FOLDER,
    CURATED_FOLDER,
    CURRENT_FILE,
    DATA_FOLDER,
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
from caremesh.lake.lock import hold_lock
from caremesh.lake.pointer import Pointer, move_back, move_forward, retirable, without
from caremesh.lake.quarantine_table import show_quarantine
from caremesh.lake.release import Manifest
from caremesh.lake.sweeping import sweep_objects
from caremesh.places import S3Place
from caremesh.products import Product

CANDIDATE_FILE = "candidate.json"

_PAGES = {MANIFEST_FILE: "application/json", REPORT_FILE: "text/html; charset=utf-8"}
"""The documents of a release, and of which type they are."""

_CURATED = f"{CURATED_FOLDER}/{CURRENT_FILE}"


@dataclass(frozen=True)
class AwsLake:
    """A lake below `place`; `scratch_root` is a folder of this machine, `run_id` a name that no other run has."""

    place: S3Place
    aws: Aws
    scratch_root: Path
    run_id: str

    # the lake as a whole

    @property
    def name(self) -> str:
        """Its name in the catalog."""
        return self.place.name

    @property
    def scratch(self) -> Path:
        """The folder on this machine for work in progress."""
        return self.scratch_root / "work"

    @property
    def objects(self) -> Objects:
        """The lake's objects in S3."""
        return Objects(self.aws, self.place)

    @property
    def glue(self) -> Glue:
        """The catalog that holds the pointers."""
        return Glue(self.aws)

    @property
    def pointers(self) -> GluePointers:
        """The pointers of all products."""
        return GluePointers(self.place, self.glue, self.objects)

    def hold(self, *, command: str, since: str) -> AbstractContextManager[None]:
        """Hold the scratch folder: runs on one machine exclude each other, runs on others meet at the pointers."""
        return hold_lock(self.scratch_root, command=command, since=since)

    def prepare(self) -> None:
        """Make the lake, or make sure that it is one; empty the scratch folder of an earlier run."""
        found = self.objects.read_json(LAKE_MARK, lambda stated: stated["format"])
        if found is None:
            self._refuse_other_objects()
            # Another run may make the same lake meanwhile.
            with suppress(Conflict):
                self.objects.create(LAKE_MARK, as_json({"format": LAKE_FORMAT}))
        elif found != LAKE_FORMAT:
            raise LakeError(f"lake format {found!r}; this version reads {LAKE_FORMAT}", where=str(self.place))
        remove_folder(self.scratch)
        self.scratch.mkdir(parents=True)

    def _refuse_other_objects(self) -> None:
        # The console of S3 makes a folder as an object of the prefix's own name: it is no stranger.
        stranger = next((key for key in self.objects.list() if key), None)
        # Whoever makes the lake meanwhile writes its mark first.
        if stranger is not None and self.objects.read(LAKE_MARK) is None:
            raise LakeError(
                f"the prefix is no lake and not empty: it holds {stranger!r}",
                where=str(self.place),
                hint="give an empty or new prefix as --lake",
            )

    def tidy(self) -> None:
        """Remove the scratch folder of a run that ended well."""
        remove_folder(self.scratch)

    def require(self) -> None:
        """Raise LakeError where there is no lake."""
        if self.objects.read(LAKE_MARK) is None:
            raise LakeError(
                "there is no lake here",
                where=str(self.place),
                hint=f"make it: caremesh run --landing s3://… --lake {self.place}",
            )

    @contextmanager
    def catalog_folder(self) -> Iterator[Path]:
        """A copy of the catalog pages; what is changed in it within the block goes back to S3."""
        with mirror_catalog(self.objects, CATALOG_FOLDER, self.scratch / CATALOG_FOLDER) as folder:
            yield folder

    def read_ledger(self) -> Ledger:
        """The exports that were taken in; an empty ledger where nothing was."""
        found = self.objects.read_json_version(LEDGER_FILE, ledger_from_json)
        return replace(found[0], version=found[1]) if found else Ledger()

    def write_ledger(self, ledger: Ledger) -> None:
        """Replace the ledger as it was read; raise LakeLockedError where another run did meanwhile."""
        content = as_json(ledger_to_json(ledger))
        try:
            self.objects.swap(LEDGER_FILE, content, etag=ledger.version)
        except Conflict:
            raise LakeLockedError(
                "another run landed exports meanwhile", where=str(self.place / LEDGER_FILE), hint="run again"
            ) from None

    @property
    def query_output(self) -> str:
        """Where Athena puts the results of queries."""
        return self.aws.settings.query_output or (self.place / "athena").folder

    # releases of a product

    def parts_folder(self, kind: str) -> str:
        """Where this run's Parquet files of a kind go: a run that was thought dead may still write into its own."""
        return f"{kind}/{self.run_id}"

    def parts_location(self, product: Product, release: str, folder: str) -> str:
        """The address of a folder of Parquet files, as Glue and Athena want it."""
        return (self.place / f"{release_key(product, release)}/{folder}").folder

    def find_manifest(self, product: Product, release: str) -> Manifest | None:
        """The manifest of a release, published or candidate; None where it is not there."""
        return self.objects.read_json(f"{release_key(product, release)}/{MANIFEST_FILE}", Manifest.from_json)

    def releases(self, product: Product) -> tuple[Manifest, ...]:
        """All published releases that are still there, whether current or not, by name."""
        pointer = self.complete_pointer(product)
        found = (self.find_manifest(product, release) for release in sorted(pointer.releases if pointer else ()))
        return tuple(m for m in found if m is not None)

    def require_release(self, product: Product, release: str) -> None:
        """Raise PublishError where the product has no published release of that name."""
        pointer = self.complete_pointer(product)
        known = sorted(pointer.releases) if pointer else []
        if release not in known or self.find_manifest(product, release) is None:
            raise PublishError(f"{product.id} has no release {release!r}", hint=f"one of: {', '.join(known) or 'none'}")

    def candidates(self, product: Product) -> tuple[Manifest, ...]:
        """The candidate that stands aside: not checked yet, failed, or about to be published.

        One that was made before another run published is none: it may hold less than what is current.
        """
        aside = self.objects.read_json(self._candidate_key(product), lambda s: (str(s["release"]), s["after"]))
        if aside is None:
            return ()
        pointer, (release, after) = self.pointer(product), aside
        if after != _last_publish(pointer) or self.pointers.knows(product, pointer, release):
            return ()
        manifest = self.find_manifest(product, release)
        return (manifest,) if manifest else ()

    def add_candidate(self, product: Product, built: Path, manifest: Manifest) -> Manifest:
        """Upload a candidate, its manifest last; give the manifest of the run that was the first to write it."""
        home = release_key(product, manifest.release)
        for file in sorted(p for p in built.rglob("*") if p.is_file()):
            self.objects.upload(file, f"{home}/{file.relative_to(built).as_posix()}")
        try:
            self.objects.create(f"{home}/{MANIFEST_FILE}", as_json(manifest.to_json()))
        except Conflict:
            first = self.find_manifest(product, manifest.release)
            if first is None:
                raise LakeLockedError(
                    f"another run is making release {manifest.release} of {product.id}", where=home, hint="run again"
                ) from None
            if first.data == manifest.data:
                # It is ours: only the answer was lost, and somebody judged it meanwhile.
                return first
            # Another run was faster: its files count, and nobody knows of ours.
            for folder in manifest.folders:
                self.objects.delete([*self.objects.list(f"{home}/{folder}")])
            manifest = first
        return manifest

    def set_aside(self, product: Product, release: str, *, seen: Pointer | None) -> None:
        """Note the one candidate that stands aside, and after which publication it was made."""
        stated = {"release": release, "after": _last_publish(seen)}
        if self.objects.read_json(self._candidate_key(product), dict) != stated:
            self.objects.write_json(self._candidate_key(product), stated)

    def part_files(self, product: Product, manifest: Manifest, folder: str) -> tuple[Path, ...]:
        """The Parquet files in a folder of a release, brought to this machine."""
        key = f"{release_key(product, manifest.release)}/{folder}"
        here = self.scratch / RELEASES_FOLDER / product.id / manifest.release / folder
        files = []
        for name in self.objects.list(key):
            files.append(here / name.rpartition("/")[2])
            self.objects.download(name, files[-1])
        self._refuse_pruned(product, manifest)
        return in_order(files)

    def quarantine_parts(self, product: Product, manifest: Manifest) -> Iterator[IO[bytes]]:
        """The Parquet files of the lines that a release could not use, each in a file without a name.

        Whoever is killed leaves no text of a patient on this machine.
        """
        self.scratch_root.mkdir(parents=True, exist_ok=True)
        for key in self.objects.list(f"{release_key(product, manifest.release)}/{manifest.quarantine}"):
            with tempfile.TemporaryFile(dir=self.scratch_root) as file:
                self.objects.copy_into(key, file)
                file.seek(0)
                yield file
        self._refuse_pruned(product, manifest)

    def _refuse_pruned(self, product: Product, manifest: Manifest) -> None:
        """Prune removes the manifest before the files: where it is still there, all of them were."""
        if not self.objects.exists(f"{release_key(product, manifest.release)}/{MANIFEST_FILE}"):
            raise _pruned(product, manifest.release)

    def add_replay(self, name: str, built: Path) -> S3Place:
        """Upload the files of a replay, to a place of this run's own: another one may take the same name meanwhile."""
        key = f"{REPLAYS_FOLDER}/{name}/{self.run_id}"
        for file in sorted(p for p in built.rglob("*") if p.is_file()):
            self.objects.upload(file, f"{key}/{file.relative_to(built).as_posix()}")
        return self.place / key

    def judge_candidate(self, product: Product, manifest: Manifest, report: str) -> Manifest:
        """Store the verdict on a candidate and the page that explains it; give the manifest that counts.

        That is the one of another run where it judged the same files first. Raises LakeLockedError where the candidate
        was pruned, or made anew from other files, since it was read.
        """
        home = release_key(product, manifest.release)
        while True:
            found = self.objects.read_json_version(f"{home}/{MANIFEST_FILE}", Manifest.from_json)
            if found is None or found[0].folders != manifest.folders:
                raise _pruned(product, manifest.release)
            if found[0].verdict is not None:
                return found[0]
            self.objects.write(f"{home}/{REPORT_FILE}", report.encode(), type=_PAGES[REPORT_FILE])
            with suppress(Conflict):
                self.objects.swap(f"{home}/{MANIFEST_FILE}", as_json(manifest.to_json()), etag=found[1])
                return manifest

    def report_link(self, product: Product, manifest: Manifest) -> str | None:
        """The link from a catalog page to a release's report; None where it was not checked."""
        return None if manifest.verdict is None else f"../{release_key(product, manifest.release)}/{REPORT_FILE}"

    def report_place(self, product: Product, manifest: Manifest) -> str:
        """Where a release's report stands, for people."""
        return str(self.place / f"{release_key(product, manifest.release)}/{REPORT_FILE}")

    def _candidate_key(self, product: Product) -> str:
        return f"{product_key(product)}/{CANDIDATE_FILE}"

    # the pointer

    def pointer(self, product: Product) -> Pointer | None:
        """Which release is current; None where nothing was ever published."""
        return self.pointers.read(product)

    def complete_pointer(self, product: Product) -> Pointer | None:
        """The pointer with every move that it ever made; None where nothing was ever published."""
        return self.pointers.read_complete(product)

    def current(self, product: Product) -> Manifest | None:
        """The manifest of the current release; None where nothing was ever published."""
        pointer = self.pointer(product)
        return self._current(product, pointer) if pointer else None

    def _current(self, product: Product, pointer: Pointer) -> Manifest:
        manifest = self.find_manifest(product, pointer.release)
        if manifest is None:
            raise LakeError(
                f"the current release {pointer.release} of {product.id} is gone",
                where=str(self.place / release_key(product, pointer.release)),
                hint=f"restore its objects, or drop the Glue table {product.id} and run again",
            )
        return manifest

    def publish(self, product: Product, release: str, *, at: str, seen: Pointer | None) -> None:
        """Make a checked candidate, or an earlier release, current: one request to Glue.

        Raises PublishError where the pointer is no longer what was `seen`.
        """
        self.pointers.move(product, move_forward(seen, release, at=at), seen=seen)

    def rollback(self, product: Product, release: str | None, *, at: str) -> str:
        """Point back to `release`, or to the one before the current; the release left behind is withdrawn."""
        seen = self.pointer(product)
        pointer = move_back(product.id, self.complete_pointer(product), release, at=at)
        self.require_release(product, pointer.release)
        self.pointers.move(product, pointer, seen=seen)
        return pointer.release

    def retire(self, product: Product, *, keep: int, before: str) -> tuple[str, ...]:
        """Remove releases beyond the newest `keep` that were left before a time; give their names.

        The pointer forgets them first: a rollback to one of them is refused from then on, or refuses us.
        """
        seen, pointer = self.pointer(product), self.complete_pointer(product)
        retired = retirable(pointer, keep=keep, before=before) if pointer else ()
        if pointer and retired:
            self.pointers.move(product, without(pointer, retired), seen=seen)
            for release in retired:
                self.remove_release(product, release)
        return retired

    def is_wanted(self, product: Product, release: str) -> bool:
        """Whether the pointer knows a release, or it stands aside."""
        aside = self.objects.read_json(self._candidate_key(product), lambda stated: str(stated["release"]))
        return release == aside or self.pointers.knows(product, self.pointer(product), release)

    def remove_release(self, product: Product, release: str) -> int:
        """Remove a release that nobody wants; give the number of its objects.

        Its manifest goes first. Who publishes it meanwhile either is seen here, and it is put back, or finds it gone.
        Who makes it anew meanwhile has folders of its own: only what stood here before the manifest went is removed.
        """
        home = release_key(product, release)
        keys = [*self.objects.list(home)]
        pages = {key: self.objects.read(key) for key in (f"{home}/{REPORT_FILE}", f"{home}/{MANIFEST_FILE}")}
        if self.is_wanted(product, release):
            return 0
        self.objects.delete(pages)
        if self.is_wanted(product, release):
            for key, found in pages.items():
                # Where it was made anew meanwhile, that is the one that counts.
                with suppress(Conflict):
                    if found:
                        self.objects.create(key, found[0], type=_PAGES[key.rpartition("/")[2]])
            return 0
        self.objects.delete(key for key in keys if key not in pages)
        return len(keys)

    def sweep(self, products: Sequence[Product], *, before: str) -> int:
        """Remove what runs left behind that died, lost a race, or are long over, if it is older than a time."""
        return sweep_objects(self, products, before=before)

    def require_manifest(self, product: Product, release: str) -> Manifest:
        """The manifest of a release; raise LakeLockedError where prune removed it since somebody saw it."""
        manifest = self.find_manifest(product, release)
        if manifest is None:
            raise _pruned(product, release)
        return manifest

    def pin(self, product: Product, release: str, *, database: str) -> str:
        """Make a table that stays at one release of a product; give its name in `database`."""
        name = f"{product.domain}__{product.name}"
        table = self.pointers.table(product, self.require_manifest(product, release), {})
        self.glue.ensure_table(replace(table, database=database, name=name))
        return name

    @contextmanager
    def candidate_table(
        self, product: Product, release: str, *, columns: Sequence[tuple[str, str]], data: str | None = None
    ) -> Iterator[GlueTable]:
        """A table over the Parquet files of a candidate for this run alone; `data` is their folder, else the run's."""
        table = GlueTable(
            database=WORK_DATABASE,
            name=f"candidate_{product.domain}_{product.name}_{release}_{self.run_id}",
            description="A candidate release at work; not for readers",
            location=self.parts_location(product, release, data or self.parts_folder(DATA_FOLDER)),
            columns=[GlueColumn(name, glue_type(sql_type), "") for name, sql_type in columns],
            parameters={},
        )
        with cleaning_up(lambda: self.glue.drop_table(table.database, table.name)):
            self.glue.ensure_table(table)
            yield table

    def size_of(self, key: str) -> int:
        """How many bytes stand below a key."""
        return self.objects.size(key)

    # what analysts query, beside the products themselves

    def show(self, products: Sequence[Product]) -> None:
        """Bring `quarantine.lines` in step with the pointers; the products are their own."""
        moved = True
        # Where another run moved a pointer meanwhile, we may just have dropped what it showed.
        while moved:
            pointers = [self.pointer(p) for p in products]
            shown = self._quarantines(zip(products, pointers, strict=True))
            show_quarantine(self.glue, self.place, shown, products={p.id for p in products})
            moved = pointers != [self.pointer(p) for p in products]

    def show_curated(self, products: Sequence[Product]) -> None:  # noqa: ARG002
        """Let the tables of `curated` follow the current build."""
        show_curated(self.glue, self.place, self.read_curated)

    def _quarantines(self, pointers: Iterable[tuple[Product, Pointer | None]]) -> dict[tuple[str, str], str]:
        """Where the quarantines of releases stand, by product and release."""
        manifests = [(product, self._current(product, pointer)) for product, pointer in pointers if pointer]
        return {
            (p.id, m.release): self.parts_location(p, m.release, m.quarantine) for p, m in manifests if m.quarantined
        }

    def read_curated(self) -> CuratedBuild | None:
        """The current build of the curated tables; None where nothing was curated yet."""
        found = self.objects.read_json_version(_CURATED, CuratedBuild.from_json)
        return replace(found[0], version=found[1]) if found else None

    def publish_curated(self, build: CuratedBuild) -> None:
        """Say which build is current, unless another run was faster; `show_curated` lets the tables follow."""
        try:
            self.objects.swap(_CURATED, as_json(build.to_json()), etag=build.version)
        except Conflict:
            raise PublishError("another run curated meanwhile", hint="caremesh curate again") from None


def _last_publish(pointer: Pointer | None) -> str | None:
    """What the newest publication of a product is told by; rollbacks do not count."""
    published = [f"{m.release} at {m.at}" for m in pointer.history if m.action == "publish"] if pointer else []
    return published[-1] if published else None


def _pruned(product: Product, release: str) -> LakeLockedError:
    return LakeLockedError(f"release {release} of {product.id} was pruned meanwhile", hint="run again")
