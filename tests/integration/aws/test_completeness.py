"""Completeness of releases in S3: rows that wait lie beside those that readers see, and come when they may."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient
from tests.integration.visits_mesh import VISIT, Mesh, encounter, stated

LATER = "2099-01-01T00:00:00Z"


@pytest.mark.slow
def test_held_rows_stand_beside_a_release_survive_a_sweep_and_come_later(mesh: AwsMesh, tmp_path: Path) -> None:
    (visits := Mesh(tmp_path / "visits")).ask_for("hold")
    mesh = replace(mesh, project=visits.project)
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.export("a/Encounter.ndjson", [encounter(1, of=1), encounter(2, of=2), encounter(3, of=3)])
    first = mesh.go().products[1].manifest
    assert mesh.rows(VISIT)["visit_id"].to_pylist() == ["e001"]
    assert (first.rows, first.held) == (1, 2)

    mesh.lake().sweep([mesh.product(VISIT)], before=LATER)
    home = f"lake/products/clinic/visit/releases/{first.release}"
    kept = {folder: mesh.objects(f"{home}/{folder}/") for folder in ("held/run001", "incomplete/run001")}
    assert [len(keys) for keys in kept.values()] == [1, 1]
    assert sorted(mesh.read_folder(f"{home}/held/")["visit_id"].to_pylist()) == ["e002", "e003"]
    listed = pq.read_table(io.BytesIO(mesh.read(kept["incomplete/run001"][0]))).to_pylist()
    assert sorted((row["key"]["visit_id"], row["missing_id"]) for row in listed) == [("e002", "p002"), ("e003", "p003")]

    mesh.export("b/Patient.ndjson", [patient(2)])
    second = mesh.go().products[1].manifest
    assert sorted(mesh.rows(VISIT)["visit_id"].to_pylist()) == ["e001", "e002"]
    assert (second.base, stated(second).held) == (first.release, 1)
