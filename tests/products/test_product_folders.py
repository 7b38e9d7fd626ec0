"""Every product folder: its contract is valid, its view gives the contract's columns, its example the expected rows."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import pytest

from caremesh.errors import ContractError
from caremesh.product_views import compile_product
from caremesh.products import Product, find_domains, read_product
from caremesh.scaffold import write_product
from tests.conftest import ROOT
from tests.products.rows import flatten_lines

PRODUCTS = [p for d in find_domains(ROOT / "domains") for p in d.products]


def flatten_example(product: Product, scratch: Path) -> list[dict[str, str | None]]:
    """The rows of the product's example, every value as text: each view takes the lines of its type."""
    lines = defaultdict(list)
    for line in (product.folder / "example.ndjson").read_text(encoding="utf-8").splitlines():
        lines[json.loads(line)["resourceType"]].append(line)
    views = {view.resource: view for view in compile_product(product)}
    assert set(lines) == set(views)
    return [
        row for resource, view in views.items() for row in flatten_lines(view, lines[resource], scratch, as_text=True)
    ]


def expected_rows(product: Product) -> list[dict[str, str | None]]:
    """The rows stated beside the example; an empty cell is null."""
    with (product.folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


def in_order(rows: list[dict[str, str | None]]) -> list[list[tuple[str, str | None]]]:
    return sorted((list(row.items()) for row in rows), key=str)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_the_view_gives_the_contracts_columns(product: Product) -> None:
    for compiled in compile_product(product):
        of_view = [(c.name, c.sql_type) for c in compiled.columns]
        assert [*of_view, ("source_id", "varchar")] == [(c.name, c.sql_type) for c in product.columns]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_the_example_gives_the_expected_rows(product: Product, tmp_path: Path) -> None:
    assert in_order(flatten_example(product, tmp_path)) == in_order(expected_rows(product))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_the_description_ends_with_the_grain(product: Product) -> None:
    assert product.grain.startswith("One row per ")
    assert product.description.endswith(product.grain)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.id)
def test_names_say_what_a_column_holds(product: Product) -> None:
    endings = {"date": "_date", "timestamp": "_at", "boolean": ("is_", "has_")}
    for column in product.columns:
        if column.sql_type == "boolean":
            assert column.name.startswith(endings["boolean"]), column.name
        elif column.sql_type in endings:
            assert column.name.endswith(endings[column.sql_type]), column.name


@pytest.mark.parametrize("resource", ["Patient", "Immunization", "Appointment", "MedicationStatement", "Binary"])
def test_a_scaffolded_product_passes_as_it_is(resource: str, tmp_path: Path) -> None:
    domains = tmp_path / "domains"
    (domains / "lab").mkdir(parents=True)
    (domains / "lab" / "domain.yaml").write_text("name: lab\nowner: a@b\nteam: Lab\ndescription: A lab.\n")
    folder, _ = write_product(domains, domain="lab", product="first_one", resource=resource)
    product = read_product(folder)
    assert in_order(flatten_example(product, tmp_path)) == in_order(expected_rows(product))


def test_a_column_without_classification_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = ROOT / "domains" / "clinical" / "patient"
    folder = tmp_path / "clinical" / "patient"
    folder.mkdir(parents=True)
    text = (source / "contract.odcs.yaml").read_text(encoding="utf-8")
    before, after = text.split("      - name: gender\n", 1)
    (folder / "contract.odcs.yaml").write_text(
        before + "      - name: gender\n" + after.replace("        classification: quasi_identifier\n", "", 1)
    )
    (folder / "view.json").write_bytes((source / "view.json").read_bytes())
    with pytest.raises(ContractError, match="classification is missing") as error:
        read_product(folder)
    assert "(gender)" in str(error.value)


def with_contract(tmp_path: Path, before: str, after: str) -> Path:
    """The product folder of condition, with another text in its contract."""
    source = ROOT / "domains" / "clinical" / "condition"
    folder = tmp_path / "clinical" / "condition"
    folder.mkdir(parents=True)
    text = (source / "contract.odcs.yaml").read_text(encoding="utf-8")
    assert text.count(before) == 1
    (folder / "contract.odcs.yaml").write_text(text.replace(before, after), encoding="utf-8")
    (folder / "view.json").write_bytes((source / "view.json").read_bytes())
    return folder


SOURCE = """      - name: source_id
        logicalType: string
        physicalType: varchar
        required: true
        classification: administrative
        description: "The source system that the row comes from."
"""


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ("", "no column is called source_id"),
        (SOURCE.replace("required: true", "required: false"), "is not a required varchar"),
        (SOURCE.replace("physicalType: varchar", "physicalType: bigint"), "is not a required varchar"),
        (SOURCE.replace("administrative", "clinical"), "classified as administrative"),
        (SOURCE.replace("required: true", "required: true\n        unique: true"), "is a key"),
        (SOURCE + SOURCE.replace("source_id", "another"), "is not the last one"),
    ],
)
def test_a_contract_without_the_source_of_its_rows_is_told_which_lines_to_add(
    tmp_path: Path, stated: str, fault: str
) -> None:
    with pytest.raises(ContractError, match=fault) as error:
        read_product(with_contract(tmp_path, SOURCE, stated))
    assert str(error.value.hint).endswith(f"the last of schema[0].properties:\n{SOURCE.rstrip()}")


