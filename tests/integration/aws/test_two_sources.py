"""Two hospitals in one lake in S3: no row mixes them, and what one says is gone is gone for that one only."""

from __future__ import annotations

import json

import pytest

from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient

NORTH, SOUTH = "https://north.example/r4", "https://south.example/r4"


def land(mesh: AwsMesh, name: str, source: str, *numbers: int, day: int, **more: object) -> None:
    mesh.export(f"{name}/Patient.ndjson", [patient(n, gender="other") for n in numbers])
    stated = {"source": source, "job": name, "submitted_at": f"2026-01-{day:02}T00:00:00Z", "types": ["Patient"]}
    mesh.put(f"landing/{name}/export.json", json.dumps({**stated, **more}).encode())


@pytest.mark.slow
def test_full_exports_delete_lists_and_equal_ids_of_two_hospitals(mesh: AwsMesh) -> None:
    land(mesh, "n", NORTH, 1, 2, day=1)
    mesh.go(now="2026-02-01T00:00:00Z")
    land(mesh, "s", SOUTH, 3, 4, day=2)
    second = mesh.go(now="2026-02-02T00:00:00Z").products[0].manifest
    assert (mesh.patients(), second.base is None, second.deleted) == (["p001", "p002", "p003", "p004"], False, 0)

    land(mesh, "s2", SOUTH, 1, 4, day=3)
    third = mesh.go(now="2026-02-03T00:00:00Z").products[0].manifest
    assert (mesh.patients(), third.deleted, third.claimed) == (["p001", "p002", "p004"], 1, 1)
    assert "more than one source" in third.why
    assert [(i.export, i.used, i.quarantined) for i in third.inputs] == [("n", 2, 0), ("s", 0, 0), ("s2", 1, 1)]

    gone = [{"request": {"method": "DELETE", "url": f"Patient/p00{n}"}} for n in (1, 4)]
    land(mesh, "n2", NORTH, 5, day=4, is_filtered=True)
    mesh.export("n2/deleted/list.ndjson", [{"resourceType": "Bundle", "entry": gone}])
    fourth = mesh.go(now="2026-02-04T00:00:00Z").products[0].manifest
    assert (mesh.patients(), fourth.deleted, fourth.claimed) == (["p001", "p002", "p004", "p005"], 2, 0)
