"""The pruned shape of what a view reads, its SQL types, and where a line contradicts it."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from caremesh.fhir import ATHENA, DUCKDB, Array, Leaf, Struct, compile_view, mismatch, parse_view

TEXT, NUMBER = Leaf("text"), Leaf("number")
SHAPE = Struct(
    (
        ("id", TEXT),
        ("name", Array(Struct((("family", TEXT), ("given", Array(TEXT)))))),
        ("valueQuantity", Struct((("value", NUMBER),))),
    )
)


def shape_of(resource: str, *paths: str) -> dict[str, Any]:
    columns = [{"name": f"c{i}", "path": path} for i, path in enumerate(paths)]
    view = parse_view(json.dumps({"resource": resource, "select": [{"column": columns}]}), where="v")
    return dict(compile_view(view, DUCKDB).shape.fields)


def test_shape_always_has_type_and_identity() -> None:
    assert shape_of("Patient", "'x'") == {
        "id": TEXT,
        "resourceType": TEXT,
    }


def test_shape_holds_what_paths_read_and_nothing_more() -> None:
    shape = shape_of(
        "Observation", "component.value.ofType(Quantity).value.first()", "code.coding.first().code", "category.exists()"
    )
    assert shape["component"] == Array(Struct((("valueQuantity", Struct((("value", NUMBER),))),)))
    assert shape["code"] == Struct((("coding", Array(Struct((("code", TEXT),)))),))
    assert shape["category"] == Array(Struct((("id", TEXT),)))


def test_shape_follows_borrowed_definitions_and_extensions_to_any_depth() -> None:
    item = shape_of("QuestionnaireResponse", "item.item.answer.item.linkId.first()")["item"]
    leaf = Array(Struct((("linkId", TEXT),)))
    answer = Array(Struct((("item", leaf),)))
    assert item == Array(Struct((("item", Array(Struct((("answer", answer),)))),)))


def test_source_columns_spell_the_shape_in_both_dialects() -> None:
    shape = Struct((("period", Struct((("end", TEXT),))), ("item", Array(Struct((('od"d', NUMBER),))))))
    assert DUCKDB.source_columns(shape) == {
        "period": 'struct("end" varchar)',
        "item": 'struct("od""d" double)[]',
    }
    assert ATHENA.source_columns(shape) == {
        "period": 'row("end" varchar)',
        "item": 'array(row("od""d" double))',
    }


def test_source_columns_can_be_read_by_duckdb_whatever_the_names(tmp_path: Any) -> None:
    file = tmp_path / "x.ndjson"
    file.write_text('{"select": {"end": "a", "od\\"d": [{"group": 1.5}]}}\n')
    shape = Struct((("select", Struct((("end", TEXT), ('od"d', Array(Struct((("group", NUMBER),))))))),))
    columns = DUCKDB.source_columns(shape)
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select * from read_json('{file}', format = 'newline_delimited', columns = {columns!r})"
        ).fetchall()
    assert found == [({"end": "a", 'od"d': [{"group": 1.5}]},)]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({}, None),
        ({"id": None, "name": None, "valueQuantity": None, "other": [1]}, None),
        ({"id": "a", "name": [{"given": ["A", None]}, None], "valueQuantity": {"value": 1.5}}, None),
        ({"id": 7}, None),
        ({"id": {"a": 1}}, None),
        ([], "$"),
        ("text", "$"),
        ({"name": {"family": "F"}}, "$.name"),
        ({"name": "F"}, "$.name"),
        ({"name": [{"family": "F"}, "F"]}, "$.name[1]"),
        ({"name": [{"given": "A"}]}, "$.name[0].given"),
        ({"valueQuantity": []}, "$.valueQuantity"),
        ({"valueQuantity": {"value": "1.5"}}, None),
        ({"valueQuantity": {"value": True}}, None),
        ({"valueQuantity": {"value": 2}}, None),
    ],
)
def test_mismatch_is_the_first_place_that_contradicts_the_shape(value: Any, place: str | None) -> None:
    assert mismatch(value, SHAPE) == place
