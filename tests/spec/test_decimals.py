"""Decimals: doubles by default, the text as written where it is asked for, and what is computed with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caremesh.errors import ViewError
from caremesh.fhir import DUCKDB, compile_view, exact_names, parse_view
from tests.view_rows import run_compiled

PATH = "value.ofType(Quantity).value"


def observation(value: str) -> str:
    return f'{{"resourceType": "Observation", "id": "o", "valueQuantity": {{"value": {value}, "unit": "u"}}}}'


def view_of(path: str, ansi_type: str | None = None) -> str:
    column: dict[str, Any] = {"name": "v", "path": path}
    if ansi_type:
        column["tag"] = [{"name": "ansi/type", "value": ansi_type}]
    return json.dumps({"resource": "Observation", "select": [{"column": [column]}]})


def value_of(tmp_path: Path, written: str, path: str = PATH, ansi_type: str | None = None) -> Any:
    compiled = compile_view(parse_view(view_of(path, ansi_type), where="view.json"), DUCKDB)
    ((value,),) = (row.values() for row in run_compiled(compiled, [observation(written)], tmp_path))
    return value


@pytest.mark.parametrize("written", ["1.10", "1e3", "-0.0", "139.9996742575894123456789", "595.00", "0", "12E-2"])
def test_a_decimal_column_of_text_holds_the_number_as_written(tmp_path: Path, written: str) -> None:
    assert value_of(tmp_path, written, ansi_type="CHARACTER VARYING") == written


def test_a_decimal_is_a_double_where_nothing_else_is_asked(tmp_path: Path) -> None:
    assert value_of(tmp_path, "1.10") == 1.1
    compiled = compile_view(parse_view(view_of(PATH), where="view.json"), DUCKDB)
    assert exact_names(compiled.shape) == ()


def test_a_decimal_column_of_fixed_scale_is_made_from_the_text(tmp_path: Path) -> None:
    assert str(value_of(tmp_path, "139.9996742575894123", ansi_type="DECIMAL(38, 16)")) == "139.9996742575894123"


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        ("1.0", 0.95, 1.05),
        ("1", 0.5, 1.5),
        ("1.587", 1.5865, 1.5875),
        ("-1.0", -1.05, -0.95),
        ("0.0", -0.05, 0.05),
        ("1e3", 500.0, 1500.0),
        ("1.50E-1", 0.1495, 0.1505),
        ("123456789012345678.12", 123456789012345678.115, 123456789012345678.125),
    ],
)
def test_boundaries_of_a_decimal_lie_half_a_unit_of_its_last_place_away(
    tmp_path: Path, written: str, low: float, high: float
) -> None:
    assert value_of(tmp_path, written, f"{PATH}.lowBoundary()") == low
    assert value_of(tmp_path, written, f"{PATH}.highBoundary()") == high


def test_a_decimal_read_as_written_can_still_be_computed_with(tmp_path: Path) -> None:
    assert value_of(tmp_path, "1.10", f"{PATH} + 1 > {PATH}.highBoundary()") is True


def test_a_computed_decimal_has_no_written_form() -> None:
    with pytest.raises(ViewError, match="decimal as varchar"):
        parse_view(view_of(f"{PATH} * 2", "VARCHAR"), where="view.json")
    with pytest.raises(ViewError, match="a computed one has no last place"):
        parse_view(view_of(f"({PATH} * 2).lowBoundary()"), where="view.json")
