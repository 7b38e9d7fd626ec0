"""Check: hold a candidate release against its contract; only one that passes every critical check may be published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from caremesh.athena_price import cost
from caremesh.errors import QualityError
from caremesh.lake.aws import AwsLake
from caremesh.lake.base import Lake
from caremesh.lake.release import EngineQuery, Manifest
from caremesh.products import Product
from caremesh.settings import Settings
from quality.candidate import AthenaCandidate, AthenaQuery, LocalCandidate
from quality.gate import run_gate
from quality.light_import import import_great_expectations
from quality.report import render_report


def prepare() -> None:
    """Load Great Expectations, which takes seconds, before anything is timed; a run with nothing new never needs it."""
    import_great_expectations()


def check(product: Product, manifest: Manifest, *, settings: Settings, lake: Lake) -> Manifest:
    """Judge a candidate and store the verdict and its report beside it; give the manifest with the verdict.

    A release that has its verdict keeps it: contract and rows are part of its name, so it could not change.
    """
    if manifest.verdict is not None:
        return manifest
    if manifest.contract_digest != product.contract_digest:
        raise QualityError(
            f"candidate {manifest.release} of {product.id} was made under another contract",
            where=str(product.contract_file),
            hint="caremesh flatten again",
        )
    queries: list[AthenaQuery] = []
    with _candidate(product, manifest, settings, lake) as candidate:
        verdict = run_gate(product, candidate, on_query=queries.append)
    judged = replace(manifest, queries=(*manifest.queries, *_billed(queries, settings))).with_verdict(verdict.to_json())
    page = render_report(product, verdict, release=manifest.release, checked_at=settings.now)
    return lake.judge_candidate(product, judged, page)


@contextmanager
def _candidate(
    product: Product, manifest: Manifest, settings: Settings, lake: Lake
) -> Iterator[LocalCandidate | AthenaCandidate]:
    """The candidate where it lies: what Athena wrote is judged by Athena, everything else here."""
    if manifest.engine == "duckdb":
        scratch = lake.scratch / f"check-{product.id}"
        scratch.mkdir(parents=True, exist_ok=True)
        files, limit = lake.part_files(product, manifest, manifest.data), settings.reduced_memory_limit
        yield LocalCandidate(files, scratch, limit, settings.reduced_threads)
        return
    there = cast(AwsLake, lake)
    with there.candidate_table(product, manifest.release, columns=manifest.columns, data=manifest.data) as table:
        yield AthenaCandidate(there.aws, table.database, table.name, output_location=there.query_output)


def _billed(queries: Sequence[AthenaQuery], settings: Settings) -> tuple[EngineQuery, ...]:
    price = settings.aws.price_per_tb
    return tuple(EngineQuery(q.query_id, q.bytes_scanned, cost(q.bytes_scanned, price)) for q in queries)
