"""What the dialects spell differently, as text: Athena's SQL runs on a laptop only in the tests of a real Trino."""

from __future__ import annotations

import json
from typing import Any

from caremesh.fhir import ATHENA, DUCKDB, Dialect, compile_view, parse_view


def query(dialect: Dialect, *select: dict[str, Any]) -> str:
    view = parse_view(json.dumps({"resource": "Patient", "select": list(select)}), where="v")
    return compile_view(view, dialect).query


def test_single_elements_are_plain_field_access() -> None:
    select = {"column": [{"name": "code", "path": "maritalStatus.coding.first().code"}]}
    assert query(DUCKDB, select) == (
        'select\n  "maritalStatus"."coding"[1]."code" as "code"\n'
        "from (\n  select *\n  from src\n  where \"resourceType\" = 'Patient'\n)"
    )
    assert 'element_at("maritalStatus"."coding", 1)."code" as "code"' in query(ATHENA, select)


def test_forEachOrNull_is_one_unnest() -> None:
    select = {"forEachOrNull": "name", "column": [{"name": "family", "path": "family"}]}
    assert 'unnest(case when len("name") > 0 then "name" else [null] end) as e_1' in query(DUCKDB, select)
    athena = query(ATHENA, select)
    assert 'left join unnest(transform("name", v -> row(v))) with ordinality as u(e_1, position) on true' in athena


def test_a_list_of_rows_has_an_index_without_one_in_the_lambda() -> None:
    branch = {"forEach": "name", "column": [{"name": "i", "path": "%rowIndex"}]}
    athena = query(ATHENA, {"unionAll": [branch, branch]})
    assert 'zip_with("name", sequence(0, cardinality("name") - 1), (e_1, i_1) -> ' in athena
    assert 'case when cardinality("name") > 0 then' in athena
    assert 'cast(row(i_1) as row("i" bigint))' in athena


def test_athena_names_the_fields_of_rows_in_lower_case() -> None:
    # A cast of JSON to row("birthDate" varchar) gives null on Trino; to row("birthdate" varchar) it gives the value.
    view = parse_view(
        '{"resource": "Patient", "select": [{"column": [{"name": "b", "path": "birthDate"}]}]}', where="v"
    )
    shape = compile_view(view, ATHENA).shape
    assert ATHENA.node_type(shape) == ('row("birthdate" varchar, "id" varchar, "resourcetype" varchar)')


def test_errors_are_raised_by_casts_that_cannot_work() -> None:
    many = {"column": [{"name": "given", "path": "name.given"}]}
    assert (
        "cast(cast('column given: more than one value, resource ' || coalesce(\"id\", 'without id') as integer)"
        " as varchar)"
    ) in query(ATHENA, many)
    assert "error('column given: more than one value, resource ' ||" in query(DUCKDB, many)


def test_a_value_used_twice_is_computed_once() -> None:
    columns = [
        {"name": "id", "path": "managingOrganization.getReferenceKey(Organization)"},
        {"name": "rest", "path": "managingOrganization.where(getReferenceKey(Organization).empty()).reference"},
    ]
    for dialect in (DUCKDB, ATHENA):
        assert query(dialect, {"column": columns}).count("regexp_extract(") == 1