def test_a_view_does_not_give_the_source_itself(tmp_path: Path) -> None:
    folder = with_contract(tmp_path, "      - name: code_display\n", "      - name: code_text\n")
    view = (folder / "view.json").read_text(encoding="utf-8")
    (folder / "view.json").write_text(view.replace('"name": "code_display"', '"name": "source_id"'))
    with pytest.raises(ContractError, match="the view has a column source_id, which the platform fills"):
        compile_product(read_product(folder))


def test_a_view_that_gives_other_columns_than_the_contract_is_an_error(tmp_path: Path) -> None:
    source = ROOT / "domains" / "clinical" / "condition"
    folder = tmp_path / "clinical" / "condition"
    folder.mkdir(parents=True)
    (folder / "contract.odcs.yaml").write_bytes((source / "contract.odcs.yaml").read_bytes())
    view = (source / "view.json").read_text(encoding="utf-8")
    (folder / "view.json").write_text(view.replace('"name": "code_display"', '"name": "code_text"'))
    with pytest.raises(ContractError, match="code_text varchar, the contract says code_display varchar"):
        compile_product(read_product(folder))


def write_two_views(folder: Path, stated: str, **views: str) -> Product:
    """The product of condition, whose contract states its views by `stated`; each view is a change of condition's."""
    source = ROOT / "domains" / "clinical" / "condition"
    (folder := folder / "clinical" / "condition").mkdir(parents=True)
    contract = (source / "contract.odcs.yaml").read_text(encoding="utf-8")
    (folder / "contract.odcs.yaml").write_text(contract.replace("value: view.json", stated), encoding="utf-8")
    for name, text in views.items():
        (folder / f"view.{name}.json").write_text(text, encoding="utf-8")
    return read_product(folder)


def one_column_view(resource: str, column: str = "condition_id") -> str:
    path = "getResourceKey()"
    return json.dumps({"resource": resource, "select": [{"column": [{"name": column, "path": path}]}]})


TWO_STATEMENTS = "value: view.a.json\n  - property: caremesh.view\n    value: view.b.json"


@pytest.mark.parametrize("stated", ["value: [view.a.json, view.b.json]", TWO_STATEMENTS], ids=["list", "twice"])
def test_a_contract_may_name_several_views(stated: str, tmp_path: Path) -> None:
    product = write_two_views(tmp_path, stated, a=one_column_view("Condition"), b=one_column_view("Observation"))
    assert [f.name for f in product.view_files] == ["view.a.json", "view.b.json"]


def test_two_views_of_one_type_are_an_error_that_names_both(tmp_path: Path) -> None:
    view = one_column_view("Condition")
    product = write_two_views(tmp_path, "value: [view.a.json, view.b.json]", a=view, b=view)
    with pytest.raises(ContractError, match=r"view\.a\.json and view\.b\.json are both views of Condition"):
        compile_product(product)


def test_two_views_with_different_columns_are_an_error_that_names_both(tmp_path: Path) -> None:
    views = {"a": one_column_view("Condition"), "b": one_column_view("Observation", "observation_id")}
    product = write_two_views(tmp_path, "value: [view.a.json, view.b.json]", **views)
    with pytest.raises(ContractError, match=r"view\.b\.json and view\.a\.json .* column 0 is observation_id varchar"):
        compile_product(product)


def test_a_view_that_is_named_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"view 'view\.a\.json' is repeated"):
        write_two_views(tmp_path, "value: [view.a.json, view.a.json]", a=one_column_view("Condition"))


def test_a_view_that_is_not_there_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="names a file that is not there") as error:
        write_two_views(tmp_path, "value: [view.a.json, view.b.json]", a=one_column_view("Condition"))
    assert "view.b.json" in str(error.value)


@pytest.mark.parametrize(
    ("stated", "misspelt", "says"),
    [
        ("        required: true", "        requird: true", "no key 'requird'"),
        ("            severity: critical", "            severty: critical", "no key 'severty'"),
        ("status: active", "statsu: active", "statsu"),
        ("kind: DataContract", "kind: [", "not valid YAML"),
    ],
)
def test_a_misspelt_contract_is_an_error_and_no_missing_check(
    stated: str, misspelt: str, says: str, tmp_path: Path
) -> None:
    source = ROOT / "domains" / "clinical" / "patient"
    folder = tmp_path / "clinical" / "patient"
    folder.mkdir(parents=True)
    text = (source / "contract.odcs.yaml").read_text(encoding="utf-8")
    (folder / "contract.odcs.yaml").write_text(text.replace(stated, misspelt, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=says):
        read_product(folder)
