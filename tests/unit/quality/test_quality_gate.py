"""What the gate says of good, bad, empty and misshapen candidates."""

from __future__ import annotations

import json
import logging
from datetime import datetime

import pyarrow as pa
import pytest
import sqlalchemy

from caremesh.errors import ContractError, QualityError
from quality.candidate import LocalCandidate
from quality.duckdb_engine import open_duckdb
from quality.engine import EngineError
from quality.gate import run_gate
from quality.report import render_report
from tests.unit.quality.conftest import ARROW_SCHEMA, at_least, at_most

MARKER = "Zachariah-1931"


def failed_rows(verdict):
    return {r.check.name: r.measured for r in verdict.results if not r.passed}


def test_a_sound_candidate_passes_every_check(make_product, make_rule, write_candidate, tmp_path):
    product = make_product([make_rule("enough", "row_count", conditions=at_least(3))])

    verdict = run_gate(product, LocalCandidate((write_candidate([{}, {}, {}]),), tmp_path))

    assert verdict.passed
    assert verdict.rows == 3
    assert [r.check.name for r in verdict.results if r.passed and r.rows_checked == 3] == [
        "columns",
        "column_types",
        "primary_key",
        "visit_id_required",
        "line_number_required",
        "status_required",
        "badge_unique",
        "enough",
    ]


def test_rows_of_all_files_are_counted_together(make_product, write_candidate, tmp_path):
    files = tuple(write_candidate([{"visit_id": "same", "badge": n}], name=n) for n in ("first", "second"))

    verdict = run_gate(make_product(), LocalCandidate(files, tmp_path))

    assert (verdict.rows, failed_rows(verdict)) == (2, {"primary_key": 2})


def test_only_a_critical_failure_stops_a_candidate(make_product, make_rule, write_candidate, tmp_path):
    rules = [
        make_rule("known", "valid_values", "status", valid_values=("shut",), severity="warning"),
        make_rule("costed", "not_null", "cost", severity="info"),
    ]
    file = write_candidate([{"cost": None}, {"status": "shut"}])

    verdict = run_gate(make_product(rules), LocalCandidate((file,), tmp_path))

    assert verdict.passed
    assert failed_rows(verdict) == {"known": 1, "costed": 1}


@pytest.mark.parametrize(("limit", "passed"), [(1, False), (2, True)])
def test_a_limit_is_the_number_of_rows_that_may_break_a_rule(
    make_product, make_rule, write_candidate, tmp_path, limit, passed
):
    rules = [
        make_rule("null", "not_null", "cost", conditions=at_most(limit)),
        make_rule("value", "valid_values", "status", valid_values=("open",), conditions=at_most(limit)),
        make_rule("pattern", "pattern", "postcode", pattern="^AB", conditions=at_most(limit)),
        make_rule("query", "sql", query="select count(*) from {object} where cost is null", conditions=at_most(limit)),
    ]
    broken = {"cost": None, "status": "lost", "postcode": "X"}

    verdict = run_gate(make_product(rules), LocalCandidate((write_candidate([broken, broken, {}]),), tmp_path))

    results = verdict.results[-4:]
    assert [(r.passed, r.measured) for r in results] == [(passed, 2)] * 4
    assert verdict.passed is passed


def test_too_few_rows_are_told_by_their_number(make_product, make_rule, write_candidate, tmp_path):
    product = make_product([make_rule("enough", "row_count", conditions=at_least(5))])

    verdict = run_gate(product, LocalCandidate((write_candidate([{}, {}]),), tmp_path))

    assert failed_rows(verdict) == {"enough": 2}
    assert verdict.failures[0].detail == "found 2 rows; mustBeGreaterOrEqualTo: 5"


def test_an_empty_candidate_breaks_nothing_but_a_row_count(make_product, make_rule, write_candidate, tmp_path):
    rules = [
        make_rule("known", "valid_values", "status", valid_values=("open",)),
        make_rule("pattern", "pattern", "postcode", pattern="^AB"),
        make_rule("counted", "sql", query="select count(*) from {object} where cost < 0"),
        make_rule("summed", "sql", query="select sum(cost) from {object}"),
        make_rule("enough", "row_count", conditions=at_least(1)),
    ]

    verdict = run_gate(make_product(rules), LocalCandidate((write_candidate([]),), tmp_path))

    assert failed_rows(verdict) == {"enough": 0}


