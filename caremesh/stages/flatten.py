"""Flatten: run a product's views over the landed files into a candidate release, and account for every line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import cast

from caremesh.engines.versions import ClaimedIds
from caremesh.errors import LandingError
from caremesh.fhir import CompiledView
from caremesh.lake.aws import AwsLake
from caremesh.lake.base import Lake
from caremesh.lake.files import remove_folder
from caremesh.lake.layout import DATA_FOLDER, QUARANTINE_FOLDER, RELEASES_FOLDER
from caremesh.lake.ledger import Ledger
from caremesh.lake.release import Engine, InputFile, Manifest
from caremesh.products import Product
from caremesh.settings import Settings
from caremesh.sources.landing import Exports
from caremesh.sources.ndjson import DELETIONS, LandedFile, LineFile
from caremesh.stages.athena_flatten import choose_engine, flatten_in_athena
from caremesh.stages.local_flatten import flatten_here
from caremesh.stages.receipts import write_receipts
from caremesh.stages.release_plan import (
    SEVERAL_SOURCES,
    FlattenResult,
    ReleasePlan,
    Required,
    choose_base,
    plan_release,
)
from caremesh.stages.stage_engine import StageEngine


@dataclass(frozen=True)
class Flattened:
    """A product's release for the ledger as it stands; `is_new` where this run wrote it.

    `withheld` are full exports that came now and removed nothing, as lines of them have no id that can be read.
    """

    manifest: Manifest
    is_new: bool
    withheld: tuple[str, ...] = ()


def flatten(
    product: Product,
    views: Sequence[CompiledView],
    *,
    settings: Settings,
    lake: Lake,
    exports: Exports,
    ledger: Ledger,
    duckdb: StageEngine,
    required: Sequence[Required] = (),
    on_sift: Callable[[LineFile], None] | None = None,
) -> Flattened:
    """Make the product's candidate release, or find that this very release was made before.

    The release's name is a digest of contract, SQL, input files and the releases of the products that it requires, so a
    run that was killed makes the same one.
    """
    plan = plan_release(product, views, ledger=ledger, required=required, id_spaces=settings.id_spaces)
    found = lake.find_manifest(product, plan.release)
    if found is not None:
        return Flattened(found, is_new=False)
    holds = product.id if product.completeness and product.completeness.holds else None
    engine = choose_engine(settings, plan.files, deletions=plan.deletions, holds=holds)
    base, why = choose_base(product, plan, engine=engine, lake=lake)
    maker = _Maker(product, settings, lake, exports, engine, duckdb, on_sift)
    try:
        return maker.make(replace(plan, base=base), why)
    except ClaimedIds:
        return maker.make(plan, f"{why.rpartition(': ')[0]}: made from landing, as {SEVERAL_SOURCES}")


@dataclass(frozen=True)
class _Maker:
    """Makes one release of a product."""

    product: Product
    settings: Settings
    lake: Lake
    exports: Exports
    chosen: Engine
    duckdb: StageEngine
    on_sift: Callable[[LineFile], None] | None

    def make(self, plan: ReleasePlan, why: str) -> Flattened:
        """Make what is planned a candidate; raise ClaimedIds where it cannot be merged into the planned base."""
        product, settings, lake = self.product, self.settings, self.lake
        _refuse_changed(settings, plan, self.exports)
        remove_folder(folder := lake.scratch / product.id)
        (built := folder / "release").mkdir(parents=True)
        with _base_removed(lake, product):
            result = self._flatten(plan)
            keys = result.keys if any(count.deleted for count in result.counts) else None
            receipts = write_receipts(
                product, plan.release, keys=keys, settings=settings, lake=lake, engine=self.duckdb, built=built
            )
        _refuse_changed(settings, plan, self.exports)
        manifest = _manifest(product, plan, result, settings=settings, lake=lake, why=why)
        manifest = lake.add_candidate(product, built, replace(manifest, receipts=receipts))
        remove_folder(folder)
        return Flattened(manifest, is_new=True, withheld=result.withheld)

    def _flatten(self, plan: ReleasePlan) -> FlattenResult:
        if self.chosen == "athena":
            return flatten_in_athena(self.product, plan, settings=self.settings, lake=cast(AwsLake, self.lake))
        return flatten_here(
            self.product,
            plan,
            settings=self.settings,
            lake=self.lake,
            exports=self.exports,
            engine=self.duckdb,
            on_sift=self.on_sift,
        )


@contextmanager
def _base_removed(lake: Lake, product: Product) -> Iterator[None]:
    """Remove what was downloaded of an earlier release, also after a failure: it is patients' data."""
    try:
        yield
    finally:
        remove_folder(lake.scratch / RELEASES_FOLDER / product.id)


def _manifest(
    product: Product, plan: ReleasePlan, result: FlattenResult, *, settings: Settings, lake: Lake, why: str
) -> Manifest:
    return Manifest(
        product=product.id,
        release=plan.release,
        made_at=settings.now,
        contract_version=product.version,
        contract_digest=product.contract_digest,
        query_digest=plan.query_digest,
        rows=result.rows,
        bytes=result.bytes,
        columns=tuple((c.name, c.sql_type) for c in product.columns),
        inputs=_inputs(plan.files, result),
        unresolved_references=result.unresolved,
        engine=result.engine,
        data=lake.parts_folder(DATA_FOLDER),
        quarantine=lake.parts_folder(QUARANTINE_FOLDER),
        keys=result.keys,
        queries=result.queries,
        deletions=plan.deletions,
        withheld=tuple(sorted({*result.withheld, *(plan.base.withheld if plan.base else ())})),
        base=plan.base.release if plan.base else None,
        why=why,
        completeness=result.completeness,
        sources=plan.sources,
        claimed=result.claimed,
    )


def _refuse_changed(settings: Settings, plan: ReleasePlan, exports: Exports) -> None:
    """A release is named by digests that were taken at landing: what is read must be what was landed."""
    gone = {d.export for d in plan.new_deletions}
    lists = [f for e in plan.exports if e.name in gone for f in e.files if f.resource_type == DELETIONS]
    changed = exports.first_changed([*plan.new_files, *lists])
    if changed:
        raise LandingError(
            "changed, or is gone, since it was landed",
            where=changed.path,
            hint=f"put it back; or, to land it anew on purpose: {settings.forget_command(changed.export)}",
        )


def _inputs(files: Sequence[LandedFile], result: FlattenResult) -> tuple[InputFile, ...]:
    return tuple(
        InputFile(
            export=file.export,
            name=file.name,
            digest=file.digest,
            bytes=file.bytes,
            lines=count.lines,
            used=count.used,
            superseded=count.superseded,
            quarantined=count.quarantined,
            deleted=count.deleted,
        )
        for file, count in zip(files, result.counts, strict=True)
    )
