"""Check: hold a candidate release against its contract; only one that passes every critical check may be published."""

from __future__ import annotations

from caremesh.lake.local import DATA_FILE, LocalLake
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.settings import Settings


def check(product: Product, manifest: Manifest, *, settings: Settings, lake: LocalLake) -> Manifest:
    """Judge a candidate and store the verdict and its report beside it; give the manifest with the verdict.

    A release that has its verdict keeps it: contract and rows are part of its name, so it could not change.
    """
    if manifest.verdict is not None:
        return manifest
    # Great Expectations takes seconds to import; a run that finds nothing new never needs it.
    from quality.gate import run_gate
    from quality.report import render_report

    folder = lake.candidate_folder(product, manifest.release)
    scratch = lake.scratch / f"check-{product.id}"
    scratch.mkdir(parents=True, exist_ok=True)
    verdict = run_gate(product, [folder / DATA_FILE], scratch=scratch, memory_limit=settings.memory_limit)
    judged = manifest.with_verdict(verdict.to_json())
    page = render_report(product, verdict, release=manifest.release, checked_at=settings.now)
    lake.judge_candidate(product, judged, page)
    return judged
