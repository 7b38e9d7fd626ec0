"""Tables of lines on a real Trino: what gives rows, what is refused, and that no line makes a query fail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime

import pytest

from caremesh.engines.line_sql import read_lines_sql
from caremesh.fhir import ATHENA, CompiledView, Struct, compile_view, parse_view
from caremesh.fhir.shape import Leaf
from tests.athena.aws import DATABASE, location
from tests.athena.engine import Athena, refused_lines_sql

pytestmark = pytest.mark.athena

COLUMNS = [
    {"name": "id", "path": "id"},
    {"name": "value", "path": "value.ofType(Quantity).value"},
    {"name": "subject", "path": "subject.reference"},
    {"name": "source", "path": "meta.source"},
    {"name": "code", "path": "code.coding.first().code"},
    {"name": "reason", "path": "dataAbsentReason.text"},
]

GOOD = {"resourceType": "Observation", "id": "good", "subject": {"reference": "Patient/1"}}
EXTRA = {**GOOD, "id": "extra", "valueQuantity": {"value": 1.5, "unit": "kg"}, "unknown": [{"a": [1]}]}

# Why a line is refused → the line.
REFUSED = {
    "cut off": '{"resourceType": "Observation", "id": "cut',
    "no JSON": "Observation",
    "two values": '{"id": "a"} {"id": "b"}',
    "no object": "5",
    "a null": "null",
    "a list with an item for each field": '[null, null, "x", null, "Observation", null, null]',
    "what the SerDe takes for a null": r"\N",
    "a list for an object": json.dumps({**GOOD, "subject": ["Patient/1"]}),
    "a list of objects for an object": json.dumps({**GOOD, "code": [{"coding": [{"code": "a"}]}]}),
    "an object for a list": json.dumps({**GOOD, "code": {"coding": {"code": "a"}}}),
    "a list for an object in a list": json.dumps({**GOOD, "code": {"coding": [["a"]]}}),
    "a text for an object": json.dumps({**GOOD, "subject": "Patient/1"}),
    "an object for a text": json.dumps({**GOOD, "dataAbsentReason": {"text": {"div": "x"}}}),
    "a text for a number": json.dumps({**GOOD, "valueQuantity": {"value": "much"}}),
    "a control character": '{"resourceType": "Observation", "id": "a\tb"}',
}


@pytest.fixture(scope="module")
def compiled() -> CompiledView:
    view = {"resource": "Observation", "select": [{"column": COLUMNS}]}
    return compile_view(parse_view(json.dumps(view), where="view.json"), ATHENA)


def as_file(lines: Sequence[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


def test_bad_lines_give_no_row_and_do_not_hide_good_ones(athena: Athena, compiled: CompiledView) -> None:
    files = {
        "good.ndjson": as_file([json.dumps(GOOD), "", "  "]),
        "mixed.ndjson": as_file([*REFUSED.values(), json.dumps(EXTRA)]),
    }
    table = athena.aws.create_line_table("mixed", files)
    nothing = {"value": None, "source": None, "code": None, "reason": None, "subject": "Patient/1"}
    rows = athena.run_table(compiled, table)
    assert sorted(rows, key=lambda row: row["id"]) == [
        {"id": "extra", **nothing, "value": 1.5},
        {"id": "good", **nothing},
    ]
    refused = athena.query(f"select file, line from {refused_lines_sql(table, compiled.shape)}")
    expected = [{"file": f"{location('mixed')}mixed.ndjson", "line": line} for line in REFUSED.values()]
    assert sorted(refused, key=lambda row: row["line"]) == sorted(expected, key=lambda row: row["line"])


def test_bytes_that_are_no_text_give_no_failure(athena: Athena, compiled: CompiledView) -> None:
    content = as_file([json.dumps(GOOD)]) + b'\xff\xfe{"id": "\xc3\x28"}\x01\n\x00\n' + b'{"id": "no end of line"'
    table = athena.aws.create_line_table("bytes", {"bytes.ndjson": content})
    assert [row["id"] for row in athena.run_table(compiled, table)] == ["good"]
    assert len(athena.query(f"select file from {refused_lines_sql(table, compiled.shape)}")) == 3


def test_lines_may_end_as_on_windows(athena: Athena, compiled: CompiledView) -> None:
    content = f"{json.dumps(GOOD)}\r\n\r\n{json.dumps(EXTRA)}\r\n".encode()
    table = athena.aws.create_line_table("windows", {"windows.ndjson": content})
    assert {row["id"] for row in athena.run_table(compiled, table)} == {"good", "extra"}
    assert athena.query(f"select file from {refused_lines_sql(table, compiled.shape)}") == []


def test_long_lines_and_deep_nesting_are_read(athena: Athena, compiled: CompiledView) -> None:
    long = json.dumps({**GOOD, "id": "long", "note": "x" * 3_000_000})
    deep = f'{{"resourceType": "Observation", "id": "deep", "extra": {"[" * 900}{"]" * 900}}}'
    table = athena.aws.create_line_table("long", {"long.ndjson": as_file([long, deep])})
    assert {row["id"] for row in athena.run_table(compiled, table)} == {"long", "deep"}


def test_text_comes_back_as_it_was_written(athena: Athena) -> None:
    shape = Struct((("id", Leaf("text")),))
    texts = ["it's", 'a "quoted" \\ backslash', "línea ✓ 𝄞", "line\nbreak\ttab", "\u2028", "$1 ${x} %s ?"]
    table = athena.aws.create_line_table("texts", {"a.ndjson": as_file([json.dumps({"id": t}) for t in texts])})
    found = athena.query(f"select id from {read_lines_sql(table, shape)}")
    assert sorted(row["id"] for row in found) == sorted(texts)


def test_numbers_of_exact_leaves_keep_their_digits(athena: Athena) -> None:
    quantity = Struct((("unit", Leaf("text")), ("value", Leaf("exact"))))
    shape = Struct((("amount", Leaf("exact")), ("q", quantity)))
    lines = [
        '{"q": {"value": 139.99967425758941234567, "unit": "\\"value\\": 1.50"}, "amount":-1.0E-3}',
        '{"q":{"value" : 1.50},"amount":0}',
        '{"q":{"value":"2.50"},"amount":null}',
    ]
    table = athena.aws.create_line_table("exact", {"a.ndjson": as_file(lines)})
    source = read_lines_sql(table, shape)
    found = athena.query(f"select q.value as value, q.unit as unit, amount from {source}")
    assert sorted(found, key=lambda row: row["value"]) == [
        {"value": "1.50", "unit": None, "amount": "0"},
        {"value": "139.99967425758941234567", "unit": '"value": 1.50', "amount": "-1.0E-3"},
        {"value": "2.50", "unit": None, "amount": None},
    ]
    assert athena.query(f"select line from {refused_lines_sql(table, shape)}") == []


def test_rows_can_be_written_as_parquet(athena: Athena, compiled: CompiledView) -> None:
    table = athena.aws.create_line_table("written", {"a.ndjson": as_file([json.dumps(GOOD), json.dumps(EXTRA)])})
    target = f"format = 'PARQUET', external_location = '{location('parquet')}'"
    source = read_lines_sql(table, compiled.shape)
    athena.query(
        f"create table {DATABASE}.parquet with ({target}) as select id, valueQuantity.value as v from {source}"
    )
    found = athena.query(f"select * from {DATABASE}.parquet order by id")
    assert found == [{"id": "extra", "v": 1.5}, {"id": "good", "v": None}]


def test_lines_in_the_statement_give_the_rows_of_a_table(athena: Athena, compiled: CompiledView) -> None:
    lines = [*(json.dumps({**GOOD, "id": f"it's {i}", "note": "x" * 300_000}) for i in range(5)), *REFUSED.values()]
    assert sorted(row["id"] for row in athena.run(compiled, lines)) == [f"it's {i}" for i in range(5)]
    assert athena.run(compiled, []) == []


def test_values_come_back_as_python_values(athena: Athena) -> None:
    columns = [
        {"name": "flag", "path": "active"},
        {"name": "whole", "path": "multipleBirth.ofType(integer)"},
        {"name": "number", "path": "extension.value.ofType(decimal)"},
        {"name": "texts", "path": "name.given", "collection": True},
        {"name": "day", "path": "birthDate", "tag": [{"name": "ansi/type", "value": "DATE"}]},
        {"name": "time", "path": "meta.lastUpdated", "tag": [{"name": "ansi/type", "value": "TIMESTAMP"}]},
    ]
    patient = {
        "resourceType": "Patient",
        "active": True,
        "multipleBirthInteger": 2,
        "extension": [{"url": "x", "valueDecimal": 0.1}],
        "name": [{"given": ["A", "B"]}],
        "birthDate": "2000-02-29",
        "meta": {"lastUpdated": "2020-01-02T03:04:05.678+02:00"},
    }
    view = {"resource": "Patient", "select": [{"column": columns}]}
    compiled = compile_view(parse_view(json.dumps(view), where="view.json"), ATHENA)
    assert [tuple(row.values()) for row in athena.run(compiled, [json.dumps(patient)])] == [
        (True, 2, 0.1, ["A", "B"], date(2000, 2, 29), datetime(2020, 1, 2, 3, 4, 5, 678000))
    ]
