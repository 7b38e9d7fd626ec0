"""Great Expectations counts what plain DuckDB counts, for every kind of check, on data with planted defects."""

from __future__ import annotations

import duckdb
import pytest

from quality.candidate import LocalCandidate
from quality.gate import run_gate
from tests.scale import dice
from tests.unit.quality.conftest import at_least

ROWS = 600

# One plain query for each check; they share nothing with the code under test.
COMPOUND = {
    "primary_key": """
        select coalesce(sum(n), 0) from (
            select count(*) as n from visits where visit_id is not null and line_number is not null
            group by visit_id, line_number having count(*) > 1)
    """,
    "visit_id_required": "select count(*) - count(visit_id) from visits",
    "line_number_required": "select count(*) - count(line_number) from visits",
    "status_required": "select count(*) - count(status) from visits",
    "badge_unique": """
        select coalesce(sum(n), 0) from (
            select count(*) as n from visits where badge is not null group by badge having count(*) > 1)
    """,
    "known": "select count(*) from visits where status is not null and status not in ('open', 'shut')",
    "numbered": "select count(*) from visits where line_number is not null and line_number not in (1, 2)",
    "shaped": "select count(*) from visits where postcode is not null and not regexp_matches(postcode, '^AB[0-9]$')",
    "costed": "select count(*) - count(cost) from visits",
    "positive": "select count(*) from visits where cost < 0",
    "enough": "select count(*) from visits",
}
SINGLE = {
    "primary_key": """
        select coalesce(sum(n), 0) from (
            select count(*) as n from visits where visit_id is not null group by visit_id having count(*) > 1)
    """,
}


def defective_rows():
    """Rows with every kind of defect, the same ones for a seed."""
    chance = dice("defective rows")
    for number in range(ROWS):
        yield {
            "visit_id": chance.choice([None, f"v{chance.randrange(200)}", f"w{number}"]),
            "line_number": chance.choice([None, 1, 2, 2, 3]),
            "status": chance.choice([None, "open", "open", "shut", "Open", ""]),
            "badge": chance.choice([None, f"b{chance.randrange(500)}"]),
            "postcode": chance.choice([None, "AB1", "AB22", "ab1"]),
            "cost": chance.choice([None, -0.5, 0.0, 12.0]),
        }


@pytest.mark.parametrize(("compound", "queries"), [(True, COMPOUND), (False, SINGLE)])
def test_counts_equal_those_of_plain_queries(make_product, make_rule, write_candidate, tmp_path, compound, queries):
    rules = [
        make_rule("known", "valid_values", "status", valid_values=("open", "shut")),
        make_rule("numbered", "valid_values", "line_number", valid_values=("1", "2")),
        make_rule("shaped", "pattern", "postcode", pattern="^AB[0-9]$"),
        make_rule("costed", "not_null", "cost"),
        make_rule("positive", "sql", query="select count(*) from {object} where cost < 0"),
        make_rule("enough", "row_count", conditions=at_least(ROWS + 7)),
    ]
    file = write_candidate(defective_rows())

    verdict = run_gate(make_product(rules, compound=compound), LocalCandidate((file,), tmp_path))

    counted = {r.check.name: r.measured for r in verdict.results if r.check.name in queries}
    with duckdb.connect() as connection:
        connection.execute(f"create view visits as select * from read_parquet('{file}')")
        expected = {name: connection.execute(query).fetchall()[0][0] for name, query in queries.items()}
    assert counted == expected
    assert min(counted.values()) > 0
    assert not any(r.passed for r in verdict.results if r.check.name in queries)
