"""All SQL that we write for Athena calls only functions that Athena lists, in statements that Athena takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from caremesh.engines import athena_keys
from caremesh.engines.line_sql import read_lines_sql
from caremesh.errors import ViewError
from caremesh.fhir import ATHENA, LONGEST_STATEMENT, Leaf, Struct, compile_view, parse_view
from tests.athena.engine import Athena, refused_lines_sql
from tests.athena.functions import ATHENA_FUNCTIONS, ON_BOTH_ENGINES, SYNTAX, called_functions
from tests.golden.refresh import GOLDEN
from tests.integration.test_damaged_files import VIEW
from tests.spec.cases import official_cases


def all_views() -> Iterator[tuple[str, str]]:
    """Yield the SQL of every shipped view and every official case, with its name."""
    for file in sorted((GOLDEN / "athena").glob("*.sql")):
        yield file.name, file.read_text()
    for case in official_cases():
        try:
            compiled = compile_view(parse_view(json.dumps(case.view), where="view.json"), ATHENA)
        except ViewError:
            continue
        yield f"{case.file}: {case.title}", compiled.query


def test_views_call_only_listed_functions() -> None:
    unlisted = {name: called_functions(sql) - ATHENA_FUNCTIONS for name, sql in all_views()}
    assert {name: functions for name, functions in unlisted.items() if functions} == {}


def test_views_leave_room_in_a_statement() -> None:
    assert [name for name, sql in all_views() if len(sql.encode()) > LONGEST_STATEMENT / 2] == []


@pytest.mark.parametrize("write", [read_lines_sql, refused_lines_sql])
def test_readers_of_lines_call_only_listed_functions(write: Callable[[str, Struct], str]) -> None:
    shape = Struct((("id", Leaf("text")), ("amount", Leaf("exact"))))
    assert called_functions(write("lines", shape)) <= ATHENA_FUNCTIONS


def test_the_intake_calls_only_listed_functions() -> None:
    view = compile_view(parse_view(json.dumps(VIEW), where="view.json"), ATHENA)
    ranked = athena_keys.ranked_sql("keys", "files", "doubts", has_one_space=False)
    written = [
        athena_keys.keys_sql(["lines"], view),
        athena_keys.counts_sql(ranked, "keys"),
        athena_keys.used_lines_sql(ranked, ["lines"], left_out=True, twins=True),
        athena_keys.quarantine_sql("keys", "files", "doubts", ["lines"], reread=True, ranked=ranked),
    ]
    assert set().union(*map(called_functions, written)) <= ATHENA_FUNCTIONS


def test_what_is_no_call_is_not_taken_for_one() -> None:
    sql = """
        with src as (select "f(x)" from t) -- not(this)
        select upper('it''s lower(x)'), cast(a as decimal(9, 2)), Fail ('no'), cast(b as row("c" array(varchar)))
        from src cross join unnest(filter(xs, x -> x in (1, 2))) with ordinality as u(e, i)
    """
    assert called_functions(sql) == {"upper", "cast", "fail", "filter"}


def test_what_runs_on_both_engines_runs_on_athena() -> None:
    assert ON_BOTH_ENGINES <= ATHENA_FUNCTIONS


@pytest.mark.athena
def test_trino_knows_every_listed_function(athena: Athena) -> None:
    known = {row["Function"] for row in athena.query("show functions")}
    assert known >= ATHENA_FUNCTIONS - SYNTAX
