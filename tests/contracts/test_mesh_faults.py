"""All that is wrong with the contracts of a mesh is told at once, by `caremesh products`, with the next move."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from caremesh.errors import ContractError
from caremesh.products import find_domains
from tests.conftest import Result
from tests.contracts.contract_text import contract_text, write_contract

Call = Callable[..., Result]
SUM = "- name: r\n  type: sql\n  mustBe: 0\n  query: "


def named(domain: str, product: str) -> str:
    text = contract_text().replace("id: ward.visit", f"id: {domain}.{product}")
    return text.replace("domain: ward", f"domain: {domain}").replace("- name: visit\n", f"- name: {product}\n")


def test_faults_of_several_contracts_are_told_in_one_go(caremesh: Call, tmp_path: Path) -> None:
    root = tmp_path / "domains"
    for product, sound, broken in [
        ("visit", "version: 1.0.0", "versoin: 1.0.0"),
        ("stay", "physicalType: double", "physicalType: money"),
        ("trip", "required: true", "requird: true"),
    ]:
        write_contract(root, named("ward", product).replace(sound, broken, 1), product=product)

    said = caremesh("products", "--project", tmp_path)

    assert said.exit_code == 10
    assert all(
        part in said.stderr for part in ("visit/contract", "stay/contract", "trip/contract", "'requird'", "money")
    )


@pytest.mark.parametrize("name", ["Ward", "a.b", "1st", "a-b", "a b", "ä"])
def test_a_folder_that_cannot_be_a_table_is_refused(tmp_path: Path, name: str) -> None:
    write_contract(tmp_path / "one", named("ward", name), product=name)
    with pytest.raises(ContractError, match="cannot be the name of a domain or product") as raised:
        find_domains(tmp_path / "one")
    assert "rename the folder" in str(raised.value)
    write_contract(tmp_path / "two", named(name, "visit"), domain=name)
    with pytest.raises(ContractError, match="cannot be the name of a domain or product"):
        find_domains(tmp_path / "two")


RESERVED = ["information_schema", "pg_catalog", "main", "temp", "curated_work", "default", "curated", "quarantine"]


@pytest.mark.parametrize("name", [*RESERVED, "caremesh_one", "pg_toast"])
def test_a_domain_that_the_lake_or_a_database_needs_is_refused(tmp_path: Path, name: str) -> None:
    write_contract(tmp_path, named(name, "visit"), domain=name)
    with pytest.raises(ContractError, match="no domain can be called"):
        find_domains(tmp_path)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (SUM + "select sum(csot) from {object}", 'r: Binder Error: .*"csot"'),
        (SUM + "select sum(cost from {object}", "r: Parser Error"),
        (SUM + "select count(*) from {object}, read_text('/etc/hostname')", "r: read_text"),
        (SUM + "select count(*) from {object} join bed using (visit_id)", "r: .*bed"),
    ],
)
def test_a_query_that_cannot_run_is_found_without_any_data(
    caremesh: Call, tmp_path: Path, rule: str, says: str
) -> None:
    text = contract_text(table=rule)
    line = next(n for n, stated in enumerate(text.splitlines(), 1) if stated.strip() == "- name: r")
    file = write_contract(tmp_path / "domains", text) / "contract.odcs.yaml"

    said = caremesh("products", "--project", tmp_path)

    assert said.exit_code == 10
    assert f"{file}:{line}: schema[0].quality[1]" in said.stderr
    assert re.search(says, said.stderr), said.stderr
    assert "Try: correct the rule's query" in said.stderr
