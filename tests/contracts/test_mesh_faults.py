"""All faults of the contracts of a mesh are reported together, by `caremesh products`, with the next move."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from caremesh.errors import ContractError, ContractErrors
from caremesh.products import find_domains
from caremesh.products.reserved import is_word_of_sql
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


@pytest.mark.parametrize("name", ["select", "order", "group", "table", "values", "skip"])
def test_a_folder_that_queries_would_have_to_quote_is_refused(tmp_path: Path, name: str) -> None:
    write_contract(tmp_path / "one", named("ward", name), product=name)
    write_contract(tmp_path / "two", named(name, "visit"), domain=name)
    for root in (tmp_path / "one", tmp_path / "two"):
        with pytest.raises(ContractError, match=f"{name} is a word of SQL"):
            find_domains(root)


def test_what_duckdb_does_not_take_as_a_name_is_a_word_of_sql() -> None:
    connection = duckdb.connect()
    words = [word for (word,) in connection.execute("select keyword_name from duckdb_keywords()").fetchall()]
    refused = set()
    for word in words:
        try:
            connection.extract_statements(f"select * from {word}.visit join {word} using (visit_id)")
        except duckdb.ParserException:
            refused.add(word)
    assert len(refused) > 90
    assert {word for word in refused if not is_word_of_sql(word)} == set()
    assert not any(map(is_word_of_sql, ["clinical", "operations", "condition", "observation", "claim", "document"]))


def test_a_misspelt_key_of_a_domain_is_told_once(tmp_path: Path) -> None:
    file = write_contract(tmp_path, contract_text()).parent / "domain.yaml"
    file.write_text(file.read_text().replace("owner:", "ownr:"))
    with pytest.raises(ContractError) as raised:
        find_domains(tmp_path)
    assert (raised.value.message, raised.value.hint) == ("a domain has no key 'ownr'", "write owner")
    assert raised.value.where == f"{file}:2: ownr"


def completeness(*requires: str) -> str:
    """The end of a contract that requires a product in each of these lines."""
    lines = "".join(f"        {line}\n" for line in requires)
    return f"customProperties:\n  - property: caremesh.completeness\n    value:\n      requires:\n{lines}"


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize("name", ["icu.stay", "ward/visit", "ward..visit", "ward._stay", "ward.bed", "ward", "''"])
def test_a_required_product_that_is_not_one_is_refused_at_its_line(tmp_path: Path, name: str) -> None:
    text = contract_text() + completeness("visit_id: ward.visit", f"country: {name}")
    file = write_contract(tmp_path, text) / "contract.odcs.yaml"
    write_contract(tmp_path, named("icu", "stay"), domain="icu", product="stay")
    (tmp_path / "icu" / "domain.yaml").unlink()
    write_contract(tmp_path, named("ward", "_stay"), product="_stay")

    with pytest.raises(ContractErrors) as raised:
        find_domains(tmp_path)

    unknown = [fault for fault in raised.value.faults if "there is no product" in fault.message]
    assert [str(fault.where).partition(": ")[0] for fault in unknown] == [f"{file}:{line_of(text, f'country: {name}')}"]
    assert unknown[0].hint == "one of: ward.visit"


def test_of_a_required_product_with_faults_only_these_are_told(tmp_path: Path) -> None:
    text = named("ward", "stay") + completeness("country: ward.visit")
    write_contract(tmp_path, text, product="stay")
    write_contract(tmp_path, contract_text().replace("status:", "sttus:"))
    with pytest.raises(ContractError) as raised:
        find_domains(tmp_path)
    assert "no key 'sttus'" in raised.value.message


def test_all_faults_of_completeness_are_told_at_their_lines(tmp_path: Path) -> None:
    text = contract_text() + completeness("rom: ward.visit", "cost: ward.visit")
    file = write_contract(tmp_path, text) / "contract.odcs.yaml"
    with pytest.raises(ContractErrors) as raised:
        find_domains(tmp_path)
    assert [(fault.where.split(": ")[0], fault.message) for fault in raised.value.faults if fault.where] == [
        (f"{file}:{line_of(text, 'rom: ')}", "caremesh.completeness: there is no column 'rom'"),
        (f"{file}:{line_of(text, 'cost: ')}", "caremesh.completeness: column 'cost' is double, and an id is varchar"),
    ]


def test_completeness_that_is_repeated_is_refused_with_both_lines(tmp_path: Path) -> None:
    again = completeness("room: ward.visit").removeprefix("customProperties:\n")
    text = contract_text() + completeness("country: ward.visit") + again
    write_contract(tmp_path, text)
    first = line_of(text, "property: caremesh")
    with pytest.raises(ContractError, match=f"'caremesh.completeness' is repeated, first in line {first}"):
        find_domains(tmp_path)


def test_tables_of_one_name_are_refused_at_the_line_of_the_second(tmp_path: Path) -> None:
    write_contract(tmp_path, named("a", "b__c"), domain="a", product="b__c")
    second = named("a__b", "c")
    file = write_contract(tmp_path, second, domain="a__b", product="c") / "contract.odcs.yaml"
    with pytest.raises(ContractError, match=r"a\.b__c and a__b\.c would both be a__b__c") as raised:
        find_domains(tmp_path)
    assert str(raised.value.where).startswith(f"{file}:{line_of(second, '- name: c')}: schema[0].name")


def test_a_missing_contract_is_told_with_the_faults_of_the_others(tmp_path: Path) -> None:
    write_contract(tmp_path, contract_text().replace("version:", "versoin:"))
    (tmp_path / "ward" / "zoo").mkdir()
    with pytest.raises(ContractErrors) as raised:
        find_domains(tmp_path)
    assert [fault.message for fault in raised.value.faults] == [
        "ODCS 3.1 has no key 'versoin' here",
        "there is no such file",
    ]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (SUM + "select sum(csot) from {object}", 'r: Binder Error: .*"csot"'),
        (SUM + "select sum(cost from {object}", "r: Parser Error"),
        (SUM + "select count(*) from {object}, read_text('/etc/hostname')", "r: read_text"),
        (SUM + "select count(*) from {object} join bed using (visit_id)", "r: .*bed"),
        (SUM + "select '{object}' = ''", "r: the query does not read {object}"),
        (SUM + "select current_date from {object} limit 1", "r: the query gives a date, which is not a number"),
        (SUM + "select min(country) from {object}", "r: the query gives a varchar, which is not a number"),
        (SUM + "select list(cost) from {object}", r"r: the query gives a double\[\], which is not a number"),
        (SUM + "select count(*), sum(cost) from {object}", "r: Binder Error: .*columns"),
        (SUM + "select count(*) from {object}, candidate", "r: the query reads candidate, but a rule can only read"),
        (SUM + "select count(*) from {object}, main.candidate", r"r: the query reads main\.candidate"),
        (SUM + "select count(*) from {object}, information_schema.tables", r"r: the query reads information_schema"),
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


def test_a_query_that_may_give_one_number_is_taken(caremesh: Call, tmp_path: Path) -> None:
    queries = [
        "select count(*) from {object}",
        "select count(*) = 0 from {object}",
        "select avg(cost)::decimal(9, 2) from {object}",
        "select null from {object} limit 1",
        "with v as (select cost from {object}) select sum(cost) from v where cost > (select avg(cost) from v)",
        "select cost from {object}  -- one row or many: the gate will see",
    ]
    rules = "\n".join(f"- name: r{n}\n  type: sql\n  mustBe: 0\n  query: |\n    {q}" for n, q in enumerate(queries))
    write_contract(tmp_path / "domains", contract_text(table=rules))
    said = caremesh("products", "--project", tmp_path)
    assert (said.stderr, said.exit_code) == ("", 0)


SOURCE = """
      - name: source_id
        physicalType: varchar
        required: true
        classification: administrative
        description: The source.
"""


def test_faults_of_views_and_of_rules_are_reported_together(caremesh: Call, tmp_path: Path) -> None:
    text = contract_text(column="- {name: r, metric: invalidValues, mustBe: 0, arguments: {pattern: '('}}")
    text = text.replace("\n    quality:", f"{SOURCE.rstrip()}\n    quality:")
    view = "customProperties:\n  - property: caremesh.view\n    value: [a.json, b.json]\n"
    folder = write_contract(tmp_path / "domains", text + view)
    for name in ("a.json", "b.json"):
        (folder / name).write_text('{"resource": "Patient", "select": []}')

    said = caremesh("products", "--project", tmp_path)

    assert said.exit_code == 10
    assert all(part in said.stderr for part in ("a.json: $.select", "b.json: $.select", "(country, r): r: "))
