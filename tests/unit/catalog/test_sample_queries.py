from __future__ import annotations

import re
import shlex
from pathlib import Path

import duckdb
import pytest

import catalog
from caremesh.products import Product, find_domains
from catalog.samples import SampleColumn, SampleQuery, sample_queries

DOMAINS = Path(catalog.__file__).parent.parent / "domains"
PRODUCTS = [p for domain in find_domains(DOMAINS) for p in domain.products]


def samples_of(product: Product) -> tuple[SampleQuery, ...]:
    columns = [SampleColumn(c.name, c.sql_type, c.classification) for c in product.columns]
    return sample_queries(product.id, columns)


def test_a_table_is_counted_by_category_by_code_and_over_time():
    columns = [
        SampleColumn("visit_id", "varchar", "direct_identifier"),
        SampleColumn("status", "varchar", "administrative"),
        SampleColumn("reason_code", "varchar", "clinical"),
        SampleColumn("reason_display", "varchar", "clinical"),
        SampleColumn("last_updated_at", "timestamp", "administrative"),
        SampleColumn("started_at", "timestamp", "quasi_identifier"),
    ]

    queries = sample_queries("clinical.visit", columns, categories={"status"})

    assert [" ".join(q.sql.split()) for q in queries] == [
        "select status, count(*) as row_count from clinical.visit group by status order by row_count desc limit 20",
        "select reason_code, reason_display, count(*) as row_count from clinical.visit"
        " group by reason_code, reason_display order by row_count desc limit 20",
        "select date_trunc('month', started_at) as month_start, count(*) as row_count from clinical.visit"
        " where started_at is not null group by 1 order by 1",
    ]


def test_a_table_of_identifiers_and_unclassified_columns_is_only_counted():
    columns = [
        SampleColumn("patient_code", "varchar", "direct_identifier"),
        SampleColumn("note_code", "varchar", None),
        SampleColumn("born_on", "date", "direct_identifier"),
    ]

    (query,) = sample_queries("curated.people", columns)

    assert query.sql == "select count(*) as row_count\nfrom curated.people"


def test_a_name_that_would_need_quotes_is_not_used():
    (query,) = sample_queries("curated.people", [SampleColumn("Odd name_code", "varchar", "clinical")])

    assert "Odd" not in query.sql


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_samples_of_the_real_contracts_run_as_pasted(product):
    with duckdb.connect() as connection:
        connection.execute(f"create schema {product.domain}")
        columns = ", ".join(f"{c.name} {c.sql_type}" for c in product.columns)
        connection.execute(f"create table {product.id} ({columns})")
        for sample in samples_of(product):
            program, verb, sql = shlex.split(sample.command)
            assert (program, verb) == ("caremesh", "query")
            connection.execute(sample.sql)
            connection.execute(sql)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_samples_of_the_real_contracts_name_no_direct_identifier(product):
    identifiers = {c.name for c in product.columns if c.classification == "direct_identifier"}

    for sample in samples_of(product):
        assert not identifiers & set(re.findall(r"\w+", sample.sql))