def test_sql_rules_run_as_they_are_written(make_product, make_rule, write_candidate, tmp_path):
    numbers = {
        "select count(*) from {object} as o where o.cost < 0; ": 1,
        "select count(*) from {object} where visit.cost < 0 -- a comment": 1,
        "select count(*) from {object} where regexp_matches(postcode, '^(?:a{2}|b):[0-9]%$')": 1,
        "select count(*) from {object} where postcode like 'aa:%' or started_at > timestamp '2020-01-01 10:20:30'": 2,
        "select count({property}) - count(distinct {property}) from {object}": 1,
        "select 0.5": 0.5,
        "select -3": -3,
        "select null": None,
    }
    rules = [make_rule(query, "sql", "cost", query=query) for query in numbers]
    rows = [{"cost": -1.0}, {"postcode": "aa:1%"}, {"started_at": datetime(2021, 1, 1)}]

    verdict = run_gate(make_product(rules), LocalCandidate((write_candidate(rows),), tmp_path))

    assert {r.check.name: r.measured for r in verdict.results[-len(rules) :]} == numbers
    assert not any(r.passed for r in verdict.results[-len(rules) :])


def test_columns_that_differ_are_named_and_other_checks_are_not_run(make_product, write_candidate, tmp_path):
    schema = ARROW_SCHEMA.remove(ARROW_SCHEMA.get_field_index("status")).append(pa.field("state", pa.string()))

    verdict = run_gate(make_product(), LocalCandidate((write_candidate([{}], schema=schema),), tmp_path))

    assert not verdict.passed
    assert [(r.check.name, r.passed, r.detail) for r in verdict.results] == [
        ("columns", False, "missing: status; not in the contract: state"),
        ("column_types", True, ""),
    ]


def test_columns_in_another_order_fail_even_in_the_second_file_only(make_product, write_candidate, tmp_path):
    turned = pa.schema([ARROW_SCHEMA.field(i) for i in (1, 0, 2, 3, 4, 5, 6)])
    files = (write_candidate([{}], name="first"), write_candidate([{}], name="second", schema=turned))

    verdict = run_gate(make_product(), LocalCandidate(files, tmp_path))

    assert [r.detail for r in verdict.failures] == ["column 1 is line_number, the contract says visit_id"]


def test_types_that_differ_are_named(make_product, write_candidate, tmp_path):
    zoned = ARROW_SCHEMA.set(6, pa.field("started_at", pa.timestamp("us", tz="UTC")))
    wide = zoned.set(1, pa.field("line_number", pa.int64()))

    verdict = run_gate(make_product(), LocalCandidate((write_candidate([{}], schema=wide),), tmp_path))

    assert [r.detail for r in verdict.failures] == [
        "line_number is bigint, the contract says integer; "
        "started_at is timestamp[us, tz=UTC], the contract says timestamp"
    ]


def test_a_file_that_is_no_parquet_file_is_an_error(make_product, tmp_path):
    file = tmp_path / "broken.parquet"
    file.write_text(MARKER)

    with pytest.raises(QualityError, match=r"broken\.parquet: cannot be read as a Parquet file") as raised:
        run_gate(make_product(), LocalCandidate((file,), tmp_path))

    assert MARKER not in str(raised.value)


