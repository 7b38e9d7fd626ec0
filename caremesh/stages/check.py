"""Check: hold a candidate release against its contract; only one that passes every critical check may be published."""

from __future__ import annotations

from caremesh.errors import QualityError
from caremesh.lake.base import Lake
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.settings import Settings
from quality.candidate import LocalCandidate
from quality.gate import run_gate
from quality.report import render_report


def prepare() -> None:
    """Load Great Expectations, which takes seconds, before anything is timed; a run with nothing new never needs it."""
    import great_expectations  # noqa: F401


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
    scratch = lake.scratch / f"check-{product.id}"
    scratch.mkdir(parents=True, exist_ok=True)
    candidate = LocalCandidate(lake.data_files(product, manifest), scratch, settings.memory_limit)
    verdict = run_gate(product, candidate)
    judged = manifest.with_verdict(verdict.to_json())
    page = render_report(product, verdict, release=manifest.release, checked_at=settings.now)
    lake.judge_candidate(product, judged, page)
    return judged
