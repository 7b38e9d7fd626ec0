"""Two runs at once, on two machines as it were: never a lost or half release, and a rerun brings both together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caremesh.errors import AwsError, PublishError
from caremesh.pipeline import rollback
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked, Refusal, refuse
from tests.integration.aws.worker import Worker
from tests.integration.small_mesh import patient, write_project
from tests.scale import dice, share

# Whole runs in processes of their own: minutes, and CI runs them.
pytestmark = pytest.mark.slow

PUBLISHED, LOST, LOCKED = 0, 13, 16

# What the first run has just asked for when the second begins.
MOMENTS = ("lake.json", "HeadObject landing/", "/data/", "report.html", "glue:GetDatabase")


def ids(*numbers: int) -> list[str]:
    return [f"p{n:03}" for n in sorted(numbers)]


def export_of(number: int) -> list[int]:
    """An export has three patients of its own: one or two of them would be half an export."""
    return [number * 3, number * 3 + 1, number * 3 + 2]


def expect_whole(mesh: AwsMesh, before: list[tuple[str, str]]) -> list[str]:
    """The pointer names a whole release, and no move of the pointer is lost; give the patients in it."""
    moves, lake = mesh.moves(), mesh.lake()
    assert moves[: len(before)] == before
    assert all(action == "publish" for action, _ in moves)
    release = moves[-1][1]
    manifest = lake.find_manifest(mesh.product(), release)
    assert manifest is not None
    assert manifest.passed
    found = mesh.patients()
    assert len(found) == manifest.rows == sum(i.used for i in manifest.inputs)
    assert f"/releases/{release}/{manifest.data}/" in mesh.table()["StorageDescriptor"]["Location"]
    return found


def race(mesh: AwsMesh, worker: Worker, landings: tuple[str, str], *, after: str) -> tuple[int, int]:
    """Two whole runs, the second begins when the first has got so far; how each ended."""
    jobs = [mesh.job(landing=place, scratch=f"scratch{n}") for n, place in enumerate(landings)]
    reached = threading.Event()

    def watch(asked: Asked) -> Refusal | None:
        if after in f"{asked.operation} {asked.params.get('Key', '')}":
            reached.set()
        return None

    mesh.watched.watch = watch
    one = worker.start(jobs[0])
    reached.wait(timeout=60)
    two = worker.start(jobs[1])
    return worker.wait(one), worker.wait(two)


def race_for(mesh: AwsMesh, worker: Worker, rounds: int, *, moments: Sequence[str]) -> dict[str, int]:
    """Let two runs meet so many times; give how often each pair of ends came."""
    told: dict[str, int] = {}
    here: set[int] = set()
    for turn in range(rounds):
        same, before = turn % 2 == 1, mesh.moves() if turn else []
        new = [export_of(2 * turn), export_of(2 * turn + 1)]
        landings = ("landing/a", "landing/a" if same else "landing/b")
        for number, (landing, numbers) in enumerate(zip(landings, new, strict=True)):
            name = f"{landing.removeprefix('landing/')}/export-{turn}-{number}/Patient.ndjson"
            mesh.export(name, [patient(n) for n in numbers])
        ends = race(mesh, worker, landings, after=moments[turn // 2 % len(moments)])
        told[str(sorted(ends))] = told.get(str(sorted(ends)), 0) + 1
        assert set(ends) <= {PUBLISHED, LOST, LOCKED}
        assert PUBLISHED in ends
        found, union = expect_whole(mesh, before), here | {*new[0], *new[1]}
        complete = [union] if same or ends == (0, 0) else [union, here | {*new[0]}, here | {*new[1]}]
        assert found in [ids(*c) for c in complete]
        here = union
        before = mesh.moves()
        for landing in dict.fromkeys(landings):
            assert worker.run(mesh.job(landing=landing)) == PUBLISHED
        assert expect_whole(mesh, before) == ids(*here)
        assert mesh.quarantined() == {}
    return told


ROUNDS, ROUNDS_OF_A_LAKE = 50, 10


def test_two_runs_at_once_lose_nothing(mesh: AwsMesh, worker: Worker, record_property) -> None:
    left, number = share(ROUNDS), 0
    moments = dice("two publishers").sample(MOMENTS, len(MOMENTS))
    while left:
        rounds = min(left, ROUNDS_OF_A_LAKE)
        told = race_for(mesh, worker, rounds, moments=moments)
        record_property(f"lake {number}", told)
        print(told)  # noqa: T201
        empty(mesh)
        left, number = left - rounds, number + 1


def empty(mesh: AwsMesh) -> None:
    """Remove lake, landing zone and tables."""
    s3, glue = mesh.local.client("s3"), mesh.local.client("glue")
    for key in mesh.objects():
        s3.delete_object(Bucket=mesh.bucket, Key=key)
    for database in glue.get_databases()["DatabaseList"]:
        glue.delete_database(Name=database["Name"])


def meanwhile(mesh: AwsMesh, operation: str, of: str, action: Any) -> list[str]:
    """Do something right before the first such request is answered; gives a list that is filled when it was done."""
    done: list[str] = []

    def watch(asked: Asked) -> Refusal | None:
        if asked.operation == operation and of in str(asked.params.get("Key", "")):
            mesh.watched.watch = None
            action()
            done.append(asked.operation)
        return None

    mesh.watched.watch = watch
    return done


def test_a_slow_run_does_not_publish_over_a_newer_release(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go()
    mesh.export("b/Patient.ndjson", [patient(2)])

    def publish_more() -> None:
        mesh.export("c/Patient.ndjson", [patient(3)])
        mesh.go(scratch=mesh.scratch.with_name("other"))

    done = meanwhile(mesh, "s3:PutObject", "/data/", publish_more)
    with pytest.raises(PublishError, match=r"another run moved the pointer of clinical.patient") as lost:
        mesh.go()
    assert done
    assert (lost.value.hint or "").startswith("run again")
    assert mesh.patients() == ids(1, 2, 3)
    assert mesh.go().products[0].outcome == "unchanged"


@pytest.fixture
def two(mesh: AwsMesh, tmp_path: Path) -> AwsMesh:
    """A mesh of two products, of which the first has two releases; a third of both is about to be made."""
    two = replace(mesh, project=write_project(tmp_path / "two", "clinical/encounter", "clinical/patient"))
    for name, number in (("a", 1), ("b", 2)):
        two.export(f"{name}/Patient.ndjson", [patient(number)])
        two.export(f"{name}/Encounter.ndjson", [encounter(number)])
        two.go()
    two.export("c/Encounter.ndjson", [encounter(3)])
    two.put("landing/c/Patient.ndjson", b"{damaged\n")
    return two


def encounter(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": f"e{number:03}",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p001"},
    }


def test_a_product_that_lost_a_race_keeps_back_no_other(two: AwsMesh) -> None:
    before = two.moves("clinical.patient")
    back = two.settings(scratch=two.scratch.with_name("other"))
    done = meanwhile(
        two, "s3:PutObject", "/data/", lambda: rollback(back, "clinical.encounter", None, command="another")
    )
    with pytest.raises(PublishError, match=r"moved the pointer of clinical.encounter") as lost:
        two.go()
    assert "clinical.patient" not in lost.value.message
    assert done
    assert [action for action, _ in two.moves("clinical.encounter")] == ["publish", "publish", "rollback"]
    moves = two.moves("clinical.patient")
    assert (moves[:-1], moves[-1][0]) == (before, "publish")
    assert two.quarantined() == {("clinical.patient", moves[-1][1]): [1]}


def test_of_products_that_lost_a_race_all_are_named(two: AwsMesh) -> None:
    def move_both() -> None:
        for name in ("clinical.encounter", "clinical.patient"):
            rollback(two.settings(scratch=two.scratch.with_name("other")), name, None, command="another")

    done = meanwhile(two, "s3:PutObject", "/data/", move_both)
    with pytest.raises(
        PublishError, match=r"of clinical.encounter meanwhile; .* of clinical.patient meanwhile"
    ) as lost:
        two.go()
    assert done
    assert (lost.value.hint or "").startswith("run again")


def test_where_aws_stops_a_run_what_it_published_before_is_shown(two: AwsMesh) -> None:
    two.put("landing/c/Encounter-1.ndjson", b"{damaged\n")
    two.watched.watch = refuse("glue:UpdateTable", Refusal("AccessDeniedException"), of="patient")
    with pytest.raises(AwsError, match="not allowed to call UpdateTable"):
        two.go()
    assert two.quarantined() == {("clinical.encounter", two.moves("clinical.encounter")[-1][1]): [1]}


def test_a_slow_flatten_does_not_lead_to_an_older_release(mesh: AwsMesh) -> None:
    """Stages called one by one: the candidate was made from a ledger that is older than what is current."""
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go("land")

    def publish_more() -> None:
        mesh.export("b/Patient.ndjson", [patient(2)])
        mesh.go(scratch=mesh.scratch.with_name("other"))

    done = meanwhile(mesh, "s3:PutObject", "/data/", publish_more)
    mesh.go("flatten")
    assert done
    mesh.go("check")
    mesh.go("publish")
    assert mesh.patients() == ids(1, 2)


def test_of_two_runs_that_make_the_same_release_the_slower_leaves_the_files_of_the_faster(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    other = {"scratch": mesh.scratch.with_name("other")}
    done = meanwhile(mesh, "s3:PutObject", "/data/", lambda: mesh.go("flatten", **other))
    mesh.go("land", "flatten")
    assert done
    parts = sorted(k.split("/")[-3] for k in mesh.objects("lake/products/") if k.endswith(".parquet"))
    assert parts == ["data", "keys", "quarantine"]
    mesh.go("check", "publish")
    assert mesh.patients() == ids(1)


def test_a_landing_that_was_overtaken_says_so_and_changes_nothing(mesh: AwsMesh) -> None:
    from caremesh.errors import LakeLockedError

    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go("land")
    mesh.export("b/Patient.ndjson", [patient(2)])

    def land_more() -> None:
        mesh.export("c/Patient.ndjson", [patient(3)])
        mesh.go("land", scratch=mesh.scratch.with_name("other"))

    done = meanwhile(mesh, "s3:PutObject", "ledger.json", land_more)
    with pytest.raises(LakeLockedError, match="another run landed exports meanwhile"):
        mesh.go("land")
    assert done
    assert [e.name for e in mesh.lake().read_ledger().exports] == ["a", "b", "c"]


def test_two_runs_may_make_the_same_lake_at_once(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    other = {"scratch": mesh.scratch.with_name("other")}
    done: list[str] = []

    def watch(asked: Asked) -> Refusal | None:
        if asked.operation == "s3:ListObjectsV2" and not done:
            done.append("made")
            mesh.go("land", **other)
        return None

    mesh.watched.watch = watch
    assert [e.name for e in mesh.go("land").landing.ledger.exports] == ["landing"]
    assert done


def test_the_quarantine_follows_the_last_of_two_publishers(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.put("landing/a/Patient-1.ndjson", b"{damaged\n")
    mesh.go()
    done: list[str] = []

    def watch(asked: Asked) -> Refusal | None:
        # The slow run has read the pointers, and is about to bring the table in step with them.
        if asked.operation == "glue:GetPartitions" and not done:
            done.append("published")
            mesh.put("landing/b/Patient-1.ndjson", b"{damaged\n{damaged too\n")
            mesh.go(scratch=mesh.scratch.with_name("other"))
        return None

    mesh.watched.watch = watch
    mesh.go()
    assert done
    current = mesh.moves()[-1][1]
    assert {key: sorted(lines) for key, lines in mesh.quarantined().items()} == {
        ("clinical.patient", current): [1, 1, 2]
    }
