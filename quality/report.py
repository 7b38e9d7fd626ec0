"""Renders a verdict as one self-contained page: no script, nothing loaded from outside, counts and names only.

The page stands instead of Great Expectations' Data Docs, which load fonts, scripts and a logo from other hosts.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from caremesh.products import Product
from quality.suite import Check, expectations_of
from quality.verdict import CheckResult, Verdict

_TEMPLATES = Path(__file__).parent / "templates"
_ORDER = {"failed": 0, "warning": 1, "passed": 2}


def render_report(product: Product, verdict: Verdict, *, release: str, checked_at: str) -> str:
    """Render the page that says which checks a release passed and failed, and by how many rows.

    `checked_at` is shown as it is given. The same arguments always give the same page.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(outcome=_outcome, number=lambda count: f"{count:,}", share=_share, allowance=_allowance)
    run = {r.check.name for r in verdict.results}
    return environment.get_template("report.html.j2").render(
        product=product,
        verdict=verdict,
        release=release,
        checked_at=checked_at,
        results=sorted(verdict.results, key=lambda r: _ORDER[_outcome(r)]),
        passed=[r for r in verdict.results if r.passed],
        not_run=[c for c in expectations_of(product) if c.name not in run],
    )


def _outcome(result: CheckResult) -> str:
    if result.passed:
        return "passed"
    return "failed" if result.is_critical_failure else "warning"


def _share(result: CheckResult) -> str:
    """The failed rows as a share of all rows, never rounded to nothing or to everything."""
    percent = 100 * result.rows_failed / result.rows_checked if result.rows_checked else 0
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f} %"


def _allowance(check: Check) -> str:
    """What the contract allows, in words; empty for checks that count no rows."""
    if check.kind in ("columns", "types"):
        return ""
    if check.kind == "row_count":
        return f"at least {check.limit:,}"
    return f"at most {check.limit:,}" if check.limit else "none"
