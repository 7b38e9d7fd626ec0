"""Renders the catalog content as self-contained HTML pages: the templates in `templates/` and what they ask for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from caremesh.products import Classification, Product
from catalog.base import CatalogContent, CheckOutcome, CuratedTable
from catalog.samples import SampleColumn, SampleQuery, sample_queries

INDEX_PAGE = "index.html"
MARKER = '<meta name="generator" content="CareMesh portal">'

_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|\+00:?00)")
_TEMPLATES = Path(__file__).parent / "templates"

_FLOW = (
    ("landing NDJSON", "bulk exports, kept as they came"),
    ("flatten", "FHIR resources become rows"),
    ("check", "the contract decides"),
    ("publish", "one pointer moves"),
    ("curate", "tables for consumers"),
    ("register", "catalogs and permissions"),
    ("BI", "queries and dashboards"),
)

_CLASSIFICATIONS: dict[Classification, tuple[str, str, str]] = {
    "direct_identifier": ("◆", "direct identifier", "points to one person by itself"),
    "quasi_identifier": ("◈", "quasi-identifier", "points to a person when combined"),
    "clinical": ("●", "clinical", "health and care"),
    "financial": ("■", "financial", "money and coverage"),
    "administrative": ("○", "administrative", "how the service runs"),
}
_UNCLASSIFIED = ("?", "not classified", "treat it as an identifier")


def render_pages(content: CatalogContent) -> dict[str, bytes]:
    """Every page of the portal by file name; the same content gives the same bytes."""
    environment = _environment(content)
    index = environment.get_template("index.html.j2")
    product = environment.get_template("product.html.j2")
    curated = environment.get_template("curated.html.j2")
    pages = {INDEX_PAGE: index.render()}
    for entry in content.products:
        samples = _product_samples(entry.product)
        pages[page_of(entry.product.id)] = product.render(product=entry.product, release=entry.release, samples=samples)
    for table in content.curated:
        pages[page_of(table.name)] = curated.render(table=table, samples=_curated_samples(table))
    return {name: text.encode() for name, text in pages.items()}


def page_of(name: str) -> str:
    """The file name of the page of a product or curated table."""
    return f"{name}.html"


def _environment(content: CatalogContent) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    listed = {p.product.id for p in content.products} | {t.name for t in content.curated}
    environment.globals.update(
        content=content,
        marker=MARKER,
        flow=_FLOW,
        legend=_CLASSIFICATIONS,
        unclassified=_UNCLASSIFIED,
        listed=listed,
        counts=_index_counts(content),
        page_of=page_of,
        verdicts=_verdicts,
        worst_first=_worst_first,
    )
    environment.filters.update(
        number=lambda value: f"{value:,}",
        classified=lambda value: _CLASSIFICATIONS.get(value, _UNCLASSIFIED),
        grain=_grain_of,
        moment=_moment,
    )
    return environment


def _index_counts(content: CatalogContent) -> dict[str, int]:
    releases = [p.release for p in content.products if p.release]
    return {
        "products": len(content.products),
        "published": len(releases),
        "rows": sum(r.rows for r in releases),
        "quarantined": sum(r.open_lines for r in releases),
        "decided": sum(r.decided for r in releases),
        **_verdicts(check for r in releases for check in r.checks),
    }


def _verdicts(checks: Iterable[CheckOutcome]) -> dict[str, int]:
    counted = Counter(check.verdict for check in checks)
    return {"failed": counted["failed"], "warning": counted["warning"], "passed": counted["passed"]}


def _worst_first(checks: Iterable[CheckOutcome]) -> list[CheckOutcome]:
    return sorted(checks, key=lambda check: ("failed", "warning", "passed").index(check.verdict))


def _grain_of(description: str) -> str:
    # Every description of a table ends with its grain; a test of the dbt project holds the models to it.
    start = description.rfind("One row per ")
    return description[start:].strip() if start >= 0 else ""


def _moment(text: str) -> str:
    """An ISO 8601 time in UTC as people read it; any other text as it is."""
    found = _UTC_TIME.fullmatch(text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _product_samples(product: Product) -> tuple[SampleQuery, ...]:
    columns = [SampleColumn(c.name, c.sql_type, c.classification) for c in product.columns]
    closed = {rule.column for rule in product.rules if rule.kind == "valid_values" and rule.column}
    return sample_queries(product.id, columns, categories=closed)


def _curated_samples(table: CuratedTable) -> tuple[SampleQuery, ...]:
    columns = [SampleColumn(c.name, c.data_type.lower(), c.classification) for c in table.columns]
    return sample_queries(table.name, columns)
