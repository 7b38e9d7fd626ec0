"""Releases on AWS over time, by the command line: the same moves and words as for a lake in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.errors import LakeError
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient

# CI runs these; together they take more than a minute.
pytestmark = pytest.mark.slow

BROKEN = b'{"resourceType": "Patient", "id": "p9", "gender"\n'


@pytest.fixture
def options(mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    monkeypatch.setenv("CAREMESH_SCRATCH", str(mesh.scratch))
    return ("--lake", str(mesh.place), "--project", str(mesh.project))


def publish_two(mesh: AwsMesh) -> tuple[str, str]:
    """Publish one patient, then two; the second release has a line in quarantine."""
    mesh.export("a/Patient.ndjson", [patient(1)])
    first = mesh.go().products[0].manifest.release
    mesh.export("b/Patient.ndjson", [patient(2)])
    mesh.put("landing/b/Patient-1.ndjson", BROKEN)
    return first, mesh.go().products[0].manifest.release


def test_a_rollback_holds_until_the_release_is_put_back(mesh: AwsMesh, options, caremesh) -> None:
    first, second = publish_two(mesh)
    assert (mesh.patients(), mesh.quarantined()) == (["p001", "p002"], {("clinical.patient", second): [1]})

    back = caremesh("rollback", "clinical.patient", *options)
    assert (back.exit_code, back.stdout.splitlines()[0]) == (0, f"clinical.patient is at release {first}")
    assert f"publish clinical.patient --release {second}" in back.stdout
    assert (mesh.patients(), mesh.quarantined()) == (["p001"], {})

    assert mesh.go().products[0].outcome == "withdrawn"
    assert mesh.patients() == ["p001"]
    assert "withdrawn" in caremesh("releases", "clinical.patient", *options).stdout

    forth = caremesh("publish", "clinical.patient", "--release", second, *options)
    assert forth.exit_code == 0
    assert (mesh.patients(), mesh.quarantined()) == (["p001", "p002"], {("clinical.patient", second): [1]})
    assert mesh.go().products[0].outcome == "unchanged"
    assert mesh.moves() == [("publish", first), ("publish", second), ("rollback", first), ("publish", second)]


def test_a_rollback_to_a_named_release_or_to_nothing(mesh: AwsMesh, options, caremesh) -> None:
    first, second = publish_two(mesh)
    assert caremesh("rollback", "clinical.patient", "--to", first, *options).exit_code == 0
    refused = caremesh("rollback", "clinical.patient", *options)
    assert (refused.exit_code, "has no release before" in refused.stderr) == (13, True)
    refused = caremesh("rollback", "clinical.patient", "--to", first, *options)
    assert (refused.exit_code, "is the current release" in refused.stderr) == (13, True)
    assert mesh.moves() == [("publish", first), ("publish", second), ("rollback", first)]


def test_only_the_name_of_a_published_release_is_taken_for_one(mesh: AwsMesh, options, caremesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go()
    mesh.export("b/Patient.ndjson", [patient(2)])
    candidate = mesh.go("land", "flatten", "check").products[0].manifest.release
    for name in (".", "..", "../../../..", "000000000000", candidate):
        result = caremesh("publish", "clinical.patient", "--release", name, *options)
        assert (result.exit_code, "has no release" in result.stderr) == (13, True)
    assert mesh.patients() == ["p001"]


def test_stages_called_one_by_one_end_as_one_run(mesh: AwsMesh, options, caremesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    landed = caremesh("land", "--landing", mesh.landing, *options)
    codes = [caremesh(stage, *options).exit_code for stage in ("flatten", "check", "publish")]
    assert [landed.exit_code, *codes] == [0, 0, 0, 0]
    assert mesh.patients() == ["p001"]
    assert "p001" not in landed.stdout + landed.stderr
    assert caremesh("status", *options).exit_code == 0


def test_a_failed_release_that_comes_back_stands_aside_again(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go()
    mesh.export("b/Patient.ndjson", [{**patient(2), "gender": "x"}])
    failed = mesh.go().products[0]
    assert failed.outcome == "failed"
    from caremesh.pipeline import forget_export

    forget_export(mesh.settings(), "b", command="test")
    assert mesh.go("flatten", "check", "publish").products[0].outcome == "unchanged"
    mesh.go("land")
    mesh.go("flatten")
    assert [m.release for m in mesh.lake().candidates(mesh.product())] == [failed.manifest.release]
    assert mesh.go("publish").products[0].outcome == "failed"
    assert mesh.patients() == ["p001"]


def test_a_table_of_somebody_else_is_refused_and_left_alone(mesh: AwsMesh) -> None:
    glue = mesh.local.client("glue")
    glue.create_database(DatabaseInput={"Name": "clinical"})
    storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://others/patient/"}
    glue.create_table(DatabaseName="clinical", TableInput={"Name": "patient", "StorageDescriptor": storage})
    before = mesh.table()
    mesh.export("Patient.ndjson", [patient(1)])
    with pytest.raises(LakeError, match=r"Glue table clinical.patient is not of this lake") as refused:
        mesh.go()
    assert "s3://others/patient/" in str(refused.value)
    assert mesh.table() == before


def test_a_quarantine_of_another_lake_is_refused_and_left_alone(mesh: AwsMesh) -> None:
    glue = mesh.local.client("glue")
    glue.create_database(DatabaseInput={"Name": "quarantine"})
    storage = {"Columns": [{"Name": "raw", "Type": "string"}], "Location": "s3://others/quarantine/"}
    keys = [{"Name": "product", "Type": "string"}, {"Name": "release", "Type": "string"}]
    table = {"Name": "lines", "StorageDescriptor": storage, "PartitionKeys": keys}
    glue.create_table(DatabaseName="quarantine", TableInput=table)
    part = {"Values": ["other.product", "r1"], "StorageDescriptor": storage}
    glue.batch_create_partition(DatabaseName="quarantine", TableName="lines", PartitionInputList=[part])
    mesh.export("Patient.ndjson", [patient(1)])
    with pytest.raises(LakeError, match=r"quarantine.lines is not of this lake"):
        mesh.go()
    found = glue.get_partitions(DatabaseName="quarantine", TableName="lines")["Partitions"]
    assert [p["Values"] for p in found] == [["other.product", "r1"]]


@pytest.mark.parametrize("key", ["lake/thesis.txt", "lake/work/thesis.txt"])
def test_a_prefix_that_holds_something_else_is_not_made_a_lake(mesh: AwsMesh, key: str) -> None:
    mesh.put(key, b"years of work")
    mesh.export("Patient.ndjson", [patient(1)])
    with pytest.raises(LakeError, match=r"no lake and not empty: it holds '(work/)?thesis.txt'"):
        mesh.go("land")
    assert mesh.objects("lake/") == [key]


def test_a_folder_made_by_hand_in_the_console_is_an_empty_prefix(mesh: AwsMesh) -> None:
    mesh.put("lake/", b"")
    mesh.put("lake-of-others/x", b"")
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go("land")
    assert "lake/lake.json" in mesh.objects("lake/")


def test_a_lake_that_is_not_there_is_named_with_the_next_move(mesh: AwsMesh, options, caremesh) -> None:
    for command in (("status",), ("flatten",), ("rollback", "clinical.patient")):
        result = caremesh(*command, *options)
        assert (result.exit_code, "there is no lake here" in result.stderr) == (15, True)
        assert f"--lake {mesh.place}" in result.stderr
    assert mesh.objects("lake/") == []


def test_the_scratch_folder_is_private_and_empty_after_a_good_run(mesh: AwsMesh, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    from tests.conftest import ROOT

    mesh.export("Patient.ndjson", [patient(1)])
    seen: list[tuple[str, int]] = []

    def look(asked) -> None:
        for path in mesh.scratch.rglob("*"):
            seen.append((path.name, path.stat().st_mode & 0o777))

    mesh.watched.watch = look
    command = [sys.executable, "-m", "caremesh", "run", "--landing", str(mesh.landing), "--lake", str(mesh.place)]
    env = {**os.environ, "CAREMESH_SCRATCH": str(mesh.scratch), "PYTHONPATH": str(ROOT)}
    land = [*command[:3], "land", *command[4:], "--project", str(mesh.project)]
    flatten = [*command[:3], "flatten", *command[6:], "--project", str(mesh.project)]
    assert [subprocess.run(c, env=env, check=False, capture_output=True).returncode for c in (land, flatten)] == [0, 0]
    assert any(name.endswith(".parquet") for name, _ in seen), "there was something to protect"
    assert {(name, mode) for name, mode in seen if mode & 0o007} == set()
    assert [p.name for p in mesh.scratch.rglob("*") if p.is_file()] == ["run.lock"]
