from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caremesh.lake.curated import CuratedColumn
from caremesh.products import Column, Domain, Product, Rule
from catalog.base import (
    CatalogContent,
    CatalogProduct,
    CheckOutcome,
    CuratedTable,
    FailedCandidate,
    ReleaseInfo,
)

VISIT = Product(
    domain="clinical",
    name="visit",
    version="1.2.0",
    title="Visit",
    purpose="Contacts of patients with the hospital.",
    limitations="The first reason is taken.",
    description="Visits. One row per Encounter resource.",
    grain="One row per Encounter resource.",
    owner="clinical@hospital.example",
    team="Clinical data team",
    columns=(
        Column("visit_id", "varchar", "direct_identifier", "Logical id.", required=True, unique=True, key_position=1),
        Column("status", "varchar", "administrative", "Status of the visit.", required=True),
        Column("reason_code", "varchar", "clinical", "Code of the reason."),
        Column("reason_display", "varchar", "clinical", "Display of the reason."),
        Column("started_at", "timestamp", "quasi_identifier", "Start of the visit."),
        Column("charge", "double", "financial", "What was charged."),
        Column("last_updated_at", "timestamp", "administrative", "When the server changed it."),
    ),
    rules=(Rule("status_valid", "valid_values", "status", "critical", "", valid_values=("planned", "finished")),),
    folder=Path("domains/clinical/visit"),
    view_files=(Path("domains/clinical/visit/view.json"),),
    contract_digest="0" * 64,
)
STAY = replace(VISIT, name="stay", title="Stay", rules=(), view_files=(), folder=Path("domains/clinical/stay"))

RELEASE = ReleaseInfo(
    release="r-2",
    published_at="2026-04-12T06:15:41Z",
    rows=12345,
    quarantined=3,
    sources=("2026-04-11-full",),
    checks=(
        CheckOutcome("visit_id_unique", "visit_id", "critical", True, 0, "The key is unique."),
        CheckOutcome("ends_after_start", None, "warning", False, 14, "A visit does not end before it starts."),
    ),
    report="reports/r-2.html",
    unresolved_references=(("patient_id", 17),),
)
SUMMARY = CuratedTable(
    name="curated.visit_summary",
    description="Visits by month. One row per month.",
    columns=(
        CuratedColumn("month_start", "date", "administrative", "First day of the month."),
        CuratedColumn("note", "varchar", None, "No model states what it is."),
    ),
    rows=24,
    built_at="2026-04-12T06:16:02Z",
    depends_on=("clinical.visit",),
)
FAILED = FailedCandidate(
    product="clinical.visit",
    release="r-3",
    failing=(CheckOutcome("status_valid", "status", "critical", False, 41, "Only known values."),),
    report="reports/r-3.html",
)
CONTENT = CatalogContent(
    lake_name="Example lake",
    generated_for="2026-04-13T06:03:00Z",
    domains=(Domain("clinical", "clinical@hospital.example", "Clinical data team", "Care.", (VISIT, STAY)),),
    products=(CatalogProduct(VISIT, RELEASE), CatalogProduct(STAY, None)),
    curated=(SUMMARY,),
    failed=(FAILED,),
)


@pytest.fixture
def make_content() -> Callable[..., CatalogContent]:
    """One published product, one that is not, one curated table, one failed candidate; changed as asked."""

    def make(**changes: Any) -> CatalogContent:
        return replace(CONTENT, **changes)

    return make


@pytest.fixture
def visit() -> Product:
    return VISIT


@pytest.fixture
def release() -> ReleaseInfo:
    return RELEASE
