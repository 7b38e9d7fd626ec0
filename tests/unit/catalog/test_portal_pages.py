from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import catalog
from caremesh.products import find_domains
from catalog.base import CatalogContent, CatalogProduct
from catalog.pages import render_pages

TEMPLATES = Path(catalog.__file__).parent / "templates"
DOMAINS = Path(catalog.__file__).parent.parent / "domains"
VOID = {"meta", "link", "input", "br", "path", "circle"}
TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3


class Page(HTMLParser):
    """What a browser would see: links, ids, visible text; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def rendered(content: CatalogContent) -> dict[str, str]:
    return {name: page.decode() for name, page in render_pages(content).items()}


def real_content() -> CatalogContent:
    domains = find_domains(DOMAINS)
    products = tuple(CatalogProduct(p, None) for d in domains for p in d.products)
    return CatalogContent("Example lake", "2026-04-13T06:03:00Z", domains, products)


def test_pages_load_nothing_from_outside(make_content):
    for content in (make_content(), real_content()):
        for text in rendered(content).values():
            assert re.findall(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:|//)""", text) == []
            assert re.findall(r"url\(|@import|cdn|https?://", text, re.IGNORECASE) == []
            assert "default-src 'none'" in text


def test_every_link_leads_to_a_page_an_anchor_or_a_report(make_content):
    content = make_content()
    pages = {name: Page(text) for name, text in rendered(content).items()}
    reports = {"reports/r-2.html", "reports/r-3.html"}

    for name, page in pages.items():
        for link in set(page.links) - reports - {"data:,"}:
            target, _, anchor = link.partition("#")
            assert (target or name) in pages, link
            assert not anchor or anchor in pages[target or name].ids, link
        assert len(page.ids) == len(set(page.ids)), name


def test_pages_of_the_real_contracts_are_well_formed():
    pages = rendered(real_content())

    assert "clinical.patient.html" in pages
    for text in pages.values():
        Page(text)


def test_the_index_shows_the_flow_the_domains_and_the_counts(make_content):
    text = Page(rendered(make_content())["index.html"]).text

    for step in ("landing NDJSON", "flatten", "check", "publish", "curate", "register", "BI"):
        assert step in text
    assert "Clinical data team · clinical@hospital.example" in text
    assert "Products published 1 of 2" in text
    assert "Rows in current releases 12,345" in text
    assert "! 1 warning ✓ 1 passed" in text
    assert "not published yet" in text


def test_a_product_page_shows_contract_and_release(make_content):
    text = Page(rendered(make_content())["clinical.visit.html"]).text

    for shown in (
        "Contacts of patients with the hospital.",
        "Grain One row per Encounter resource.",
        "Limitations The first reason is taken.",
        "Owner clinical@hospital.example",
        "version 1.2.0",
        "Used by curated.visit_summary",
        "Release r-2",
        "Published 2026-04-12 06:15 UTC",
        "Rows 12,345",
        "Quarantined 3",
        "17 in patient_id",
        "ends_after_start warning · 14 rows",
        "visit_id varchar key required, unique ◆ direct identifier Logical id.",
        "Check report of this release",
    ):
        assert shown in text


def test_pages_count_open_lines_and_say_how_many_were_decided(make_content, visit, release):
    content = make_content()
    decided = CatalogProduct(visit, replace(release, quarantined=1203, decided=3))
    pages = rendered(replace(content, products=(decided, *content.products[1:])))

    assert "Quarantined 1,200 open, 3 decided" in Page(pages["clinical.visit.html"]).text
    index = Page(pages["index.html"]).text
    assert "Lines in quarantine 1,200 open, 3 decided" in index
    assert "Quarantined 1,200 open, 3 decided" in index


def test_a_product_page_says_where_its_rows_come_from(make_content, visit, release):
    views = (Path("view.a.json"), Path("view.b.json"))
    stated = {(): "derived: a model", views[:1]: "through its view Team", views: "through its views Team"}
    for view_files, shown in stated.items():
        products = (CatalogProduct(replace(visit, view_files=view_files), release),)
        assert shown in Page(rendered(make_content(products=products))["clinical.visit.html"]).text


def test_checks_are_unfolded_only_where_one_did_not_pass(make_content, visit, release):
    good = CatalogProduct(visit, replace(release, checks=release.checks[:1]))
    content = make_content(failed=())

    assert "<details open>" in rendered(content)["clinical.visit.html"]
    assert (
        "<details open>" not in rendered(replace(content, products=(good, content.products[1])))["clinical.visit.html"]
    )


def test_a_failed_candidate_stands_on_the_index_and_on_its_product(make_content):
    pages = rendered(make_content())

    index, product = (Page(pages[name]).text for name in ("index.html", "clinical.visit.html"))
    assert "1 candidate did not pass the checks clinical.visit candidate r-3" in index
    assert "Candidate r-3 did not pass the checks" in product
    for text in (index, product):
        assert "Set aside. Release r-2 keeps serving." in text
        assert "status_valid critical · column status · 41 rows" in text


def test_a_failed_candidate_of_a_product_without_release_says_so(make_content):
    content = make_content()
    first = replace(content.failed[0], product="clinical.stay")

    text = Page(rendered(replace(content, failed=(first,)))["index.html"]).text

    assert "Set aside. No release serves yet." in text


def test_a_curated_page_shows_grain_sources_and_unclassified_columns(make_content):
    text = Page(rendered(make_content())["curated.visit_summary.html"]).text

    assert "Grain One row per month." in text
    assert "Built from clinical.visit" in text
    assert "note varchar ? not classified" in text


def test_text_of_a_contract_is_escaped(make_content, visit, release):
    hostile = replace(visit, title="<script>alert(1)</script>", purpose='"><img src=x onerror=alert(1)>')
    content = make_content()

    pages = rendered(replace(content, products=(CatalogProduct(hostile, release), content.products[1])))

    for text in pages.values():
        assert "<script>alert" not in text
        assert "<img" not in text


def test_an_empty_lake_has_an_index(make_content):
    pages = rendered(make_content(domains=(), products=(), curated=(), failed=()))

    assert list(pages) == ["index.html"]
    assert "Products published 0 of 0" in Page(pages["index.html"]).text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *(("ink", ground) for ground in ("ground", "card", "code-ground", "bad-ground", "accent-ground")),
        *(("soft", ground) for ground in ("ground", "card", "code-ground", "accent-ground")),
        *(("accent", ground) for ground in ("ground", "card", "bad-ground", "accent-ground")),
        *((name, f"{name}-ground") for name in ("good", "warn", "bad", "direct", "quasi", "clinical", "financial")),
        ("administrative", "administrative-ground"),
        ("bad", "ground"),
        ("bad", "card"),
    ],
)
def test_text_stands_out_from_its_ground(scheme, text, ground):
    css = (TEMPLATES / "portal.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light if scheme == "light" else dark))

    assert contrast(colours[text], colours[ground]) >= TEXT_CONTRAST


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
