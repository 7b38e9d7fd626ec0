"""Completeness where Athena flattened: it is not determined, and nothing says that all is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.athena.local_aws import LocalAws
from tests.athena.test_parity import forget_tables, upload
from tests.conftest import Result
from tests.integration.small_mesh import patient
from tests.integration.visits_mesh import PERSON, VISIT, Mesh, encounter

pytestmark = [pytest.mark.athena, pytest.mark.timeout(600)]


def test_athena_states_that_it_did_not_look_and_duckdb_looks_into_what_it_made(
    caremesh: Callable[..., Result], local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_aws.lead(monkeypatch)
    monkeypatch.setenv("CAREMESH_SCRATCH", str(tmp_path / "scratch"))
    forget_tables(local_aws)
    visits, bucket = Mesh(tmp_path), "completeness"
    visits.export("a", patient(1), encounter(1, of=1), encounter(2, of=2))
    landing = upload(local_aws, visits.landing, bucket)
    options = ("--lake", f"{landing}/lake", "--project", visits.project)

    def flatten(engine: str) -> dict[str, dict | None]:
        """What the newest releases say, by product."""
        assert caremesh("land", "--landing", f"{landing}/a", *options).exit_code == 0
        assert caremesh("flatten", "--engine", engine, *options).exit_code == 0
        s3, found = local_aws.client("s3"), {}
        for each in s3.list_objects_v2(Bucket=bucket, Prefix="lake/products/")["Contents"]:
            if each["Key"].endswith("/manifest.json"):
                manifest = json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
                found[manifest["product"], manifest["engine"]] = manifest["completeness"]
        return found

    made = flatten("athena")
    assert made[PERSON, "athena"] is None
    assert (made[VISIT, "athena"]["rows"], made[VISIT, "athena"]["references"]) == (None, [])

    visits.ask_for("hold")
    refused = caremesh("flatten", "--engine", "athena", *options)
    assert (refused.exit_code, f"{VISIT} holds incomplete rows back" in refused.stderr) == (2, True)
    held = flatten("duckdb")[VISIT, "duckdb"]
    assert (held["rows"], held["held"]) == (1, 1)
