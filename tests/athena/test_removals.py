"""Receipts of removals where Athena makes the next release: it takes no deletions, and keeps what was said before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from caremesh.pipeline import STAGES
from tests.athena.local_aws import LocalAws
from tests.athena.test_parity import forget_tables, upload
from tests.conftest import Result
from tests.integration.small_mesh import patient, write_lines, write_project

pytestmark = [pytest.mark.athena, pytest.mark.timeout(600)]


def test_a_release_that_athena_makes_keeps_the_receipts_and_does_not_know_what_is_back(
    caremesh: Callable[..., Result], local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_aws.lead(monkeypatch)
    monkeypatch.setenv("CAREMESH_SCRATCH", str(tmp_path / "scratch"))
    forget_tables(local_aws)
    write_lines(tmp_path / "landing/a/Patient.ndjson", [patient(1), patient(2)])
    gone = [{"request": {"method": "DELETE", "url": "Patient/p001"}}]
    write_lines(tmp_path / "landing/b/deleted/list.ndjson", [{"resourceType": "Bundle", "entry": gone}])
    write_lines(tmp_path / "landing/c/Patient.ndjson", [patient(3)])
    landing = upload(local_aws, tmp_path / "landing", "removals")
    options = ("--lake", f"{landing}/lake", "--project", write_project(tmp_path / "project"))

    def go(*exports: str, engine: str) -> str:
        for export in exports:
            assert caremesh("land", "--landing", f"{landing}/{export}", *options).exit_code == 0
            for stage in STAGES[1:4]:
                assert caremesh(stage, *(("--engine", engine) if stage == "flatten" else ()), *options).exit_code == 0
        return caremesh("removals", "--resources", *options).stdout

    before = go("a", "b", engine="duckdb").split()[-7:]
    assert (before[0], before[-1]) == ("clinical.patient", "p001")
    assert caremesh("land", "--forget", "b", *options).exit_code == 0
    assert go("c", engine="athena").split()[-7:] == before
    s3 = local_aws.client("s3")
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket="removals", Prefix="lake/products/")["Contents"]]
    manifests = [s3.get_object(Bucket="removals", Key=k)["Body"].read() for k in keys if k.endswith("/manifest.json")]
    with_receipts = [m["engine"] for m in map(json.loads, manifests) if m["receipts"]]
    assert sorted(with_receipts) == ["athena", "duckdb"]
