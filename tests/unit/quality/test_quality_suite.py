"""Which checks a contract gives, and how they are put to Great Expectations."""

from __future__ import annotations

import subprocess
import sys

import pytest

from caremesh.errors import ContractError
from quality.check import expectations_of
from quality.measuring import measuring_query
from quality.suite import build_suite
from tests.unit.quality.conftest import at_least, at_most


def test_keys_required_and_unique_columns_are_checks_without_any_rule(make_product):
    checks = expectations_of(make_product())

    assert [(c.name, c.kind, c.column) for c in checks] == [
        ("columns", "columns", None),
        ("column_types", "types", None),
        ("primary_key", "key", None),
        ("visit_id_required", "not_null", "visit_id"),
        ("line_number_required", "not_null", "line_number"),
        ("status_required", "not_null", "status"),
        ("badge_unique", "unique", "badge"),
    ]
    assert {c.severity for c in checks} == {"critical"}


def test_a_key_of_one_column_names_its_column(make_product):
    key = next(c for c in expectations_of(make_product(compound=False)) if c.kind == "key")

    assert (key.column, key.description) == ("visit_id", "No two rows have the same visit_id.")


def test_rules_keep_name_severity_condition_and_description(make_product, make_rule):
    stated = {"severity": "warning", "conditions": at_most(5), "description": "Costs are known."}
    rule = make_rule("cost_known", "not_null", "cost", **stated)

    check = expectations_of(make_product([rule]))[-1]

    assert (check.name, check.kind, check.column, check.severity) == ("cost_known", "not_null", "cost", "warning")
    assert (check.conditions, check.description) == (at_most(5), "Costs are known.")


@pytest.mark.parametrize(
    ("kind", "column", "stated", "meaning"),
    [
        ("valid_values", "status", {"valid_values": ("open", "shut")}, "status is null or one of: open, shut."),
        ("pattern", "postcode", {"pattern": "^A"}, "postcode is null or matches ^A"),
        ("not_null", "cost", {}, "cost is not null."),
        ("row_count", None, {"conditions": at_least(2000)}, "The number of rows is at least 2,000."),
        (
            "sql",
            None,
            {"query": "select\n  1", "conditions": at_most(3)},
            "The result of this query is at most 3: select 1",
        ),
    ],
)
def test_a_rule_without_description_says_what_it_means(make_product, make_rule, kind, column, stated, meaning):
    check = expectations_of(make_product([make_rule("r", kind, column, **stated)]))[-1]

    assert check.description == meaning


def test_the_suite_holds_every_check_but_the_types_and_its_severity(make_product, make_rule):
    product = make_product([make_rule("r", "row_count", severity="info", conditions=at_least(1))])

    suite = build_suite(product, "duckdb")

    found = {e.meta["check"]: e.severity.value for e in suite.expectations}
    assert found == {c.name: c.severity for c in expectations_of(product) if c.kind != "types"}


def test_valid_values_take_the_type_of_their_column(make_product, make_rule):
    product = make_product([make_rule("r", "valid_values", "line_number", valid_values=("1", "2"))])

    assert build_suite(product, "duckdb").expectations[-1].value_set == [1, 2]


def test_a_valid_value_of_another_type_is_a_contract_error(make_product, make_rule):
    product = make_product([make_rule("r", "valid_values", "line_number", valid_values=("one",))])

    with pytest.raises(ContractError, match="r: a value is not of type integer"):
        build_suite(product, "duckdb")


def test_a_pattern_rule_asks_for_one_number(make_product, make_rule):
    rule = make_rule("r", "pattern", "postcode", pattern="it's")
    product = make_product([rule])
    check = expectations_of(product)[-1]

    asked = {d: measuring_query(check, product, source="t", dialect=d) for d in ("duckdb", "athena")}

    text = """(cast("postcode" as varchar), 'it\\''s')"""
    assert asked == {
        "duckdb": 'with "visit" as not materialized (select * from t) '
        f'select count(*) as measured from "visit" where not regexp_matches{text}',
        "athena": 'with "visit" as (select * from t) '
        f'select count(*) as measured from "visit" where not regexp_like{text}',
    }


@pytest.mark.parametrize(("column", "kind"), [("cost", "double"), ("started_at", "timestamp")])
def test_a_pattern_on_values_that_the_engines_write_differently_is_refused(make_product, make_rule, column, kind):
    rule = make_rule("r", "pattern", column, pattern="^1")

    product = make_product([rule])

    with pytest.raises(ContractError, match=f"r: a pattern cannot judge {column}") as raised:
        measuring_query(expectations_of(product)[-1], product, source="t", dialect="duckdb")

    assert f"write a {kind} as different texts" in str(raised.value)


def test_listing_checks_does_not_import_great_expectations():
    code = "import sys, quality.gate, quality.report, quality.check; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
