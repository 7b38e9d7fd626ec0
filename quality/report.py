"""Renders a verdict as one self-contained page: no script, nothing loaded from outside, counts and names only.

The page takes the place of Great Expectations' Data Docs, which load fonts, scripts and a logo from other hosts.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from caremesh.products import Product
from caremesh.products.conditions import NONE_AT_ALL
from quality.check import Check, expectations_of
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
    numbers = {"number": lambda count: f"{count:,}", "share": _share, "measured": _measured}
    environment.filters.update(outcome=_outcome, demand=_demand, **numbers)
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


def _measured(result: CheckResult) -> str:
    """What was measured; null where a query gave no number."""
    return "null" if result.measured is None else f"{result.measured:,}"


def _demand(check: Check) -> str:
    """What the contract demands, as it says it; empty for checks that measure nothing, "none" where no row may fail."""
    if check.kind in ("columns", "types"):
        return ""
    return "none" if check.counts_rows and check.conditions == NONE_AT_ALL else check.stated
