"""What payers send has no encounters: all curated tables are there all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from caremesh.products import Product
from tests.conftest import SilentWatcher, settings_for
from tests.measures.conftest import Curated, curate
from tests.measures.product_tables import create_products

TABLES = {"length_of_stay", "patient_summary", "payer_mix_monthly", "readmission_30d", "readmission_30d_acute"}


@pytest.fixture(scope="module")
def payer(products: Sequence[Product], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curated]:
    """Two members, of whom one died, and a bill of which nobody knows the day."""
    rows = {
        "clinical.patient": [
            {"patient_id": "lives", "birth_date": "1990-02-28", "is_deceased": False},
            {
                "patient_id": "died",
                "birth_date": "1960-05-05",
                "is_deceased": True,
                "deceased_at": "2000-05-04 10:00:00",
            },
        ],
        "operations.claim_line": [{"explanation_of_benefit_id": "b1", "patient_id": "lives", "paid_amount": 12.5}],
    }
    database = create_products(tmp_path_factory.mktemp("payer") / "lake.duckdb", products, rows)
    yield from curate(products, database, variables={}, unit_tests=False)


def test_every_curated_table_is_built(payer: Curated) -> None:
    assert {t.name for t in payer.result.curated} == TABLES


def test_an_age_is_null_where_no_day_is_known_to_count_it_to(payer: Curated) -> None:
    rows = payer.rows("select patient_id, age_years, as_of_date from curated.patient_summary order by patient_id")
    assert rows == [("died", 39, None), ("lives", None, None)]


def test_the_payers_mix_needs_no_encounter(payer: Curated) -> None:
    columns = "billing_month, payer_name, line_count, encounter_count, paid_amount"
    rows = payer.rows(f"select {columns} from curated.payer_mix_monthly")
    assert rows == [(None, "UNKNOWN", 1, 0, Decimal("12.5"))]


@pytest.mark.parametrize(
    ("export", "last_day"),
    [
        (".", date(2024, 5, 27)),
        pytest.param("ab2d", date(2024, 5, 27), marks=pytest.mark.slow),
        pytest.param("bcda", None, marks=pytest.mark.slow),
        pytest.param("bfd", date(2016, 1, 15), marks=pytest.mark.slow),
    ],
    ids=["all in one lake", "ab2d", "bcda", "bfd"],
)
def test_real_exports_of_payers_are_curated(
    export: str, last_day: date | None, shared_data: Path, tmp_path: Path
) -> None:
    """The days are the greatest `billablePeriod.start` of active claims and bills, read in the files by hand."""
    lake = tmp_path / "lake"
    report = run(settings_for(lake, shared_data / "cms" / export), watcher=SilentWatcher(), command="test")
    assert not report.failed
    assert report.curated
    assert report.curated.build
    assert {t.name for t in report.curated.build.tables} == TABLES
    with duckdb.connect(str(LocalLake(lake).database), read_only=True) as connection:
        days = connection.execute("select distinct as_of_date from curated.patient_summary").fetchall()
    assert days == [(last_day,)]
