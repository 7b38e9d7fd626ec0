"""What one domain or project still does to another. Each of these is to hold when domains have rooms of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from caremesh.products import find_domains, select_products
from tests.conftest import Result
from tests.contracts.contract_text import contract_text, write_contract
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.small_mesh import patient, write_lines, write_project
from tests.integration.tiny_mesh import land_tiny, write_tiny_mesh

Call = Callable[..., Result]
UNCOMPUTABLE = """
    quality:
      - {name: casts, type: sql, query: "select max(cast(condition_id as integer)) from {object}", mustBe: 0}
"""


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="issue 15: a bad contract of one domain stops the others")
def test_a_bad_contract_of_another_domain_does_not_stop_this_one(caremesh: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project")
    write_contract(project / "domains", contract_text().replace("version:", "versoin:"))
    write_lines(tmp_path / "landing" / "first" / "Patient.ndjson", [patient(1)])
    options = ("--lake", tmp_path / "lake", "--project", project)
    landed = caremesh("land", *options, "--landing", tmp_path / "landing")
    flattened = caremesh("flatten", *options, "--domain", "clinical")
    if 2 in (landed.exit_code, flattened.exit_code):
        raise RuntimeError("the command line is not the one that is meant")
    assert (landed.exit_code, flattened.exit_code) == (0, 0)


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="issue 15: a lake shows the products of the last project only"
)
def test_the_views_of_another_project_stay_in_the_lake(tmp_path: Path) -> None:
    lines = {
        "Patient-1.ndjson": ('{"resourceType": "Patient", "id": "p1", "gender": "female"}', ""),
        "Observation-1.ndjson": ('{"resourceType": "Observation", "id": "o1", "valueString": "v"}', ""),
    }
    (tmp_path / "landing").mkdir()
    write_export(tmp_path / "landing" / "first", Export(lines))
    lake = tmp_path / "lake"
    for name in ("person", "reading"):
        project = write_tiny_mesh(tmp_path / name, name)
        products = select_products(find_domains(project / "domains"))
        now = "2026-01-02T03:04:05Z"
        land_tiny(project, tmp_path / "landing", lake, products=products, now=now, is_last=True)
    with duckdb.connect(str(lake / "caremesh.duckdb"), read_only=True) as connection:
        shown = connection.execute("select view_name from duckdb_views() where schema_name = 'ward'").fetchall()
    assert {name for (name,) in shown} == {"person", "reading"}


@pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="issue 15: a check that fails on one product ends the run of all"
)
def test_a_check_that_cannot_be_computed_keeps_only_its_own_product_back(caremesh: Call, tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", "clinical/condition", "clinical/patient")
    contract = project / "domains" / "clinical" / "condition" / "contract.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(
        text.replace("    properties:\n", UNCOMPUTABLE.lstrip("\n") + "    properties:\n", 1), encoding="utf-8"
    )
    landing = tmp_path / "landing" / "first"
    write_lines(landing / "Patient.ndjson", [patient(1)])
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p001"}}
    write_lines(landing / "Condition.ndjson", [condition])
    options = ("--lake", tmp_path / "lake", "--project", project)

    landed = caremesh("land", *options, "--landing", tmp_path / "landing")
    flattened = caremesh("flatten", *options)
    checked = caremesh("check", *options)
    caremesh("publish", *options)

    scene = (landed.exit_code, flattened.exit_code, "could not be computed on the candidate: casts" in checked.stderr)
    if scene != (0, 0, True):
        raise RuntimeError("the scene is not the one that is meant")
    assert not (tmp_path / "lake/products/clinical/condition/current.json").exists()
    assert (tmp_path / "lake/products/clinical/patient/current.json").exists()