def test_a_candidate_without_files_is_an_error(make_product, tmp_path):
    with pytest.raises(QualityError, match=r"clinical\.visit has no Parquet file"):
        run_gate(make_product(), LocalCandidate((), tmp_path))


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"kind": "sql", "query": "select count(nothing) from {object}"}, "Binder Error: .*nothing"),
        ({"kind": "sql", "query": "select count(* from {object}"}, "Parser Error: syntax error"),
        (
            {"kind": "sql", "query": "select count(*) from read_text('/etc/hostname')"},
            "read_text.* may not be read from",
        ),
        ({"kind": "sql", "query": "select count(*) from '/etc/hostname'"}, "there is no table /etc/hostname"),
        (
            {
                "kind": "sql",
                "query": "1\n) as double) as measured; copy (select 1) to 'x'; select cast((1",
            },
            "3 statements",
        ),
        ({"kind": "sql", "query": "with x as (copy (select 1) to 'x') select 1"}, "a part of the statement"),
        ({"kind": "pattern", "pattern": "(a"}, r"Invalid Input Error: missing \)"),
        ({"kind": "pattern", "pattern": "(?i)a"}, r"DuckDB and Athena do not read '\(\?i' alike"),
    ],
)
def test_a_mistake_in_a_rule_is_told_in_the_engines_words(
    make_product, make_rule, write_candidate, tmp_path, stated, words
):
    product = make_product([make_rule("r", column="postcode", **stated)])

    with pytest.raises(ContractError, match=f"r: {words}"):
        run_gate(product, LocalCandidate((write_candidate([{}]),), tmp_path))


def test_a_rule_reads_the_candidate_through_a_link_and_nothing_else(write_candidate, tmp_path):
    (tmp_path / "link").symlink_to(write_candidate([{}]).parent)
    files = tuple((tmp_path / "link").glob("*.parquet"))

    with open_duckdb(LocalCandidate(files, tmp_path)) as engine:
        engine.run("select count(*) from candidate")
        for elsewhere in ("from read_text('/etc/hostname')", "copy (select 1) to '/dev/null'"):
            with pytest.raises(EngineError, match="PermissionException"):
                engine.run(elsewhere)


def test_what_great_expectations_asks_with_is_locked_too(write_candidate, tmp_path):
    with open_duckdb(LocalCandidate((write_candidate([{}]),), tmp_path)) as engine, engine.known():
        arguments = {"database": str(engine.database), "read_only": True, "config": engine.config}
        asking = sqlalchemy.create_engine("duckdb://", connect_args=arguments)
        with asking.connect() as connection:
            assert connection.execute(sqlalchemy.text("select count(*) from candidate")).scalar() == 1
            with pytest.raises(sqlalchemy.exc.DBAPIError, match="disabled by configuration"):
                connection.execute(sqlalchemy.text("from read_text('/etc/hostname')"))
        asking.dispose()


def test_a_rule_that_fails_on_the_data_is_named_without_quoting_the_data(
    make_product, make_rule, write_candidate, tmp_path, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    rules = [
        make_rule("casts", "sql", query="select max(cast(postcode as integer)) from {object}"),
        make_rule("later", "pattern", "postcode", pattern="^A"),
    ]

    with pytest.raises(QualityError) as raised:
        run_gate(make_product(rules), LocalCandidate((write_candidate([{"postcode": MARKER}]),), tmp_path))

    assert raised.value.message == "could not be computed on the candidate: casts"
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    assert MARKER not in "".join([str(raised.value), *capfd.readouterr(), caplog.text])


def test_no_value_of_a_failing_row_reaches_verdict_report_or_logs(
    make_product, make_rule, write_candidate, tmp_path, capfd, caplog
):
    caplog.set_level(logging.DEBUG)
    rules = [
        make_rule("known", "valid_values", "status", valid_values=("open",)),
        make_rule("pattern", "pattern", "postcode", pattern="^A"),
        make_rule("query", "sql", query=f"select count(*) from {{object}} where badge like '{MARKER[:4]}%'"),
    ]
    marked = dict.fromkeys(("visit_id", "status", "badge", "postcode"), MARKER)

    product = make_product(rules)
    verdict = run_gate(product, LocalCandidate((write_candidate([marked, marked]),), tmp_path))
    page = render_report(product, verdict, release="r1", checked_at="2026-01-01T00:00:00Z")

    assert failed_rows(verdict) == dict.fromkeys(("primary_key", "badge_unique", "known", "pattern", "query"), 2)
    assert MARKER not in "".join([json.dumps(verdict.to_json()), page, repr(verdict), caplog.text])
    assert capfd.readouterr() == ("", "")


def test_the_scratch_folder_is_left_as_it_was(make_product, write_candidate, tmp_path):
    file = write_candidate([{}])
    scratch = tmp_path / "50% of $HOME"
    scratch.mkdir()

    run_gate(make_product(), LocalCandidate((file,), scratch))

    assert list(scratch.iterdir()) == []
