"""The Glue tables say what the contracts say, and awswrangler reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from caremesh.demo import ExportPlan, write_export
from caremesh.pipeline import run
from tests.conftest import ROOT, SilentWatcher, settings_for
from tests.integration.aws.aws_mesh import AwsMesh

# CI runs these; together they take more than a minute.
pytestmark = pytest.mark.slow

CONTRACTS = sorted(p for p in ROOT.glob("domains/*/*/contract.odcs.yaml") if any(p.parent.glob("view*.json")))
HIVE = {"varchar": "string", "integer": "int"}
ARROW = {"string": ("string", "large_string"), "int": ("int32",), "bigint": ("int64",), "boolean": ("bool",)}
ARROW |= {"double": ("double",), "date": ("date32[day]",), "timestamp": ("timestamp[us]",)}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_export(ExportPlan(patients=12, seed=3, damaged_lines=2), folder)
    return folder


def one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def test_all_shipped_products_stand_in_glue_as_in_their_contracts(mesh: AwsMesh, landing: Path, tmp_path: Path) -> None:
    import awswrangler as wr

    report = mesh.go("land", "flatten", "check", "publish", project=ROOT, landing=landing)
    assert {p.outcome for p in report.products} == {"published"}
    assert len(CONTRACTS) == len(report.products)
    for file in CONTRACTS:
        contract = yaml.safe_load(file.read_text())["schema"][0]
        name = f"{file.parent.parent.name}.{file.parent.name}"
        table = mesh.table(name)
        stated = [
            (p["name"], HIVE.get(p["physicalType"], p["physicalType"]), one_line(p["description"], 255))
            for p in contract["properties"]
        ]
        found = table["StorageDescriptor"]["Columns"]
        assert [(c["Name"], c["Type"], c["Comment"]) for c in found] == stated
        assert [c["Parameters"]["caremesh.classification"] for c in found] == [
            p["classification"] for p in contract["properties"]
        ]
        assert table["Parameters"]["classification"] == "parquet"
        read_with_awswrangler(wr, name, stated)
        parquet = mesh.rows(name)
        assert parquet.num_rows == int(table["Parameters"]["caremesh.rows"])
        assert [f.name for f in parquet.schema] == [c for c, _, _ in stated]
        assert [
            (f.name, str(f.type))
            for f, (_, t, _) in zip(parquet.schema, stated, strict=True)
            if str(f.type) not in ARROW[t]
        ] == []
    settings = settings_for(tmp_path / "local", landing)
    local = run(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten"))
    assert {p.product.id: p.manifest.rows for p in local.products} == {
        p.product.id: p.manifest.rows for p in report.products
    }


def read_with_awswrangler(wr: Any, name: str, stated: list[tuple[str, str, str]]) -> None:
    """What an analyst with awswrangler sees: the table's page, its comments, its rows."""
    database, table = name.split(".")
    page = wr.catalog.table(database=database, table=table)
    assert list(zip(page["Column Name"], page["Type"], page["Comment"], strict=True)) == stated
    assert wr.catalog.get_columns_comments(database=database, table=table) == {c: text for c, _, text in stated}
    frame = wr.s3.read_parquet_table(database=database, table=table)
    assert list(frame.columns) == [c for c, _, _ in stated]


def test_a_release_of_an_older_contract_keeps_its_columns(mesh: AwsMesh) -> None:
    from tests.integration.small_mesh import patient
    from tests.integration.test_releases import with_column

    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go()
    before = [c["Name"] for c in mesh.table()["StorageDescriptor"]["Columns"]]
    with_column(mesh.project, required=False)
    mesh.go()
    now = {c["Name"]: c for c in mesh.table()["StorageDescriptor"]["Columns"]}
    assert set(now) - set(before) == {"district"}
    assert now["district"]["Parameters"] == {"caremesh.classification": "quasi_identifier"}
    from caremesh.pipeline import rollback

    rollback(mesh.settings(), "clinical.patient", None, command="test")
    assert [c["Name"] for c in mesh.table()["StorageDescriptor"]["Columns"]] == before
    assert mesh.rows().column_names == before
