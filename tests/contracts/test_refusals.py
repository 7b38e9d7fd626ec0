"""What a contract cannot ask for is refused by its name and line, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import ContractError, ContractErrors
from caremesh.products import read_product
from tests.contracts.contract_text import contract_text, write_contract

NULLS = "- name: r\n  metric: nullValues\n"
COUNT = "- name: r\n  metric: rowCount\n"
INVALID = "- name: r\n  metric: invalidValues\n  mustBe: 0\n"
SQL = "- name: r\n  type: sql\n  mustBe: 0\n"

# The line that is to be named ends with #!
OF_COLUMN = [
    (NULLS + "  mustBeAtMost: 5 #!", "no key 'mustBeAtMost'", "mustBe"),
    (NULLS + "  mustBeLessOrEqualto: 5 #!", "no key 'mustBeLessOrEqualto'", "mustBeLessOrEqualTo"),
    (NULLS.replace("name: r", "name: r #!"), "states no operator", "mustBeBetween"),
    (NULLS + "  mustBe: 1_000 #!", "mustBe is not a number", "1000"),
    (NULLS + "  mustBe: 1,5 #!", "mustBe is not a number", "0.5"),
    (NULLS + "  mustBe: '5' #!", "mustBe is not a number", "0.5"),
    (NULLS + "  mustBe: [5] #!", "mustBe is not a number", "0.5"),
    (NULLS + "  mustBe: true #!", "mustBe is not a number", "0.5"),
    (NULLS + "  mustNotBe: many #!", "mustNotBe is not a number", "0.5"),
    (NULLS + "  mustBe: 0x10 #!", "mustBe is not a number", "0.5"),
    (NULLS + "  mustBeLessThan: .inf #!", "mustBeLessThan", ""),
    (NULLS + "  mustBeLessThan: 9007199254740994 #!", "mustBeLessThan is not a number", ""),
    (NULLS + "  mustBeBetween: 5 #!", "mustBeBetween", ""),
    (NULLS + "  mustBeBetween: [10] #!", "mustBeBetween", "[0, 10]"),
    (NULLS + "  mustBeBetween: [1, 2, 3] #!", "mustBeBetween", "[0, 10]"),
    (NULLS + "  mustBeBetween: [20, 10] #!", "does not have the smaller number first", "[0, 10]"),
    (NULLS + "  mustNotBeBetween: [5, 5] #!", "does not have the smaller number first", "[0, 10]"),
    (NULLS + "  mustBe: 5\n  unit: percentage #!", "unit is 'percentage'", "percent"),
    (NULLS + "  mustBe: 5\n  unit: '' #!", "unit is ''", "percent"),
    (NULLS + "  mustBe: 5\n  unit: #!", "unit has no value", "remove the key"),
    (NULLS + "  mustBe: 5\n  severity: '' #!", "severity is ''", "critical"),
    (NULLS + "  mustBeLessThan: 5\n  mustBeGreaterThan: #!", "mustBeGreaterThan has no value", "remove the key"),
    (NULLS + "  mustBeLessThan: 5\n  mustBeBetween: ~ #!", "mustBeBetween has no value", "remove the key"),
    (NULLS + "  mustBeBetween: [~, 5] #!", "not a valid ODCS contract", "mustBeBetween: [0, 10]"),
    (NULLS + "  mustBeLessThan: 1e-999 #!", "mustBeLessThan is not a number", "15 digits"),
    (NULLS + "  unit: percent\n  mustBeLessThan: 99.99999999999999999999 #!", "is not a number", "15 digits"),
    (NULLS + "  mustBe: 5\n  schedule: 0 20 * * * #!", "schedule is not kept", "for each release"),
    (NULLS + "  mustBe: 5\n  scheduler: cron #!", "scheduler is not kept", "for each release"),
    ('- name: "a\\nb" #!\n  metric: nullValues\n  mustBe: 5', "name holds a line break", "one line"),
    (NULLS + "  mustBe: 5\n  severity: fatal #!", "severity is 'fatal'", "critical"),
    (NULLS + "  mustBe: 0\n  arguments:\n    validValues: [a] #!", "no argument 'validValues'", "no arguments"),
    (COUNT.replace("rowCount", "rowCount #!") + "  mustBe: 5", "not of a column", "schema[0].quality"),
    ("- name: r\n  metric: freshness #!\n  mustBe: 0", "metric is 'freshness'", "nullValues"),
    ("- name: r #!\n  mustBe: 0", "metric is missing", "nullValues"),
    ("- name: r\n  rule: nullCheck #!\n  mustBe: 0", "rule is deprecated", "metric"),
    ("- name: r\n  type: text #!\n  description: All is well.", "of type text is not checked", "description"),
    ("- name: r\n  type: custom #!\n  engine: soda\n  implementation: x", "other engines", "type: sql"),
    ("- name: r #!\n  metric: invalidValues\n  mustBe: 0", "validValues or pattern is missing", "validValues"),
    (INVALID + "  arguments: #!\n    validValues: [a]\n    pattern: a", "stand in one rule", "a rule for each"),
    (INVALID + "  arguments:\n    validValues: [] #!", "validValues is not a list", "[first, second]"),
    (INVALID + "  arguments:\n    validValues: a #!", "validValues is not a list", "[first, second]"),
    (INVALID + "  arguments:\n    validValues: [NO, null] #!", "validValues lists null", "'null'"),
    (INVALID + "  arguments:\n    validValues: [~, NO] #!", "validValues lists null", "always valid"),
    (INVALID + "  arguments:\n    validvalues: [a] #!", "no argument 'validvalues'", "validValues"),
    (INVALID + "  arguments:\n    pattern: [a] #!", "pattern is not a text", "pattern: "),
    ("- name: r\n  metric: missingValues\n  mustBe: 0\n  arguments:\n    missingValues: [~] #!", "two ways", "null"),
    (SQL.replace("mustBe: 0", "mustBe: yes #!") + "  query: select 1 from {object}", "mustBe is not", "true or false"),
    (SQL.replace("  type: sql\n", "") + "  query: [a] #!", "valid string", "correct the value"),
    (SQL + "  query: select 0 #!", "does not look at {object}", "{object}"),
    (
        SQL.replace("name: r", "name: r #!"),
        "query is missing",
        "query:",
    ),
    (SQL + "  query: select count(*) from {object}\n  metric: nullValues #!", "has no metric", "two rules"),
    (SQL + "  query: select count(*) from {object}\n  unit: percent #!", "compared as it is", "leave unit out"),
    (
        "- name: r\n  query: select count(*) from {object} #!\n  mustBe: 0",
        "only run in a rule of type sql",
        "type: sql",
    ),
]
OF_TABLE = [
    (COUNT + "  mustBe: 5\n  unit: percent #!", "rowCount has no percentage", "number of rows"),
    (NULLS.replace("nullValues", "nullValues #!") + "  mustBe: 5", "not of the table", "a column's quality"),
    (SQL + "  query: select max({property}) from {object} #!", "this rule is of the table", "name"),
    (
        "- name: r\n  metric: duplicateValues\n  mustBe: 0\n  arguments:\n    properties: [rom] #!",
        "no column 'rom'",
        "room",
    ),
]
REFUSED = [("column", *case) for case in OF_COLUMN] + [("table", *case) for case in OF_TABLE]


@pytest.mark.parametrize(("place", "rule", "says", "instead"), REFUSED)
def test_what_is_not_kept_is_refused_with_its_line(
    tmp_path: Path, place: str, rule: str, says: str, instead: str
) -> None:
    text = contract_text(**{place: rule})
    line = next(n for n, stated in enumerate(text.splitlines(), 1) if stated.endswith("#!"))
    folder = write_contract(tmp_path, text)

    with pytest.raises(ContractError) as raised:
        read_product(folder)

    (fault,) = getattr(raised.value, "faults", (raised.value,))
    assert str(fault.where).startswith(f"{folder / 'contract.odcs.yaml'}:{line}: schema[0]."), fault
    assert says in str(fault)
    assert fault.hint
    assert instead in fault.hint


PROMISES = ["enum: [NO, SE]", "logicalTypeOptions: {maxLength: 2}"]


@pytest.mark.parametrize("promise", PROMISES)
def test_what_a_column_promises_beside_its_rules_is_refused(tmp_path: Path, promise: str) -> None:
    text = contract_text().replace("description: The country.\n", f"description: The country.\n        {promise}\n")
    with pytest.raises(ContractError, match="is not checked"):
        read_product(write_contract(tmp_path, text))


def test_all_faults_of_a_contract_are_reported_together(tmp_path: Path) -> None:
    text = contract_text(column=NULLS + "  mustBe: many").replace("physicalType: double", "physicalType: money")
    folder = write_contract(
        tmp_path, text.replace("name: Visit\n", "").replace("        classification: financial\n", "")
    )

    with pytest.raises(ContractErrors) as raised:
        read_product(folder)

    said = str(raised.value)
    assert said.startswith("4 faults in the contracts\n")
    assert all(part in said for part in ("name is missing", "physicalType is 'money'", "classification is missing"))
    assert "mustBe is not a number" in said
