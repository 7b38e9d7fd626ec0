"""What HealthLake's integrated NLP generates is kept out of what people wrote, and nothing is lost by it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.product_views import compile_product
from caremesh.products import read_product
from caremesh.scaffold import write_product
from tests.conftest import ROOT
from tests.products.generated import GENERATED, advil
from tests.products.rows import flatten_lines


@pytest.mark.parametrize(("product", "resource"), [("condition", "Condition"), ("observation", "Observation")])
def test_a_generated_resource_is_used_and_gives_no_row(product: str, resource: str, tmp_path: Path) -> None:
    common = {"resourceType": resource, "status": "final"} if resource == "Observation" else {"resourceType": resource}
    metas = {"plain": {}, "tagged": {"tag": [{"display": "other"}]}, "generated": GENERATED}
    lines = [json.dumps({**common, "id": name, "meta": meta}) for name, meta in metas.items()]
    (view,) = compile_product(read_product(ROOT / "domains" / "clinical" / product))
    rows = flatten_lines(view, lines, tmp_path, as_text=True)
    assert sorted(row[f"{product}_id"] for row in rows) == ["plain", "tagged"]


def test_advil_that_was_not_prescribed_is_kept_out_of_a_new_product_of_medications(tmp_path: Path) -> None:
    domains = tmp_path / "domains"
    (domains / "lab").mkdir(parents=True)
    (domains / "lab" / "domain.yaml").write_text("name: lab\nowner: a@b\nteam: Lab\ndescription: A lab.\n")
    folder, _ = write_product(domains, domain="lab", product="medication", resource="MedicationStatement")
    (view,) = compile_product(read_product(folder))
    lines = [json.dumps(r) for r in (advil(meta=GENERATED), {**advil(meta={}), "id": "taken"})]
    assert [row["medication_statement_id"] for row in flatten_lines(view, lines, tmp_path, as_text=True)] == ["taken"]


def test_awss_own_document_says_how_its_reading_ended(shared_data: Path, tmp_path: Path) -> None:
    sample = shared_data / "nlp_sample.json"
    if not sample.exists():
        pytest.skip("no sample of HealthLake's NLP in ../shared/data")
    document = json.dumps({**json.loads(sample.read_text()), "status": "current"})
    (view,) = compile_product(read_product(ROOT / "domains" / "clinical" / "document"))
    (row,) = flatten_lines(view, [document], tmp_path, as_text=False)
    assert (row["nlp_status"], row["has_generated_resources"]) == ("SUCCESS", True)
    assert row["linkage_id"] == "e366d29f-2c22-4c19-866e-09603937935a"
