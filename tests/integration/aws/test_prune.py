"""What prune may remove in S3 while others work there, and what runs may remove of each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from caremesh.aws.glue import GlueColumn, GlueTable
from caremesh.errors import LakeError, PublishError
from caremesh.lake.aws import AwsLake
from caremesh.lake.curated import CuratedBuild, CuratedTable
from caremesh.lake.release import Manifest
from tests.integration.aws.aws_mesh import AwsMesh

LONG_AFTER = "2999-01-01T00:00:00Z"
VERDICT = {"passed": True, "results": []}


def manifest(mesh: AwsMesh, release: str, run: str = "old") -> Manifest:
    """The manifest of a release that a run made and that passed its checks."""
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
        verdict=VERDICT,
    )


def keep_release(mesh: AwsMesh, release: str) -> str:
    """Put a whole release into the lake, to which nothing points; give its key."""
    home = f"products/clinical/patient/releases/{release}"
    objects = mesh.lake().objects
    objects.write(f"{home}/data/old/part-0.parquet", b"rows")
    objects.write_json(f"{home}/manifest.json", manifest(mesh, release).to_json())
    return home


def curated_build(name: str, *tables: str) -> CuratedBuild:
    made = [CuratedTable("curated", table, f"curated/{name}/{table}", "", 1, (), ()) for table in tables]
    return CuratedBuild(name, "2026-01-01T00:00:00Z", 1, tuple(made))


def test_a_release_that_nobody_wants_goes_once_it_is_old(mesh: AwsMesh) -> None:
    lake = mesh.lake()
    home = keep_release(mesh, "r0")
    assert lake.sweep([mesh.product()], before="2000-01-01T00:00:00Z") == 0
    assert lake.sweep([mesh.product()], before=LONG_AFTER) == 2
    assert list(lake.objects.list(home)) == []


def test_the_current_release_stays_and_files_of_a_lost_race_beside_it_go(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    home = keep_release(mesh, "r0")
    lake.publish(product, "r0", at="2026-01-01T00:00:00Z", seen=None)
    lake.objects.write(f"{home}/data/lost/part-0.parquet", b"rows")
    lake.objects.write(f"{home}/report.html", b"<html>")
    assert lake.sweep([product], before=LONG_AFTER) == 1
    assert [k.removeprefix(f"{home}/") for k in lake.objects.list(home)] == [
        "data/old/part-0.parquet",
        "manifest.json",
        "report.html",
    ]


def test_a_release_that_is_published_while_prune_is_at_it_is_whole_or_refused(
    mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, other, product = mesh.lake(), mesh.lake(), mesh.product()
    home = keep_release(mesh, "r0")
    wanted = AwsLake.is_wanted
    asked: list[bool] = []

    def publish_after_the_last_look(self: AwsLake, *arguments: object) -> bool:
        asked.append(wanted(self, *arguments))  # type: ignore[arg-type]
        if len(asked) == 3:
            with pytest.raises(PublishError, match="r0"):
                other.publish(product, "r0", at="2026-01-01T00:00:00Z", seen=None)
        return asked[-1]

    monkeypatch.setattr(AwsLake, "is_wanted", publish_after_the_last_look)
    assert lake.sweep([product], before=LONG_AFTER) == 2
    assert (len(asked), other.pointer(product), list(other.objects.list(home))) == (3, None, [])


def test_a_release_that_is_published_before_the_last_look_of_prune_stays(
    mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, other, product = mesh.lake(), mesh.lake(), mesh.product()
    home = keep_release(mesh, "r0")
    wanted = AwsLake.is_wanted
    asked: list[bool] = []

    def publish_before_the_first_look(self: AwsLake, *arguments: object) -> bool:
        if len(asked) == 1:
            other.publish(product, "r0", at="2026-01-01T00:00:00Z", seen=None)
        asked.append(wanted(self, *arguments))  # type: ignore[arg-type]
        return asked[-1]

    monkeypatch.setattr(AwsLake, "is_wanted", publish_before_the_first_look)
    assert lake.sweep([product], before=LONG_AFTER) == 0
    assert len(list(other.objects.list(home))) == 2
    assert other.current(product).release == "r0"


def test_an_answer_that_is_lost_while_another_run_judges_leaves_the_files_of_the_release(
    mesh: AwsMesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, fast, product = mesh.lake(), mesh.lake(), mesh.product()
    made = replace(manifest(mesh, "r1", run="slow"), verdict=None)
    built = tmp_path / "built"
    (built / made.data).mkdir(parents=True)
    (built / made.data / "part-0.parquet").write_bytes(b"rows")
    client = slow.aws.client("s3")
    put = client.put_object

    def lose_the_answer(**request: object) -> object:
        if str(request["Key"]).endswith("manifest.json"):
            put(**request)
            fast.judge_candidate(product, made.with_verdict(VERDICT), "<html>")
            fast.publish(product, "r1", at="2026-01-01T00:00:00Z", seen=None)
        return put(**request)

    monkeypatch.setattr(client, "put_object", lose_the_answer)
    assert slow.add_candidate(product, built, made).verdict == VERDICT
    home = "products/clinical/patient/releases/r1/data/slow"
    assert list(fast.objects.list(home)) == [f"{home}/part-0.parquet"]


@pytest.mark.slow
def test_a_candidate_that_is_older_than_the_current_release_does_not_come_back_with_prune(mesh: AwsMesh) -> None:
    lake, product = mesh.lake(), mesh.product()
    for month, release in enumerate(("r1", "r2", "r3"), start=1):
        keep_release(mesh, release)
        lake.publish(product, release, at=f"2026-0{month}-01T00:00:00Z", seen=lake.pointer(product))
        if release == "r2":
            seen = lake.pointer(product)
    keep_release(mesh, "r0")
    lake.set_aside(product, "r0", seen=seen)
    assert lake.candidates(product) == ()
    assert lake.retire(product, keep=1, before=LONG_AFTER) == ("r2", "r1")
    assert lake.candidates(product) == ()


def test_a_curated_table_of_somebody_else_is_refused_and_left_alone(mesh: AwsMesh) -> None:
    lake = mesh.lake()
    lake.glue.ensure_database("curated", "theirs")
    theirs = GlueTable("curated", "patient_summary", "theirs", "s3://other/x/", [GlueColumn("a", "string")])
    lake.glue.put(theirs, seen=None)
    lake.publish_curated(curated_build("b1", "patient_summary"))
    with pytest.raises(LakeError, match="not of this lake"):
        lake.show_curated([])
    found = lake.glue.find("curated", "patient_summary")
    assert found is not None
    assert found.location == "s3://other/x/"


def test_an_older_run_drops_no_table_of_a_newer_build(mesh: AwsMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = mesh.lake(), mesh.lake()
    older.publish_curated(curated_build("b1", "patient_summary"))
    read, calls = AwsLake.read_curated, []

    def overtaken(self: AwsLake) -> CuratedBuild | None:
        found = read(self)
        calls.append(found)
        if len(calls) == 1:
            build = curated_build("b2", "patient_summary", "new_one")
            newer.publish_curated(replace(build, version=found.version if found else None))
            newer.show_curated([])
        return found

    monkeypatch.setattr(AwsLake, "read_curated", overtaken)
    older.show_curated([])
    tables = {name: stated["caremesh.build"] for name, stated in newer.glue.tables("curated").items()}
    assert tables == {"patient_summary": "b2", "new_one": "b2"}


def test_a_folder_of_the_console_among_the_pages_is_no_page(mesh: AwsMesh) -> None:
    lake = mesh.lake()
    lake.objects.write("catalog/", b"")
    lake.objects.write("catalog/index.html", b"<html>")
    with lake.catalog_folder() as folder:
        assert [f.name for f in folder.iterdir()] == ["index.html"]


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "r0"])
def test_a_pointer_that_moved_to_a_release_which_prune_just_removed_moves_back(
    mesh: AwsMesh, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, product = mesh.lake(), mesh.product()
    keep_release(mesh, "r1")
    if before:
        keep_release(mesh, before)
        lake.publish(product, before, at="2026-01-01T00:00:00Z", seen=None)
    client = lake.aws.client("glue")
    operation = "update_table" if before else "create_table"
    change = getattr(client, operation)

    def prune_first(**request: object) -> object:
        monkeypatch.setattr(client, operation, change)
        mesh.lake().remove_release(product, "r1")
        return change(**request)

    monkeypatch.setattr(client, operation, prune_first)
    with pytest.raises(PublishError, match="pruned meanwhile"):
        lake.publish(product, "r1", at="2026-02-01T00:00:00Z", seen=lake.pointer(product))
    now = lake.pointer(product)
    assert (now.release if now else None) == before
