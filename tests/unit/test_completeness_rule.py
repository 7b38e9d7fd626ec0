"""What a contract may say of completeness, and in which order products are made then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from caremesh.completeness import CompletenessRule, order_by_need, read_rule
from caremesh.errors import ContractError
from caremesh.products import find_domains, order_products
from tests.conftest import ROOT
from tests.integration.small_mesh import write_project

COLUMNS = {"visit_id": "varchar", "person_id": "varchar", "started_at": "timestamp"}


def read(value: Any) -> CompletenessRule:
    return read_rule(value, columns=COLUMNS, where=lambda path: f"contract: {'.'.join(map(str, path))}")


def test_a_rule_names_columns_and_products_and_lists_unless_it_holds() -> None:
    listing = read({"requires": {"person_id": "clinic.person"}})
    assert listing == CompletenessRule((("person_id", "clinic.person"),), holds=False)
    both = read({"requires": {"person_id": "b.b", "visit_id": "a.a"}, "incomplete": "hold"})
    assert (both.holds, both.products) == (True, ("a.a", "b.b"))


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("list", "caremesh.completeness: Input should be"),
        ({}, "caremesh.completeness.requires: Field required"),
        ({"requires": {}}, "caremesh.completeness.requires: Dictionary should have at least 1 item"),
        ({"requires": {"person_id": ["clinic.person"]}}, "requires.person_id: Input should be a valid string"),
        ({"requires": {"person_id": "a.b"}, "incomplete": "drop"}, "incomplete: Input should be 'list' or 'hold'"),
        ({"requires": {"person_id": "a.b"}, "hold": True}, "hold: Extra inputs are not permitted"),
        (
            {"requires": {"patient_id": "a.b"}},
            "contract: requires.patient_id: caremesh.completeness: there is no column 'patient_id'",
        ),
        ({"requires": {"started_at": "a.b"}}, "column 'started_at' is timestamp, and an id is varchar"),
    ],
    ids=["text", "empty", "no columns", "list of products", "third word", "unknown key", "unknown column", "no id"],
)
def test_a_rule_that_cannot_be_kept_is_refused(value: Any, fault: str) -> None:
    with pytest.raises(ContractError) as refused:
        read(value)
    assert fault in str(refused.value)


def test_what_is_needed_comes_first_and_the_rest_stays_in_order() -> None:
    needs = {"a": ["d", "a"], "b": [], "c": ["a", "elsewhere"], "d": []}
    assert order_by_need(needs) == ("b", "d", "a", "c")


def test_a_circle_is_refused_by_its_names() -> None:
    with pytest.raises(ContractError, match="these products require each other: b → c → d → b"):
        order_by_need({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["b", "e"], "e": []})


def require(project: Path, product: str, requires: dict[str, str]) -> None:
    """Let a contract ask for completeness, and for nothing that it asked for before."""
    file = project / "domains" / product / "contract.odcs.yaml"
    contract = yaml.safe_load(file.read_text())
    others = [p for p in contract["customProperties"] if p["property"] != "caremesh.completeness"]
    asked = {"property": "caremesh.completeness", "value": {"requires": requires}}
    file.write_text(yaml.safe_dump({**contract, "customProperties": [*others, asked]}))


@pytest.mark.parametrize(
    ("requires", "fault"),
    [
        ({"patient_id": "clinical.person"}, "there is no product 'clinical.person'"),
        ({"patient_id": "clinical.nlp_finding"}, "clinical.nlp_finding has 3 views"),
    ],
    ids=["unknown", "several types"],
)
def test_a_product_that_cannot_be_required_is_refused(tmp_path: Path, requires: dict[str, str], fault: str) -> None:
    project = write_project(tmp_path, "clinical/patient", "clinical/condition", "clinical/nlp_finding")
    require(project, "clinical/condition", requires)
    with pytest.raises(ContractError) as refused:
        find_domains(project / "domains")
    assert fault in str(refused.value)
    assert "condition/contract.odcs.yaml" in str(refused.value)


def test_products_that_require_each_other_are_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, "clinical/condition", "clinical/encounter", "clinical/patient")
    require(project, "clinical/condition", {"encounter_id": "clinical.encounter"})
    require(project, "clinical/encounter", {"patient_id": "clinical.condition"})
    with pytest.raises(ContractError, match=r"clinical\.condition → clinical\.encounter → clinical\.condition"):
        find_domains(project / "domains")


def test_our_encounters_list_those_without_patient_or_whole_and_come_after_patients() -> None:
    products = [p for d in find_domains(ROOT / "domains") for p in d.products]
    (encounter,) = (p for p in products if p.id == "clinical.encounter")
    requires = (("patient_id", "clinical.patient"), ("part_of_id", "clinical.encounter"))
    assert encounter.completeness == CompletenessRule(requires, holds=False)
    assert encounter.required == ("clinical.patient",)
    ordered = [p.id for p in order_products(products)]
    assert ordered.index("clinical.patient") < ordered.index("clinical.encounter")
    assert sorted(ordered) == sorted(p.id for p in products)
