"""What a failed build says: dbt's own first words, the file, how much failed, and no value of a row."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from caremesh.engines.dbt import build, write_project
from caremesh.engines.dbt_failures import reason_without_values
from caremesh.errors import CurateError
from caremesh.products import Product
from tests.conftest import ROOT
from tests.measures.product_tables import create_products

SECRET = "Zaphod-4711"
MODEL = "models/rooms/room.sql"
YML = "models/rooms/room.yml"

ROOM = """
models:
  - name: room
    description: One row per room.
    columns:
      - {name: room_id, data_type: varchar, config: {meta: {classification: administrative}}, data_tests: [unique]}
"""
SQL = "select patient_id as room_id from {{ source('clinical', 'patient') }}"
TEXT_AS_DAY = "select cast(cast(patient_id as date) as varchar) as room_id from {{ source('clinical', 'patient') }}"

BROKEN = [
    ("a test fails", SQL, ROOM, YML, "test unique_room_room_id of room.room_id: 1 row(s) fail", "1 of 1 tests"),
    (
        "a column is not there",
        SQL.replace("patient_id as", "pateint_id as"),
        ROOM,
        MODEL,
        'model room: Binder Error: Referenced column "pateint_id" not found',
        "1 of 1 models",
    ),
    (
        "a bracket is open",
        SQL.replace("select", "select ("),
        ROOM,
        MODEL,
        "model room: Parser Error: ",
        "1 of 1 models",
    ),
    (
        "a value is no day",
        TEXT_AS_DAY,
        ROOM,
        MODEL,
        "model room: Conversion Error; its words are withheld, as they may quote a row",
        "1 of 1 models",
    ),
    (
        "the yml has another column",
        SQL,
        ROOM.replace("room_id", "room"),
        MODEL,
        "model room: Compilation Error: This model has an enforced contract that failed.",
        "1 of 1 models",
    ),
    (
        "a macro is not there",
        SQL + " {{ nothing() }}",
        ROOM,
        MODEL,
        "model room: Compilation Error: 'nothing' is",
        "1 of",
    ),
    (
        "a model is not there",
        "select 1 as room_id from {{ ref('hall') }}",
        ROOM,
        "",
        "dbt build did not start: Compilation Error: Model 'model.caremesh.room' (models/rooms/room.sql) depends on a "
        "node named 'hall' which was not found",
        None,
    ),
    ("the yml is broken", SQL, ROOM.replace("    columns", "   columns"), "", "rooms/room.yml - Runtime Error", None),
]


@pytest.mark.parametrize(("sql", "yml", "file", "says", "failed"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_dbts_first_words_are_the_message(
    sql: str, yml: str, file: str, says: str, failed: str | None, products: Sequence[Product], tmp_path: Path
) -> None:
    source = tmp_path / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", source, ignore=shutil.ignore_patterns("models", "seeds", "tests"))
    (source / "models" / "rooms").mkdir(parents=True)
    (source / MODEL).write_text(sql)
    (source / YML).write_text(yml)
    rows = {"clinical.patient": [{"patient_id": SECRET}, {"patient_id": SECRET}]}
    database = create_products(tmp_path / "lake.duckdb", products, rows)
    project = write_project(products, tmp_path / "dbt", project_dir=source)
    with pytest.raises(CurateError) as raised:
        build(project, target="local", variables={}, env={"CAREMESH_DUCKDB": str(database)})
    error = raised.value
    assert says in error.message
    assert error.where == ("dbt_project" + (f"/{file}" if file else ""))
    assert str(project / "logs" / "dbt.log") in (error.hint or "")
    assert (error.summary or "").startswith(failed or "")
    assert SECRET not in str(error)


@pytest.mark.parametrize("stated", ["", ", config: {meta: {classification: secret}}"])
def test_curated_columns_without_classification_are_an_error_that_names_all(
    stated: str, products: Sequence[Product], tmp_path: Path
) -> None:
    source = tmp_path / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", source, ignore=shutil.ignore_patterns("models", "seeds", "tests"))
    (source / "models" / "rooms").mkdir(parents=True)
    (source / MODEL).write_text(SQL)
    unclassified = ROOM.replace(", config: {meta: {classification: administrative}}", stated)
    (source / YML).write_text(unclassified)
    (source / MODEL.replace("room.", "hall.")).write_text(SQL)
    (source / YML.replace(".yml", "_more.yml")).write_text(unclassified.replace("name: room", "name: hall", 1))
    database = create_products(tmp_path / "lake.duckdb", products, {"clinical.patient": [{"patient_id": "p1"}]})
    project = write_project(products, tmp_path / "dbt", project_dir=source)
    with pytest.raises(CurateError, match="no known classification is stated of room_id") as raised:
        build(project, target="local", variables={}, env={"CAREMESH_DUCKDB": str(database)})
    assert all(f"model {name}: no known" in raised.value.message for name in ("room", "hall"))
    assert f"dbt_project/{YML}" in str(raised.value.where)
    assert "administrative" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f'Conversion Error: Could not convert string "{SECRET}" to DECIMAL(38,9)', "DECIMAL(38,9)"),
        (f'Conversion Error: Could not convert string "a" to {SECRET}\n" to DATE', "Conversion Error"),
        (f"Conversion Error: Type DOUBLE with value {SECRET} can't be cast", "Conversion Error"),
        (f"Invalid Input Error: {SECRET}", "Invalid Input Error"),
        (f"Out of Range Error: Overflow in multiplication of INT64 ({SECRET} * 2)", "Out of Range Error"),
        (f"INVALID_CAST_ARGUMENT: Cannot cast '{SECRET}' to DATE", "INVALID_CAST_ARGUMENT"),
        (f"{SECRET}: Binder Error: no", "the database refused it"),
        (f"An error that nobody knows: {SECRET}", "the database refused it"),
    ],
)
def test_what_may_quote_a_row_is_withheld(said: str, shown: str) -> None:
    reason = reason_without_values(f"Runtime Error in model room (models/rooms/room.sql)\n  {said}")
    assert shown in reason
    assert "withheld" in reason
    assert SECRET not in reason


@pytest.mark.parametrize(
    "said",
    [
        "COLUMN_NOT_FOUND: line 3:8: Column 'pateint_id' cannot be resolved or requester is not authorized",
        "SYNTAX_ERROR: line 1:8: mismatched input 'from'",
        'Catalog Error: Table with name room does not exist!\nDid you mean "rooms"?',
    ],
)
def test_what_is_said_of_the_statement_alone_is_shown(said: str) -> None:
    reason = reason_without_values(f"Runtime Error in model room (models/rooms/room.sql)\n  {said}")
    assert reason == " ".join(said.splitlines())
