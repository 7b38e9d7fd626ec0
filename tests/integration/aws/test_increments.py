"""Increments and deletions in S3: releases are made from the one before, whose parts come from the bucket."""

from __future__ import annotations

import json

import pytest

from caremesh.lake.removals import find_removals
from caremesh.pipeline import prune
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient


@pytest.mark.slow
def test_increments_deletions_and_a_full_export_give_the_rows_that_are_left(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(n) for n in range(4)])
    first = mesh.go(now="2026-01-01T00:00:00Z").products[0].manifest
    mesh.export("b/Patient.ndjson", [patient(1, birthDate="2000"), patient(4)])
    gone = [{"request": {"method": "DELETE", "url": f"Patient/p00{n}"}} for n in (0, 2)]
    mesh.export("b/deleted/list.ndjson", [{"resourceType": "Bundle", "entry": gone}])
    second = mesh.go(now="2026-01-02T00:00:00Z").products[0].manifest
    assert mesh.patients() == ["p001", "p003", "p004"]
    assert (second.base, second.lines, second.superseded, second.deleted) == (first.release, 6, 1, 2)

    mesh.export("f/Patient.ndjson", [patient(3), patient(5)])
    stated = {"source": "default", "job": "f", "submitted_at": "2026-01-03T00:00:00Z"}
    mesh.put("landing/f/export.json", json.dumps(stated).encode())
    third = mesh.go(now="2026-01-04T00:00:00Z").products[0].manifest
    assert mesh.patients() == ["p003", "p005"]
    assert (third.base, third.rows) == (second.release, 2)
    assert list(mesh.scratch.rglob("*.parquet")) == []
    receipts = {
        ("p000", "b", "deleted", second.release, "2026-01-02T00:00:00Z"),
        ("p002", "b", "deleted", second.release, "2026-01-02T00:00:00Z"),
        ("p001", "f", "not in full export", third.release, "2026-01-04T00:00:00Z"),
        ("p004", "f", "not in full export", third.release, "2026-01-04T00:00:00Z"),
    }
    assert receipts_of(mesh) == dict.fromkeys(receipts, False)

    mesh.export("g/Patient.ndjson", [patient(1, birthDate="2001")])
    fourth = mesh.go(now="2026-01-05T00:00:00Z").products[0].manifest
    prune(mesh.settings(), keep=1, before="2026-12-31T00:00:00Z", command="test")
    (file,) = [key for key in mesh.objects("lake/products/") if "/receipts/" in key]
    assert file.endswith(f"/releases/{fourth.release}/{fourth.receipts}/part-0.parquet")
    assert receipts_of(mesh) == {receipt: receipt[0] == "p001" for receipt in receipts}


def receipts_of(mesh: AwsMesh) -> dict[tuple[str, ...], bool | None]:
    """The receipts, and whether the resource is back."""
    found = find_removals(mesh.product(), mesh.lake())
    return {(r.id, r.export, r.reason, r.release, r.made_at): r.is_back for r in found}


def test_only_new_objects_are_downloaded(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go()
    mesh.export("b/Patient.ndjson", [patient(2)])
    read: list[str] = []
    mesh.watched.watch = lambda asked: read.append(asked.params["Key"]) if asked.operation == "s3:GetObject" else None
    mesh.go()
    mesh.watched.watch = None
    assert [key for key in read if key.endswith(".ndjson")] == ["landing/b/Patient.ndjson"]
