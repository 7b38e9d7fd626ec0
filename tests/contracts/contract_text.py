"""A product folder whose contract a test writes as text: ten visits' columns, and the rules of the test."""

from __future__ import annotations

from pathlib import Path

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: ward.visit
name: Visit
version: 1.0.0
status: active
domain: ward
description:
  purpose: For tests.
team:
  name: Ward
  members:
    - {username: ward@hospital.example, role: owner}
schema:
  - name: visit
    physicalType: table
    description: One row per visit.
    dataGranularityDescription: One row per visit.
    properties:
      - name: visit_id
        physicalType: varchar
        primaryKey: true
        required: true
        classification: administrative
        description: The id.
      - name: room
        physicalType: varchar
        classification: administrative
        description: The room.
      - name: cost
        physicalType: double
        classification: financial
        description: The cost.
      - name: country
        physicalType: varchar
        classification: quasi_identifier
        description: The country.
COLUMN_RULES
    quality:
      - {name: some, metric: rowCount, mustBeGreaterOrEqualTo: 0}
TABLE_RULES
"""


def contract_text(*, column: str = "", table: str = "") -> str:
    """The contract with rules of the column `country`, and more rules of the table; each a list item of YAML."""
    rules = f"        quality:\n{_indented(column, 10)}" if column else ""
    return CONTRACT.replace("COLUMN_RULES\n", rules).replace("TABLE_RULES\n", _indented(table, 6))


def write_contract(root: Path, text: str, *, domain: str = "ward", product: str = "visit") -> Path:
    """Write a product folder with this contract and no view, and its domain; give the folder."""
    folder = root / domain / product
    folder.mkdir(parents=True)
    (folder / "contract.odcs.yaml").write_text(text, encoding="utf-8")
    facts = f"name: {domain}\nowner: ward@hospital.example\nteam: Ward\ndescription: Tests.\n"
    (root / domain / "domain.yaml").write_text(facts, encoding="utf-8")
    return folder


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.strip("\n").splitlines())
