"""HealthLake's export jobs: asked for by SDK or REST, followed, and landed only where they ended well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caremesh.sources.export_manifest import ExportManifest
from tests.athena.local_aws import RunningAws
from tests.conftest import Result
from tests.healthlake import DATASTORE, KEY, ROLE, HealthLakeDouble, Refused, run_healthlake
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient

NAME = "Patient/Patient-1022280015944103279-3-0.ndjson"
BODY = json.dumps(patient(1)).encode() + b"\n"


def slowly(*values: Any) -> Any:
    """A case for the slow lane."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def healthlake(storage: RunningAws, mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch) -> Iterator[HealthLakeDouble]:
    s3 = storage.client("s3")

    def write(bucket: str, key: str, content: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    with run_healthlake(HealthLakeDouble(write, {NAME: BODY})) as double:
        monkeypatch.setenv("AWS_ENDPOINT_URL_HEALTHLAKE", double.address)
        monkeypatch.setenv("CAREMESH_SCRATCH", str(mesh.scratch))
        for name, value in {"EXPORT_POLL": "0.01", "EXPORT_RETRY": "0.001"}.items():
            monkeypatch.setenv(f"CAREMESH_{name}_SECONDS", value)
        monkeypatch.setenv("CAREMESH_HEALTHLAKE_STARTS_PER_SECOND", "1000")
        monkeypatch.setenv("CAREMESH_HEALTHLAKE_QUESTIONS_PER_SECOND", "1000")
        yield double
    assert double.faults == []


@pytest.fixture
def export(caremesh: Callable[..., Result], mesh: AwsMesh, healthlake: HealthLakeDouble) -> Callable[..., Result]:
    """`caremesh export …` on the lake of this test; `start` gets the data store and what it writes with."""

    def call(command: str, *more: object) -> Result:
        given = ["export", command, *more, "--lake", mesh.place]
        if command == "start":
            given += ["--output", mesh.landing, "--kms-key", KEY, "--role", ROLE]
            given += [] if "--datastore" in more else ["--datastore", DATASTORE]
        return caremesh(*given)

    return call


def land(caremesh: Callable[..., Result], mesh: AwsMesh) -> Result:
    return caremesh("land", "--landing", mesh.landing, "--lake", mesh.place, "--project", mesh.project)


def manifest_of(mesh: AwsMesh, job: str) -> ExportManifest | None:
    key = f"landing/{DATASTORE}-FHIR_EXPORT-{job}/export.json"
    s3 = mesh.local.client("s3")
    found = [c["Key"] for c in s3.list_objects_v2(Bucket=mesh.bucket, Prefix=key).get("Contents", [])]
    if not found:
        return None
    return ExportManifest(**json.loads(s3.get_object(Bucket=mesh.bucket, Key=key)["Body"].read()))


def test_a_plain_export_is_started_by_the_sdk_and_landed_with_its_manifest(
    export, caremesh, mesh: AwsMesh, healthlake: HealthLakeDouble
) -> None:
    done = export("start", "--follow")
    assert (done.exit_code, "is whole: 1 file(s)" in done.stdout) == (0, True), done.stderr
    (job,) = healthlake.jobs
    manifest = manifest_of(mesh, job.job)
    assert manifest is not None
    assert (manifest.job, manifest.source) == (job.job, f"{healthlake.address}/datastore/{DATASTORE}/r4/")
    assert [(f.name, f.bytes) for f in manifest.files or ()] == [(NAME, len(BODY))]
    assert manifest.is_full
    assert land(caremesh, mesh).exit_code == 0
    (taken,) = mesh.lake().read_ledger().exports
    assert taken.manifest == manifest
    assert manifest.submitted_at in caremesh("status", "--lake", mesh.place, "--project", mesh.project).stdout


@pytest.mark.parametrize(
    ("options", "path", "query"),
    [
        slowly(["--patient"], "Patient/$export", {}),
        slowly(["--group", "g1"], "Group/g1/$export", {}),
        slowly(["--type", "Patient", "--type", "Claim"], "$export", {"_type": ["Patient,Claim"]}),
        (["--since", "2026-01-01T00:00:00Z"], "$export", {"_since": ["2026-01-01T00:00:00Z"]}),
        slowly(["--until", "2026-01-01T00:00:00Z"], "$export", {"_until": ["2026-01-01T00:00:00Z"]}),
    ],
)
def test_all_else_is_asked_by_rest_and_signed(export, mesh, healthlake: HealthLakeDouble, options, path, query) -> None:
    assert export("start", "--follow", *options).exit_code == 0
    (job,) = healthlake.jobs
    assert (job.by, job.query) == (path, query)
    manifest = manifest_of(mesh, job.job)
    assert manifest is not None
    assert not manifest.is_full or manifest.types == ("Patient", "Claim")


@pytest.mark.parametrize("end", ["COMPLETED_WITH_ERRORS", slowly("FAILED"), slowly("CANCEL_FAILED")])
def test_every_other_end_is_no_success_and_nothing_is_landed(
    export, caremesh, mesh: AwsMesh, healthlake: HealthLakeDouble, end: str
) -> None:
    healthlake.ends = (end,)
    done = export("start", "--follow")
    assert (done.exit_code, f"ended as {end}" in done.stderr) == (21, True)
    (job,) = healthlake.jobs
    assert manifest_of(mesh, job.job) is None
    assert "failed" in export("list").stdout
    mesh.put("landing/other/Patient.ndjson", BODY)
    landed = land(caremesh, mesh)
    assert landed.exit_code == 0
    assert [e.name for e in mesh.lake().read_ledger().exports] == ["other"]
    assert (job.job in landed.stderr) == (end == "COMPLETED_WITH_ERRORS")


@pytest.mark.slow
def test_what_a_job_left_can_be_landed_on_purpose(export, caremesh, mesh, healthlake: HealthLakeDouble) -> None:
    healthlake.ends = ("COMPLETED_WITH_ERRORS",)
    export("start", "--follow", "--name", "x")
    assert export("forget", "x").exit_code == 0
    assert land(caremesh, mesh).exit_code == 0
    (taken,) = mesh.lake().read_ledger().exports
    assert taken.manifest is None


@pytest.mark.slow
def test_a_running_job_is_not_landed_in_half_and_any_process_goes_on_with_it(
    export, caremesh, mesh: AwsMesh, healthlake: HealthLakeDouble
) -> None:
    assert export("start", "--name", "x").exit_code == 0
    (job,) = healthlake.jobs
    mesh.put(f"landing/{DATASTORE}-FHIR_EXPORT-{job.job}/{NAME}", BODY[:5])
    landed = land(caremesh, mesh)
    assert (landed.exit_code, "caremesh export follow" in landed.stderr) == (0, True), landed.stderr
    assert mesh.lake().read_ledger().exports == ()
    assert export("follow").exit_code == 0
    assert land(caremesh, mesh).exit_code == 0
    assert len(mesh.lake().read_ledger().exports) == 1
    assert export("list", "--datastore", DATASTORE).stdout.count("COMPLETED") == 1


@pytest.mark.parametrize("options", [slowly(()), slowly(("--since", "2026-01-01T00:00:00Z"))])
def test_a_start_whose_answer_was_lost_is_found_and_not_made_twice(
    export, mesh: AwsMesh, healthlake: HealthLakeDouble, options
) -> None:
    healthlake.loses_answers = True
    started: Result = export("start", "--name", "x", *options)
    assert started.exit_code == 0, started.stderr
    assert export("follow", "x").exit_code == 0
    assert len(healthlake.jobs) == 1
    assert manifest_of(mesh, healthlake.jobs[0].job) is not None


@pytest.mark.slow
def test_where_nobody_knows_whether_a_job_was_started_follow_finds_out(
    export, caremesh, mesh: AwsMesh, healthlake: HealthLakeDouble
) -> None:
    healthlake.loses_answers = True
    is_down = iter([False, False, False, True])
    healthlake.refuse = lambda o: (
        Refused("AccessDeniedException", 403) if o == "ListFHIRExportJobs" and next(is_down, False) else None
    )
    started = export("start", "--name", "x", "--patient")
    assert (started.exit_code, "caremesh export follow finds out" in started.stderr) == (20, True)
    # Until then the job may write to any folder of the data store.
    mesh.put(f"landing/{DATASTORE}-FHIR_EXPORT-{healthlake.jobs[0].job}/{NAME}", BODY[:5])
    assert land(caremesh, mesh).exit_code == 0
    assert mesh.lake().read_ledger().exports == ()
    assert export("follow").exit_code == 0
    assert len(healthlake.jobs) == 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--patient",)], ids=["sdk", "rest"])
def test_a_start_whose_answer_was_lost_is_kept_where_the_list_of_jobs_does_not_show_it_yet(
    export, caremesh, mesh: AwsMesh, healthlake: HealthLakeDouble, options
) -> None:
    healthlake.loses_answers, healthlake.shows_late = True, 1
    started: Result = export("start", "--name", "x", *options)
    assert (started.exit_code, "caremesh export follow finds out" in started.stderr) == (20, True), started.stderr
    assert [(j.name, j.state) for j in mesh.lake().read_ledger().jobs] == [("x", "asked")]
    mesh.put(f"landing/{DATASTORE}-FHIR_EXPORT-{healthlake.jobs[0].job}/{NAME}", BODY[:5])
    assert land(caremesh, mesh).exit_code == 0
    assert mesh.lake().read_ledger().exports == ()
    healthlake.loses_answers = False
    assert export("follow", "x").exit_code == 0
    assert len(healthlake.jobs) == 1


@pytest.mark.slow
def test_a_job_that_still_writes_is_not_forgotten(export, mesh: AwsMesh, healthlake: HealthLakeDouble) -> None:
    assert export("start", "--name", "x").exit_code == 0
    refused = export("forget", "x")
    assert (refused.exit_code, "may still write" in refused.stderr) == (21, True)
    assert [j.name for j in mesh.lake().read_ledger().jobs] == ["x"]


@pytest.mark.slow
def test_a_start_that_is_refused_leaves_no_job(export, mesh: AwsMesh, healthlake: HealthLakeDouble) -> None:
    healthlake.refuse = lambda o: Refused("AccessDeniedException", 403) if o == "StartFHIRExportJob" else None
    refused = export("start", "--name", "x")
    assert (refused.exit_code, "not allowed to call StartFHIRExportJob" in refused.stderr) == (20, True)
    assert mesh.lake().read_ledger().jobs == ()
    healthlake.refuse = lambda o: Refused("ValidationException") if o.startswith("POST") else None
    assert export("start", "--patient").exit_code == 21
    assert mesh.lake().read_ledger().jobs == ()
    assert export("start", "--datastore", "0" * 32).exit_code == 21


@pytest.mark.slow
def test_throttled_requests_are_sent_again(export, mesh: AwsMesh, healthlake: HealthLakeDouble) -> None:
    first: set[str] = set()

    def throttle(operation: str) -> Refused | None:
        if operation in first:
            return None
        first.add(operation)
        return Refused("ThrottlingException", 429 if "$" in operation else 400)

    healthlake.refuse = throttle
    assert export("start", "--follow", "--patient").exit_code == 0
    assert {"POST $export", "DescribeFHIRExportJob", "ListFHIRExportJobs"} <= first
    assert len(healthlake.jobs) == 1


@pytest.mark.slow
def test_a_full_line_is_said_or_waited_for(
    export, healthlake: HealthLakeDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAREMESH_HEALTHLAKE_WAITING_JOBS", "1")
    export("start", "--name", "a")
    assert "1 job(s) of this data store run or wait before it" in export("start", "--name", "b").stderr
    full = export("start", "--name", "c")
    assert (full.exit_code, "2 jobs of this data store run or wait, and it takes 2" in full.stderr) == (21, True), (
        full.stderr
    )
    asked: list[str] = []

    def move_on(operation: str) -> None:
        asked.append(operation)
        if asked.count("ListFHIRExportJobs") == 12:
            healthlake.jobs[0].states = ["COMPLETED"]

    healthlake.refuse = move_on
    assert export("start", "--name", "c", "--follow").exit_code == 0
    assert [j.name for j in healthlake.jobs] == ["a", "b", "c"]


@pytest.mark.slow
def test_a_job_is_called_off_by_rest(export, healthlake: HealthLakeDouble) -> None:
    export("start", "--name", "x")
    assert export("cancel", "x").exit_code == 0
    assert healthlake.asked[-1] == f"DELETE export/{healthlake.jobs[0].job}"
    assert "no export job is at work" in export("follow").stdout


@pytest.mark.slow
def test_a_job_that_wrote_nothing_is_no_full_export(export, mesh: AwsMesh, healthlake: HealthLakeDouble) -> None:
    healthlake.objects = {}
    done = export("start", "--follow")
    assert (done.exit_code, "wrote nothing" in done.stderr) == (21, True)
    assert export("start", "--follow", "--since", "2026-01-01T00:00:00Z").exit_code == 0
    assert all(manifest_of(mesh, job.job) is None for job in healthlake.jobs)


@pytest.mark.slow
def test_a_ledger_that_somebody_else_writes_meanwhile_keeps_both(
    export, mesh: AwsMesh, healthlake: HealthLakeDouble, tmp_path: Path
) -> None:
    export("start", "--name", "x")
    raced: list[Any] = []

    def race(asked: Any) -> None:
        if asked.operation == "s3:PutObject" and asked.params["Key"] == "lake/ledger.json" and not raced:
            raced.append(asked)
            lake = mesh.lake()
            ledger = lake.read_ledger()
            lake.write_ledger(ledger.with_job(ledger.jobs[0].__class__(**{**vars(ledger.jobs[0]), "name": "other"})))

    mesh.watched.watch = race
    assert export("follow", "x").exit_code == 0
    assert {(j.name, j.state) for j in mesh.lake().read_ledger().jobs} == {("x", "whole"), ("other", "running")}
