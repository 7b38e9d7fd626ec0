"""Register: tell every catalog what the lake holds now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from caremesh.errors import LakeLockedError
from caremesh.lake.base import Lake
from caremesh.lake.curated import CuratedBuild
from caremesh.lake.ledger import Ledger
from caremesh.lake.ledger_changes import ATTEMPTS
from caremesh.lake.quarantine import count_quarantine
from caremesh.lake.release import Manifest
from caremesh.products import Domain, Product
from caremesh.settings import Target
from catalog.base import (
    CatalogContent,
    CatalogProduct,
    Change,
    CheckOutcome,
    CuratedTable,
    FailedCandidate,
    PublisherTarget,
    ReleaseInfo,
)
from catalog.discovery import find_publishers


def register(domains: Sequence[Domain], *, target: Target, lake: Lake) -> tuple[Change, ...]:
    """Apply every publisher of the target to the lake's present content; give what each changed.

    Where another run wrote the pages meanwhile, this is done anew: its pages may show an older lake, or a newer one.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(LakeLockedError):
            return _apply(domains, target=target, lake=lake)
    return _apply(domains, target=target, lake=lake)


def _apply(domains: Sequence[Domain], *, target: Target, lake: Lake) -> tuple[Change, ...]:
    with lake.catalog_folder() as folder:
        # Described after the pages were brought: who replaces them unchallenged knows all that they show.
        content = describe_lake(domains, lake=lake)
        publishers = find_publishers(PublisherTarget(kind=target, folder=folder))
        return tuple(change for publisher in publishers for change in publisher.apply(content))


def describe_lake(domains: Sequence[Domain], *, lake: Lake) -> CatalogContent:
    """Everything a catalog shows: contracts, current releases, curated tables, failed candidates; no row content."""
    products = [p for d in domains for p in d.products]
    build, ledger = lake.read_curated(), lake.read_ledger()
    times = [pointer.history[-1].at for p in products if (pointer := lake.pointer(p))]
    return CatalogContent(
        lake_name=lake.name,
        generated_for=max([*times, build.built_at if build else ""], default=""),
        domains=tuple(domains),
        products=tuple(CatalogProduct(p, _release_info(p, lake, ledger)) for p in products),
        curated=_curated_tables(build),
        failed=tuple(_failed(p, m, lake) for p in products for m in lake.candidates(p) if m.passed is False),
    )


def _release_info(product: Product, lake: Lake, ledger: Ledger) -> ReleaseInfo | None:
    pointer, manifest = lake.pointer(product), lake.current(product)
    if pointer is None or manifest is None:
        return None
    return ReleaseInfo(
        release=manifest.release,
        published_at=pointer.history[-1].at,
        rows=manifest.rows,
        quarantined=manifest.quarantined,
        decided=count_quarantine(lake, product, manifest, ledger).decided,
        sources=manifest.exports,
        checks=_outcomes(manifest),
        report=lake.report_link(product, manifest),
        unresolved_references=manifest.unresolved_references,
        completeness=manifest.completeness,
    )


def _failed(product: Product, manifest: Manifest, lake: Lake) -> FailedCandidate:
    return FailedCandidate(
        product=product.id,
        release=manifest.release,
        failing=tuple(o for o in _outcomes(manifest) if o.verdict == "failed"),
        report=lake.report_link(product, manifest),
    )


def _outcomes(manifest: Manifest) -> tuple[CheckOutcome, ...]:
    results = (manifest.verdict or {"results": []})["results"]
    return tuple(
        CheckOutcome(
            name=r["check"]["name"],
            column=r["check"]["column"],
            severity=r["check"]["severity"],
            passed=r["passed"],
            rows_failed=r["rows_failed"],
            description=r["check"]["description"],
        )
        for r in results
    )


def _curated_tables(build: CuratedBuild | None) -> tuple[CuratedTable, ...]:
    if build is None:
        return ()
    return tuple(
        CuratedTable(
            name=t.id,
            description=t.description,
            columns=t.columns,
            rows=t.rows,
            built_at=build.built_at,
            depends_on=t.depends_on,
        )
        for t in build.tables
    )
