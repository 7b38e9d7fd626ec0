"""Every operator of every metric in both units, one step below, at and above what is there, through the gate.

The numbers are counted by hand in `ROWS`, and the outcomes stand in two tables that a reader of the standard can check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product as pairs
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caremesh.products import read_product
from quality.candidate import LocalCandidate
from quality.gate import run_gate
from quality.verdict import CheckResult
from tests.contracts.contract_text import contract_text, write_contract

ROWS = [
    # visit, room, cost, country
    ("v0", "a", 1.0, "NO"),
    ("v1", "a", 2.0, "NO"),
    ("v2", "b", 3.0, "NO"),
    ("v3", "a", 4.0, "SE"),
    ("v4", "a", 5.0, "SE"),
    ("v5", "c", 6.0, "n/a"),
    ("v6", "c", 7.0, "xx"),
    ("v7", None, 8.0, "YY"),
    ("v8", None, 9.0, None),
    ("v9", "d", 10.0, None),
]
SCHEMA = pa.schema([("visit_id", pa.string()), ("room", pa.string()), ("cost", pa.float64()), ("country", pa.string())])

METRICS: Mapping[str, tuple[dict[str, Any], int]] = {
    "null": ({"metric": "nullValues"}, 2),
    "missing text": ({"metric": "missingValues", "arguments": {"missingValues": ["n/a"]}}, 1),
    "missing or null": ({"metric": "missingValues", "arguments": {"missingValues": ["n/a", None]}}, 3),
    "not listed": ({"metric": "invalidValues", "arguments": {"validValues": ["NO", "SE"]}}, 3),
    "not like": ({"metric": "invalidValues", "arguments": {"pattern": "^[A-Z]{2}$"}}, 2),
    "alike": ({"metric": "duplicateValues"}, 5),
    "alike in two": ({"metric": "duplicateValues", "arguments": {"properties": ["room", "country"]}}, 4),
    "row count": ({"metric": "rowCount"}, 10),
    "query": ({"type": "sql", "query": "select sum(cost) from {object}"}, 55),
}
"""Each metric with what it measures of ROWS; of an empty table all measure 0."""
OF_TABLE = ("alike in two", "row count", "query")
IN_PERCENT = [m for m in METRICS if m not in ("row count", "query")]

# Of a bound one step below, at, and one step above what is measured.
ONE_BOUND = {
    "mustBe": (False, True, False),
    "mustNotBe": (True, False, True),
    "mustBeGreaterThan": (True, False, False),
    "mustBeGreaterOrEqualTo": (True, True, False),
    "mustBeLessThan": (False, False, True),
    "mustBeLessOrEqualTo": (False, True, True),
}
# Of bounds around what is measured, with it as the lower one, with it as the upper one, and above it.
TWO_BOUNDS = {
    "mustBeBetween": (True, False, False, False),
    "mustNotBeBetween": (False, True, True, True),
}
OPERATORS = (*ONE_BOUND, *TWO_BOUNDS)
CASES = [(m, "rows", o) for m, o in pairs(METRICS, OPERATORS)] + [
    (m, "percent", o) for m, o in pairs(IN_PERCENT, OPERATORS)
]


def bounds_of(operator: str, at: float, step: float) -> list[Any]:
    if operator in ONE_BOUND:
        return [at - step, at, at + step]
    return [[at - step, at + step], [at, at + step], [at - step, at], [at + step, at + 2 * step]]


def rules_of(counts: Mapping[str, int], *, rows: int) -> dict[str, list[str]]:
    """All rules as text, by whether they are of the column or of the table."""
    made: dict[str, list[str]] = {"column": [], "table": []}
    for metric, unit, operator in CASES:
        share = counts[metric] * 100 / rows if rows else 0.0
        at, step = (share, 0.5) if unit == "percent" else (counts[metric], 1)
        for number, bound in enumerate(bounds_of(operator, at, step)):
            rule = {"name": f"{metric}, {unit}, {operator} {number}", **METRICS[metric][0], operator: bound}
            rule |= {"unit": "percent"} if unit == "percent" else {}
            made["table" if metric in OF_TABLE else "column"].append("- " + json.dumps(rule))
    return made


def judge_rows(folder: Path, text: str, rows: list[tuple[Any, ...]]) -> dict[str, CheckResult]:
    """Each check's result, by the contract as it was read and Parquet as it was written."""
    contract = read_product(write_contract(folder / "domains", text))
    file = folder / "data.parquet"
    pq.write_table(pa.Table.from_pylist([dict(zip(SCHEMA.names, r, strict=True)) for r in rows], schema=SCHEMA), file)
    return {r.check.name: r for r in run_gate(contract, LocalCandidate((file,), folder)).results}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, CheckResult]]:
    """The results of all rules: of the ten rows, and of an empty table with bounds around 0."""
    made = {}
    for name, rows in {"ten": ROWS, "empty": []}.items():
        counts = {m: n if rows else 0 for m, (_, n) in METRICS.items()}
        rules = {place: "\n".join(stated) for place, stated in rules_of(counts, rows=len(rows)).items()}
        made[name] = judge_rows(tmp_path_factory.mktemp(name), contract_text(**rules), rows)
    return made


