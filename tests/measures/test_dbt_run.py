"""How dbt is run: from a work folder, in silence, leaving the process and the source tree as they were."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest
import yaml

from caremesh.engines.dbt import LOG_FILE, build, write_project
from caremesh.errors import CurateError
from caremesh.products import Product
from tests.conftest import ROOT
from tests.measures.conftest import Curated
from tests.measures.product_tables import create_products

SOURCE = ROOT / "dbt_project"
SECRET = "Zaphod-4711"


def files_of(folder: Path) -> dict[Path, int]:
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in folder.rglob("*")}


def test_sources_are_the_contracts(products: Sequence[Product], tmp_path: Path) -> None:
    project = write_project(products, tmp_path / "dbt", project_dir=SOURCE)
    sources = yaml.safe_load((project / "models" / "sources.yml").read_text())["sources"]
    stated = {(s["schema"], t["name"]): t for s in sources for t in s["tables"]}
    published = [p for p in products if p.view_files]
    assert set(stated) == {(p.domain, p.name) for p in published}
    for product in published:
        columns = stated[product.domain, product.name]["columns"]
        assert [(c["name"], c["data_type"], c["config"]["meta"]["classification"]) for c in columns] == [
            (c.name, c.sql_type, c.classification) for c in product.columns
        ]


def test_a_work_folder_is_replaced_whole(products: Sequence[Product], tmp_path: Path) -> None:
    project = write_project(products, tmp_path / "dbt", project_dir=SOURCE)
    (project / "models" / "model_that_was_deleted.sql").write_text("select 1 as one")
    write_project(products, project, project_dir=SOURCE)
    assert not (project / "models" / "model_that_was_deleted.sql").exists()


def test_a_folder_that_holds_something_else_is_refused(products: Sequence[Product], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CurateError, match="holds something else"):
        write_project(products, tmp_path, project_dir=SOURCE)
    assert (tmp_path / "thesis.txt").exists()


def test_a_build_says_what_stands_where_and_from_what(cases: Curated) -> None:
    tables = {t.name: t for t in cases.result.curated}
    assert set(tables) == {
        "length_of_stay",
        "patient_summary",
        "payer_mix_monthly",
        "readmission_30d",
        "readmission_30d_acute",
    }
    assert tables["payer_mix_monthly"].depends_on == ("operations.claim", "operations.claim_line")
    assert tables["readmission_30d"].depends_on == ("clinical.encounter", "clinical.patient")
    assert tables["patient_summary"].depends_on == (
        "clinical.condition",
        "clinical.encounter",
        "clinical.observation",
        "clinical.patient",
        "operations.claim",
        "operations.claim_line",
    )
    for table in tables.values():
        assert "One row per " in table.description.split(". ")[-1]
        actual = cases.rows(f"""
            select column_name, lower(data_type) from information_schema.columns
            where table_schema = 'curated' and table_name = '{table.name}' order by ordinal_position
        """)
        assert [(c.name, c.sql_type) for c in table.columns] == actual


def test_a_failed_build_names_the_tests_and_leaves_no_trace(
    products: Sequence[Product], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    twice = {"patient_id": SECRET, "is_deceased": False}
    database = create_products(tmp_path / "lake.duckdb", products, {"clinical.patient": [twice, twice]})
    project = write_project(products, tmp_path / "dbt", project_dir=SOURCE)
    before = dict(os.environ), Path.cwd(), files_of(SOURCE)
    with pytest.raises(CurateError) as raised:
        build(project, target="local", variables={"as_of": "2024-12-31"}, env={"CAREMESH_DUCKDB": str(database)})
    assert (dict(os.environ), Path.cwd(), files_of(SOURCE)) == before
    assert "unique_patient_summary_patient_id" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert str(project / LOG_FILE) in str(raised.value)
    assert (project / LOG_FILE).is_file()
    assert capfd.readouterr() == ("", "")
    with duckdb.connect(str(database)) as connection:
        connection.execute("drop schema curated cascade")
