"""The column that holds the resource's id in every row: merges go by it."""

from __future__ import annotations

import json

import pytest

from caremesh.fhir import DUCKDB, compile_view, parse_view

KEY = {"column": [{"name": "k", "path": "id"}]}


def key_column(select: dict[str, object]) -> str | None:
    view = parse_view(json.dumps({"resource": "Patient", "select": [select]}), where="view.json")
    return compile_view(view, DUCKDB).key_column


@pytest.mark.parametrize(
    "select",
    [
        KEY,
        {"column": [{"name": "k", "path": "getResourceKey()"}]},
        {"select": [KEY, {"forEach": "name", "column": [{"name": "family", "path": "family"}]}]},
        {"select": [KEY], "unionAll": [{"column": [{"name": "g", "path": "gender"}]}]},
    ],
    ids=["id", "getResourceKey", "beside forEach", "beside unionAll"],
)
def test_the_id_beside_or_around_iterations_is_the_key(select: dict[str, object]) -> None:
    assert key_column(select) == "k"


@pytest.mark.parametrize(
    "select",
    [
        {"column": [{"name": "k", "path": "where(active = true).id"}]},
        {"column": [{"name": "k", "path": "id.where($this = 'a')"}]},
        {"column": [{"name": "k", "path": "where(active = true).first().id"}]},
        {"column": [{"name": "k", "path": "id", "collection": True}]},
        {"column": [{"name": "k", "path": "name.first().id"}]},
        {"forEach": "name", "column": [{"name": "k", "path": "id"}]},
        {"forEachOrNull": "name", "column": [{"name": "k", "path": "id"}]},
        {"unionAll": [KEY]},
        {"column": [{"name": "k", "path": "gender"}]},
    ],
    ids=["where", "filtered", "first", "collection", "other id", "forEach", "forEachOrNull", "union", "no id"],
)
def test_what_may_be_null_or_another_id_is_no_key(select: dict[str, object]) -> None:
    assert key_column(select) is None
