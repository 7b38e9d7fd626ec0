"""What is wrong with the rest of a contract is refused once, at its line, with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import ContractError, ContractErrors
from caremesh.products import read_product
from tests.contracts.contract_text import contract_text, write_contract

COST = "        description: The cost.\n"
TOP = "status: active\n"
KEY = "        primaryKey: true\n"
MEMBERS = "team:\n  name: Ward\n  members:\n    - {username: ward@hospital.example, role: owner}\n"
OWN = "customProperties:\n  - property: "

# What stands in a sound contract, and what stands there instead; the line that is to be named ends with #!
FAULTS = {
    "a key of another place": (TOP, TOP + "quality: [] #!\n", "no key 'quality'", "a key of a column and of the table"),
    "an operator of a column": (COST, COST + "        mustBe: 5 #!\n", "no key 'mustBe'", "a key of a rule"),
    "a key of the table": (TOP, TOP + "properties: [] #!\n", "no key 'properties'", "of the table"),
    "a misspelt key": (COST, COST + "        requird: true #!\n", "no key 'requird'", "write required"),
    "a misspelt key that is needed": ("version: 1", "versoin: 1 #!\n# ", "no key 'versoin'", "write version"),
    "a misspelt key of the key": ("primaryKey: true", "primaryKye: true #!", "no key 'primaryKye'", "write primaryKey"),
    "a key that nobody knows": (COST, COST + "        colour: red #!\n", "no key 'colour'", "under customProperties"),
    "no value of a switch": ("required: true", "required: #!", "required has no value", "remove the key"),
    "no value of a name": ("name: Visit\n", "name: ~ #!\n", "name has no value", "remove the key"),
    "a relationship": (
        COST,
        COST + "        relationships: [{to: bed.id}] #!\n",
        "relationships is not checked",
        "rule",
    ),
    "a relationship of the table": (
        "    properties:\n",
        "    relationships: [{from: room, to: bed.id}] #!\n    properties:\n",
        "relationships is not checked",
        "rule",
    ),
    "a position of no key": (COST, COST + "        primaryKeyPosition: 1 #!\n", "not a primaryKey", "primaryKey: true"),
    "a position below 1": (KEY, KEY + "        primaryKeyPosition: 0 #!\n", "primaryKeyPosition is 0", "from 1"),
    "a key that is maybe one": ("primaryKey: true", "primaryKey: maybe #!", "valid boolean", "correct the value"),
    "a misspelt property": (
        TOP,
        TOP + OWN + "caremesh.completness #!\n    value: {requires: {room: ward.room}}\n",
        "no property 'caremesh.completness'",
        "write caremesh.completeness",
    ),
    "a property with another case": (
        TOP,
        TOP + OWN + "CareMesh.view #!\n    value: view.json\n",
        "no property 'CareMesh.view'",
        "write caremesh.view",
    ),
    "a property of a column": (
        COST,
        COST + "        customProperties: [{property: caremesh.view, value: view.json}] #!\n",
        "caremesh.view is not read here",
        "of the contract itself",
    ),
    "a repeated column": (
        "- name: room",
        "- name: Visit_ID #!",
        "'visit_id' is repeated, first in line 20",
        "own name",
    ),
    "two lines in a name": ("- name: room", '- name: "ro\\nom" #!', "holds a line break", "one line"),
    "a list as team": (MEMBERS, "team: #!\n  - {username: a@b.example, role: owner}\n", "team is a list", "as members"),
    "a team without owner": (
        MEMBERS,
        MEMBERS.replace("owner}", "member}").replace("members:", "members: #!"),
        "no member of the team has role: owner",
        "team: {name: …, members: [{",
    ),
    "a text in place of keys": (
        "description:\n  purpose: For tests.\n",
        "description: words #!\n",
        "not a valid ODCS contract: Input should be keys and values",
        "correct the value there",
    ),
    "another domain": ("domain: ward\n", "domain: icu #!\n", "domain is 'icu'", "domain: ward"),
}


def fault_of(folder: Path) -> ContractError:
    """The one fault of a contract."""
    with pytest.raises(ContractError) as raised:
        read_product(folder)
    (fault,) = getattr(raised.value, "faults", (raised.value,))
    return fault


@pytest.mark.parametrize(("before", "after", "says", "instead"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_once_at_its_line(tmp_path: Path, before: str, after: str, says: str, instead: str) -> None:
    assert before in contract_text()
    text = contract_text().replace(before, after, 1)
    line = next(n for n, stated in enumerate(text.splitlines(), 1) if stated.endswith("#!"))
    folder = write_contract(tmp_path, text)

    fault = fault_of(folder)

    assert str(fault.where).startswith(f"{folder / 'contract.odcs.yaml'}:{line}: "), fault
    assert says in fault.message
    assert instead in str(fault.hint)


@pytest.mark.parametrize("value", ["[[view.json]]", "{file: view.json}", "''"])
def test_a_view_that_is_not_a_name_is_refused(tmp_path: Path, value: str) -> None:
    text = contract_text() + f"{OWN}caremesh.view\n    value: {value}\n"
    with pytest.raises(ContractErrors, match=r"caremesh\.view does not name a file"):
        read_product(write_contract(tmp_path, text))


def test_a_column_without_a_name_keeps_its_rules(tmp_path: Path) -> None:
    text = contract_text(column="- {metric: nullValues, mustBe: 0}").replace("- name: country\n        ", "- ")
    assert fault_of(write_contract(tmp_path, text)).message == "name is missing"


RULE = "- {metric: nullValues, mustBe: 0}\n"
CLASHES = {
    "the columns": "- {name: columns, metric: nullValues, mustBe: 0}",
    "the types": "- {name: column_types, metric: nullValues, mustBe: 0}",
    "the key": "- {name: primary_key, metric: nullValues, mustBe: 0}",
    "a required column": "- {name: visit_id_required, metric: nullValues, mustBe: 0}",
    "another rule": "- {name: some, metric: nullValues, mustBe: 0}",
    "two without a name": RULE + "- {metric: nullValues, mustBe: 1}",
}


@pytest.mark.parametrize("rules", CLASHES.values(), ids=CLASHES)
def test_a_rule_that_is_called_as_another_check_is_refused_at_its_line(tmp_path: Path, rules: str) -> None:
    text = contract_text(column=rules + " #!")
    line = next(n for n, stated in enumerate(text.splitlines(), 1) if stated.endswith("#!"))
    folder = write_contract(tmp_path, text)

    fault = fault_of(folder)

    assert str(fault.where).startswith(f"{folder / 'contract.odcs.yaml'}:{line}: schema[0].properties[3].quality"), (
        fault
    )
    assert "name" in str(fault.hint)


def test_the_faults_of_a_rule_are_told_together(tmp_path: Path) -> None:
    rule = "- name: columns\n  metric: nullValues\n  mustBe: many\n  mustBeLessThan: [5]\n  severity: x\n  unit: y"
    with pytest.raises(ContractErrors) as raised:
        read_product(write_contract(tmp_path, contract_text(column=rule)))
    assert [fault.message.split(" is ")[0] for fault in raised.value.faults] == [
        "'columns'",
        "mustBe",
        "not a valid ODCS contract: Input should be a valid number",
        "severity",
        "unit",
    ]


def test_faults_of_a_file_are_told_by_line(tmp_path: Path) -> None:
    text = contract_text(
        column="- {name: r, metric: nullValues, mustBe: many}\n- {name: r, metric: nullValues, mustBe: 0}"
    )
    text = text.replace("version: 1.0.0", "versoin: 1.0.0").replace(COST, "").replace("physicalType: double", "unit: x")
    with pytest.raises(ContractErrors) as raised:
        read_product(write_contract(tmp_path, text))
    lines = [int(str(fault.where).split(":")[1]) for fault in raised.value.faults]
    assert len(lines) >= 5
    assert lines == sorted(lines)


def test_a_missing_contract_is_to_be_written_and_not_to_be_saved_as_utf_8(tmp_path: Path) -> None:
    folder = write_contract(tmp_path, contract_text())
    file = folder / "contract.odcs.yaml"
    file.unlink()
    missing = fault_of(folder)
    file.mkdir()
    is_folder = fault_of(folder)
    file.rmdir()
    file.write_bytes(b"name: \xff\n")
    not_utf8 = fault_of(folder)

    assert (missing.message, is_folder.message) == ("there is no such file", "is a folder, not a file")
    assert "caremesh new" in str(missing.hint)
    assert "remove it" in str(is_folder.hint)
    assert not_utf8.hint == "save it as UTF-8 text"
