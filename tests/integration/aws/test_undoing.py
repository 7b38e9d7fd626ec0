"""What one writer of a lake in S3 does between two requests of another one is not undone.

Each test says at which request of the first the second acts; ADR 10 lists all writes, and what guards them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from caremesh.errors import LakeLockedError, PublishError
from caremesh.lake.curated import CuratedBuild, CuratedTable
from caremesh.lake.glue_pointers import GluePointers
from caremesh.lake.ledger import LandedExport, Ledger
from caremesh.lake.ledger_changes import change_held_ledger
from caremesh.lake.pointer import Move, Pointer
from caremesh.lake.release import Manifest
from caremesh.pipeline import forget_export
from caremesh.products import find_domains
from caremesh.stages.register import register
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked
from tests.integration.small_mesh import patient

LONG_AFTER = "2999-01-01T00:00:00Z"
PASSED: dict[str, Any] = {"passed": True, "results": []}
HOME = "products/clinical/patient/releases"

Step = tuple[str, str, Callable[[], Any]]
"""At the first request of this operation, on a key or table whose name holds this, do something first."""


def interleave(mesh: AwsMesh, *steps: Step) -> list[str]:
    """Let others act between the requests that follow, one after the other; gives a list that tells who acted."""
    left, acted = list(steps), []

    def watch(asked: Asked) -> None:
        name = str(asked.params.get("Key") or asked.params.get("Name") or asked.params.get("TableInput") or "")
        if left and asked.operation == left[0][0] and left[0][1] in name:
            _, _, act = left.pop(0)
            mesh.watched.watch = None
            act()
            acted.append(asked.operation)
            mesh.watched.watch = watch

    mesh.watched.watch = watch
    return acted


def nothing() -> None:
    """Nobody acts: only the request is waited for."""


def manifest(mesh: AwsMesh, release: str, run: str = "old") -> Manifest:
    product = mesh.product()
    return Manifest(
        product=product.id,
        release=release,
        made_at="2026-01-01T00:00:00Z",
        contract_version="1.0.0",
        contract_digest=product.contract_digest,
        query_digest="0",
        rows=1,
        bytes=4,
        columns=tuple((c.name, c.sql_type) for c in product.columns),
        inputs=(),
        unresolved_references=(),
        data=f"data/{run}",
        quarantine=f"quarantine/{run}",
        verdict=PASSED,
    )


def keep(mesh: AwsMesh, release: str, run: str = "old", *, verdict: dict[str, Any] | None = PASSED) -> None:
    """Put a whole release into the lake, made by a run, to which nothing points."""
    objects = mesh.lake().objects
    objects.write(f"{HOME}/{release}/data/{run}/part-0.parquet", b"rows")
    objects.write(f"{HOME}/{release}/report.html", b"<html>")
    made = replace(manifest(mesh, release, run), verdict=verdict)
    objects.write_json(f"{HOME}/{release}/manifest.json", made.to_json())


def publish(mesh: AwsMesh, release: str) -> None:
    """Another run publishes a release."""
    lake, product = mesh.lake(), mesh.product()
    lake.publish(product, release, at="2026-03-01T00:00:00Z", seen=lake.pointer(product))


def prune(mesh: AwsMesh, release: str) -> None:
    """Another run prunes a release that nobody wants."""
    assert mesh.lake().remove_release(mesh.product(), release) > 0


def published(mesh: AwsMesh) -> list[str]:
    pointer = mesh.lake().pointer(mesh.product())
    return [move.release for move in pointer.history] if pointer else []


def keys(mesh: AwsMesh, release: str) -> list[str]:
    return [key.removeprefix(f"lake/{HOME}/{release}/") for key in mesh.objects(f"lake/{HOME}/{release}/")]


# going back from a release that was pruned

MOVES = {True: "glue:UpdateTable", False: "glue:CreateTable"}


@pytest.mark.parametrize("is_first", [True, False])
def test_going_back_from_a_pruned_release_leaves_the_newer_pointer_of_another_run(
    mesh: AwsMesh, is_first: bool
) -> None:
    lake, product = mesh.lake(), mesh.product()
    for release in ("r0", "r1", "r2"):
        keep(mesh, release)
    if not is_first:
        publish(mesh, "r0")
    acted = interleave(
        mesh,
        (MOVES[not is_first], "", lambda: prune(mesh, "r1")),
        ("s3:GetObject", "r1/manifest.json", lambda: publish(mesh, "r2")),
    )
    with pytest.raises(PublishError, match="pruned meanwhile"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=lake.pointer(product))
    assert len(acted) == 2
    assert published(mesh) == (["r1", "r2"] if is_first else ["r0", "r1", "r2"])
    assert mesh.table()["StorageDescriptor"]["Location"].endswith("/r2/data/old/")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_run_that_publishes_while_another_goes_back_is_not_overwritten(mesh: AwsMesh, is_first: bool) -> None:
    lake, product = mesh.lake(), mesh.product()
    for release in ("r0", "r1", "r2"):
        keep(mesh, release)
    if not is_first:
        publish(mesh, "r0")
    acted = interleave(
        mesh,
        (MOVES[not is_first], "", lambda: prune(mesh, "r1")),
        # Between the look at the pointer and the request that takes it back.
        ("glue:UpdateTable", "", lambda: publish(mesh, "r2")),
    )
    with pytest.raises(PublishError, match="pruned meanwhile"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=lake.pointer(product))
    assert len(acted) == 2
    assert published(mesh)[-2:] == ["r1", "r2"]


def test_a_first_publication_that_is_taken_back_shows_nothing_and_the_next_one_takes_its_place(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    keep(mesh, "r1")
    keep(mesh, "r2")
    interleave(mesh, ("glue:CreateTable", "", lambda: prune(mesh, "r1")))
    with pytest.raises(PublishError, match="pruned meanwhile"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=None)
    assert (lake.pointer(product), lake.current(product), lake.releases(product)) == (None, None, ())
    assert mesh.objects(mesh.table()["StorageDescriptor"]["Location"].removeprefix(f"s3://{mesh.bucket}/")) == []
    lake.publish(product, "r2", at="2026-03-01T00:00:00Z", seen=None)
    assert published(mesh) == ["r2"]


def test_two_first_publications_after_one_was_taken_back_are_one_after_the_other(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    for release in ("r1", "r2", "r3"):
        keep(mesh, release)
    interleave(mesh, ("glue:CreateTable", "", lambda: prune(mesh, "r1")))
    with pytest.raises(PublishError, match="pruned meanwhile"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=None)
    acted = interleave(mesh, ("glue:UpdateTable", "", lambda: publish(mesh, "r2")))
    with pytest.raises(PublishError, match="another run moved the pointer"):
        lake.publish(product, "r3", at="2026-03-01T00:00:00Z", seen=None)
    assert (acted, published(mesh)) == (["glue:UpdateTable"], ["r2"])


# prune


@pytest.mark.parametrize("is_wanted", [True, False])
def test_prune_leaves_what_another_run_makes_anew_meanwhile(mesh: AwsMesh, is_wanted: bool) -> None:
    keep(mesh, "r1")

    def make_anew() -> None:
        keep(mesh, "r1", "new")
        if is_wanted:
            mesh.lake().set_aside(mesh.product(), "r1", seen=None)

    # After the manifest went, and before the second look.
    acted = interleave(mesh, ("s3:DeleteObjects", "", nothing), ("s3:GetObject", "candidate.json", make_anew))
    mesh.lake().remove_release(mesh.product(), "r1")
    assert len(acted) == 2
    found = mesh.lake().find_manifest(mesh.product(), "r1")
    assert found is not None
    assert found.data == "data/new"
    assert {"data/new/part-0.parquet", "manifest.json", "report.html"} <= set(keys(mesh, "r1"))


def test_a_release_that_is_wanted_after_all_is_put_back_whole(mesh: AwsMesh) -> None:
    keep(mesh, "r1")
    before = keys(mesh, "r1")
    acted = interleave(
        mesh,
        ("s3:DeleteObjects", "", nothing),
        ("s3:GetObject", "candidate.json", lambda: mesh.lake().set_aside(mesh.product(), "r1", seen=None)),
    )
    assert mesh.lake().remove_release(mesh.product(), "r1") == 0
    assert (len(acted), keys(mesh, "r1")) == (2, before)
    page = mesh.local.client("s3").get_object(Bucket=mesh.bucket, Key=f"lake/{HOME}/r1/report.html")
    assert page["ContentType"] == "text/html; charset=utf-8"


def test_files_of_a_release_that_prune_removes_while_they_are_brought_are_refused(mesh: AwsMesh) -> None:
    keep(mesh, "r1")
    lake, product = mesh.lake(), mesh.product()
    acted = interleave(mesh, ("s3:ListObjectsV2", "", lambda: prune(mesh, "r1")))
    with pytest.raises(LakeLockedError, match="pruned meanwhile"):
        lake.part_files(product, manifest(mesh, "r1"), "data/old")
    assert acted == ["s3:ListObjectsV2"]


def test_lines_of_a_quarantine_that_prune_removes_are_not_taken_for_none(mesh: AwsMesh) -> None:
    keep(mesh, "r1")
    prune(mesh, "r1")
    with pytest.raises(LakeLockedError, match="pruned meanwhile"):
        list(mesh.lake().quarantine_parts(mesh.product(), manifest(mesh, "r1")))


# verdicts


def test_a_verdict_does_not_bring_a_pruned_candidate_back(mesh: AwsMesh) -> None:
    keep(mesh, "r1", verdict=None)
    acted = interleave(mesh, ("s3:PutObject", "r1/manifest.json", lambda: prune(mesh, "r1")))
    with pytest.raises(LakeLockedError, match="pruned meanwhile"):
        mesh.lake().judge_candidate(mesh.product(), manifest(mesh, "r1"), "<html>")
    assert acted == ["s3:PutObject"]
    assert mesh.lake().find_manifest(mesh.product(), "r1") is None


def test_a_verdict_on_files_of_an_older_making_is_not_stored_over_a_newer_one(mesh: AwsMesh) -> None:
    keep(mesh, "r1", "new", verdict=None)
    with pytest.raises(LakeLockedError, match="pruned meanwhile"):
        mesh.lake().judge_candidate(mesh.product(), manifest(mesh, "r1"), "<html>")
    found = mesh.lake().find_manifest(mesh.product(), "r1")
    assert found is not None
    assert (found.data, found.verdict) == ("data/new", None)


def test_of_two_verdicts_on_the_same_files_the_first_stays(mesh: AwsMesh) -> None:
    keep(mesh, "r1", verdict=None)
    first = replace(manifest(mesh, "r1"), verdict={"passed": False, "results": []})
    acted = interleave(
        mesh,
        ("s3:PutObject", "manifest.json", lambda: mesh.lake().judge_candidate(mesh.product(), first, "<first>")),
    )
    judged = mesh.lake().judge_candidate(mesh.product(), manifest(mesh, "r1"), "<second>")
    assert (acted, judged.passed) == (["s3:PutObject"], False)
    found = mesh.lake().find_manifest(mesh.product(), "r1")
    assert found is not None
    assert found.passed is False


# the ledger


def test_an_export_that_is_forgotten_while_another_run_lands_does_not_come_back(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go("land")
    mesh.export("b/Patient.ndjson", [patient(2)])
    other = mesh.settings(scratch=mesh.scratch.with_name("other"))
    acted = interleave(mesh, ("s3:PutObject", "ledger.json", lambda: forget_export(other, "a", command="another")))
    with pytest.raises(LakeLockedError, match="another run landed exports meanwhile"):
        mesh.go("land")
    assert acted == ["s3:PutObject"]
    assert mesh.lake().read_ledger().exports == ()


def test_a_run_with_nothing_new_leaves_the_ledger_to_others(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.go("land")
    before = mesh.lake().read_ledger().version
    mesh.go("land")
    assert mesh.lake().read_ledger().version == before


def test_a_change_of_the_ledger_is_made_of_what_another_run_wrote(mesh: AwsMesh) -> None:
    def with_export(name: str) -> Callable[[Ledger], Ledger]:
        return lambda ledger: ledger.with_export(LandedExport(name, "s3://x", "2026-01-01T00:00:00Z", ()))

    acted = interleave(
        mesh,
        ("s3:PutObject", "ledger.json", lambda: change_held_ledger(mesh.lake(), with_export("theirs"))),
    )
    change_held_ledger(mesh.lake(), with_export("ours"))
    assert acted == ["s3:PutObject"]
    assert [e.name for e in mesh.lake().read_ledger().exports] == ["theirs", "ours"]


# what analysts query


def build(name: str, *tables: str) -> CuratedBuild:
    made = [CuratedTable("curated", table, f"curated/{name}/{table}", "", 1, (), ()) for table in tables]
    return CuratedBuild(name, "2026-01-01T00:00:00Z", 1, tuple(made))


def show_build(mesh: AwsMesh, made: CuratedBuild) -> None:
    lake = mesh.lake()
    current = lake.read_curated()
    lake.publish_curated(replace(made, version=current.version if current else None))
    lake.show_curated([])


def test_a_curated_table_that_comes_back_while_another_run_drops_it_is_there(mesh: AwsMesh) -> None:
    show_build(mesh, build("b1", "visits", "patients"))
    acted = interleave(
        mesh, ("glue:DeleteTable", "visits", lambda: show_build(mesh, build("b3", "visits", "patients")))
    )
    show_build(mesh, build("b2", "patients"))
    assert acted == ["glue:DeleteTable"]
    shown = {name: stated["caremesh.build"] for name, stated in mesh.lake().glue.tables("curated").items()}
    assert shown == {"visits": "b3", "patients": "b3"}


def test_a_quarantine_of_a_product_that_this_project_does_not_know_stays(mesh: AwsMesh) -> None:
    mesh.put("landing/a/Patient.ndjson", b"{damaged\n" + json.dumps(patient(1)).encode() + b"\n")
    mesh.go()
    mesh.lake().show([])
    assert [product for product, _ in mesh.quarantined()] == ["clinical.patient"]


def test_a_quarantine_that_was_made_anew_is_shown_where_it_stands_now(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    mesh.put("landing/a/Patient.ndjson", b"{damaged\n" + json.dumps(patient(1)).encode() + b"\n")
    release = mesh.go().products[0].manifest
    moved = replace(release, quarantine="quarantine/anew")
    (part,) = mesh.objects(f"lake/{HOME}/{release.release}/{release.quarantine}/")
    mesh.put(f"lake/{HOME}/{release.release}/quarantine/anew/part-0.parquet", mesh.read(part))
    lake.objects.write_json(f"{HOME}/{release.release}/manifest.json", moved.to_json())
    lake.show([product])
    (found,) = mesh.local.client("glue").get_partitions(DatabaseName="quarantine", TableName="lines")["Partitions"]
    assert found["StorageDescriptor"]["Location"].endswith(f"{release.release}/quarantine/anew/")


@pytest.mark.parametrize("page", ["index.html", "clinical.patient.html"])
def test_pages_of_a_newer_lake_are_not_replaced_by_those_of_an_older_one(mesh: AwsMesh, page: str) -> None:
    domains, lake = find_domains(mesh.project / "domains"), mesh.lake()
    keep(mesh, "r0")
    keep(mesh, "r1")
    publish(mesh, "r0")

    def publish_and_register() -> None:
        publish(mesh, "r1")
        register(domains, target="aws", lake=replace(mesh.lake(), scratch_root=mesh.scratch.with_name("other")))

    acted = interleave(mesh, ("s3:PutObject", f"catalog/{page}", publish_and_register))
    register(domains, target="aws", lake=lake)
    assert acted == ["s3:PutObject"]
    assert b"r1" in mesh.read("lake/catalog/clinical.patient.html")


# the history of a pointer


def test_a_pointer_of_an_earlier_caremesh_is_shortened_and_nothing_of_it_is_lost(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    for release in ("r0", "r1", "r2"):
        keep(mesh, release)
    publish(mesh, "r0")
    moves = tuple(Move(f"r{n % 2}", f"2026-01-01T00:00:{n % 60:02}Z", "publish") for n in range(6000))
    long = {"caremesh.pointer": json.dumps(Pointer("r1", moves).to_json())}
    table = GluePointers(lake.place, lake.glue, lake.objects).table(product, manifest(mesh, "r1"), long)
    lake.glue.put(table, seen=lake.glue.find("clinical", "patient"))
    publish(mesh, "r2")
    assert len(mesh.table()["Parameters"]["caremesh.pointer"]) < 8000
    complete = lake.complete_pointer(product)
    assert complete is not None
    assert complete.history == (*moves, Move("r2", "2026-03-01T00:00:00Z", "publish"))
    assert [m.release for m in lake.releases(product)] == ["r0", "r1", "r2"]
    assert lake.rollback(product, None, at="2026-04-01T00:00:00Z") == "r1"
    assert lake.is_wanted(product, "r0")
    assert lake.retire(product, keep=1, before=LONG_AFTER) == ("r2", "r0")
    left = lake.complete_pointer(product)
    assert left is not None
    assert [m.release for m in left.history] == ["r1"] * 3001
    assert len(published(mesh)) <= 100


def test_a_run_that_lost_a_race_leaves_the_older_moves_of_the_pointer_and_its_own_go_with_prune(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    for release in ("r0", "r1", "r2"):
        keep(mesh, release)
    publish(mesh, "r0")
    moves = tuple(Move("r0", f"2026-01-01T00:00:{n % 60:02}Z", "publish") for n in range(100))
    full = {"caremesh.pointer": json.dumps(Pointer("r0", moves).to_json())}
    table = lake.pointers.table(product, manifest(mesh, "r0"), full)
    lake.glue.put(table, seen=lake.glue.find("clinical", "patient"))
    acted = interleave(mesh, ("glue:UpdateTable", "", lambda: publish(mesh, "r2")))
    with pytest.raises(PublishError, match="another run moved the pointer"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=lake.pointer(product))
    assert acted == ["glue:UpdateTable"]
    complete = lake.complete_pointer(product)
    assert complete is not None
    assert [m.release for m in complete.history] == ["r0"] * 100 + ["r2"]
    lake.sweep([product], before=LONG_AFTER)
    assert lake.complete_pointer(product) == replace(complete, version=lake.pointer(product).version)
    assert len(mesh.objects("lake/products/clinical/patient/moves/")) == 1