@pytest.mark.parametrize("table", ["ten", "empty"])
@pytest.mark.parametrize(("metric", "unit", "operator"), CASES)
def test_an_operator_holds_where_the_standard_says_so(
    outcomes: dict[str, dict[str, CheckResult]], metric: str, unit: str, operator: str, table: str
) -> None:
    expected = ONE_BOUND.get(operator) or TWO_BOUNDS[operator]
    found = [outcomes[table][f"{metric}, {unit}, {operator} {number}"] for number in range(len(expected))]
    assert [r.passed for r in found] == list(expected)
    assert {r.measured for r in found} == {METRICS[metric][1] if table == "ten" else 0}


def test_all_operators_of_a_rule_must_hold(tmp_path: Path) -> None:
    rules = "\n".join(
        f"- {{name: {name}, metric: rowCount, mustBeGreaterThan: {low}, mustBeLessThan: {high}}}"
        for name, low, high in (("both", 9, 11), ("lower", 9, 10), ("upper", 10, 11))
    )
    found = judge_rows(tmp_path, contract_text(table=rules), ROWS)
    assert {n: found[n].passed for n in ("both", "lower", "upper")} == {"both": True, "lower": False, "upper": False}
    assert found["upper"].detail == "found 10 rows; mustBeGreaterThan: 10, mustBeLessThan: 11"


ANSWERS = [
    ("select count(*) = 10 from {object}", "mustBe: true", True),
    ("select count(*) = 10 from {object}", "mustBe: false", False),
    ("select count(*) = 10 from {object}", "mustNotBe: false", True),
    ("select max(cost) / 4 from {object}", "mustBe: 2.5", True),
    ("select max(cost) / 4 from {object}", "mustBeLessOrEqualTo: 2.4", False),
    ("select -max(cost) from {object}", "mustBeLessThan: 0", True),
    ("select 0.1 + count(*) from {object}", "mustBe: 10.1", True),
    ("select null from {object} limit 1", "mustBeLessThan: 5", False),
    ("select null from {object} limit 1", "mustNotBe: 5", False),
    ("select max('nan'::double) from {object}", "mustBeGreaterThan: 5", False),
    ("select max('inf'::double) from {object}", "mustBeGreaterThan: 5", False),
    ("select count(*) from {object}", "mustBeGreaterThan: 1e1", False),
    ("select count(*) from {object}", "mustBeLessThan: 1e3", True),
]


def test_what_a_query_gives_is_compared_as_it_is(tmp_path: Path) -> None:
    rules = "\n".join(
        f'- {{name: r{n}, type: sql, query: "{query}", {demand}}}' for n, (query, demand, _) in enumerate(ANSWERS)
    )
    found = judge_rows(tmp_path, contract_text(table=rules), ROWS)
    assert [found[f"r{n}"].passed for n in range(len(ANSWERS))] == [passed for _, _, passed in ANSWERS]
    assert found["r7"].detail == "the query gave null instead of a number; mustBeLessThan: 5"


def test_a_percentage_is_not_rounded(tmp_path: Path) -> None:
    rows = [(f"v{n}", None, 1.0, None if n == 0 else "NO") for n in range(3)]
    rules = "\n".join(
        f"- {{name: {name}, metric: nullValues, unit: percent, mustBeLessOrEqualTo: {bound}}}"
        for name, bound in (("below", "33.33"), ("above", "33.34"))
    )
    found = judge_rows(tmp_path, contract_text(column=rules), rows)
    assert (found["below"].passed, found["above"].passed) == (False, True)
    assert found["below"].detail == "found 1 of 3 rows; mustBeLessOrEqualTo: 33.33 percent"
