"""Landing zones in S3: the layouts, names and refusals of a folder, and an object is read as it was listed or not."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from caremesh.aws import ATTEMPTS, Aws
from caremesh.errors import AwsError, LandingError
from caremesh.pipeline import forget_export, run
from caremesh.places import S3Place
from caremesh.settings import AwsSettings
from caremesh.sources.s3 import fetch
from tests.athena.local_aws import REGION
from tests.conftest import SilentWatcher, settings_for
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked, Cut, Refusal, refuse
from tests.integration.small_mesh import patient, write_lines

FILES = {
    "Patient.ndjson": [patient(1)],
    "Patient-001.ndjson.gz": [patient(2), patient(3)],
    "Patient/Patient-1022280015944103279-3-0.ndjson": [patient(4)],
    "store-FHIR_EXPORT-1/Patient/Patient-1-0.ndjson": [patient(5)],
    "store-FHIR_EXPORT-2/Patient/Patient-1-0.ndjson.gz": [patient(6)],
}


def write_folder(folder: Path) -> None:
    for name, resources in FILES.items():
        path = write_lines(folder / name.removesuffix(".gz"), resources)
        if name.endswith(".gz"):
            (folder / name).write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()


def test_all_layouts_are_taken_in_as_from_a_folder(mesh: AwsMesh, tmp_path: Path) -> None:
    for name, resources in FILES.items():
        mesh.export(name, resources)
    remote = mesh.go("land", "flatten")
    write_folder(tmp_path / "landing")
    settings = settings_for(tmp_path / "local", tmp_path / "landing", project=mesh.project)
    local = run(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten"))

    (far,), (near,) = remote.products, local.products
    told = ("export", "name", "lines", "used", "superseded", "quarantined")
    assert [[getattr(i, t) for t in told] for i in far.manifest.inputs] == [
        [getattr(i, t) for t in told] for i in near.manifest.inputs
    ]
    assert far.manifest.exports == ("landing", "store-FHIR_EXPORT-1", "store-FHIR_EXPORT-2")
    assert (far.manifest.rows, far.manifest.lines) == (6, 6)
    sizes = [len(mesh.read(key)) for key in sorted(mesh.objects("landing/"))]
    assert sorted(f.bytes for e in remote.landing.ledger.exports for f in e.files) == sorted(sizes)


def test_what_is_passed_over_is_named_with_the_reason(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.export("Patint.ndjson", [patient(2)])
    mesh.put("landing/manifest.json", b"{}")
    mesh.put("landing/", b"")
    mesh.put("landing/.hidden/Patient.ndjson", b"not read")
    mesh.put("landing-of-others/Patient.ndjson", b"not ours")
    report = mesh.go("land", "flatten")
    ignored = {i.path: i for i in report.landing.ignored}
    wrong, other = (f"s3://{mesh.bucket}/landing/{name}" for name in ("Patint.ndjson", "manifest.json"))
    assert sorted(ignored) == [wrong, other]
    assert "no FHIR R4 resource type" in ignored[wrong].reason
    assert [ignored[wrong].is_missed, ignored[other].is_missed] == [True, False]
    assert report.products[0].manifest.rows == 1


def test_a_type_that_no_product_reads_is_counted_and_not_downloaded(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.put("landing/Observation.ndjson", b"12345")
    report = mesh.go("land", "flatten")
    assert report.landing.unused == (("Observation", 1, 5),)
    assert not [a for a in mesh.watched.asked if a.operation == "s3:GetObject" and "Observation" in a.params["Key"]]


def test_a_second_landing_finds_nothing_new_and_reads_nothing(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    first = mesh.go("land", "flatten")
    mesh.watched.asked.clear()
    second = mesh.go("land", "flatten")
    assert (first.landing.files_read, second.landing.files_read) == (1, 0)
    assert [p.is_new for p in second.products] == [False]
    assert first.landing.ledger.exports == second.landing.ledger.exports
    assert not [a for a in mesh.watched.asked if str(a.params.get("Key")).startswith("landing/")]


def test_an_object_replaced_after_it_was_landed_is_not_flattened(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go("land")
    mesh.export("Patient.ndjson", [patient(2)])
    with pytest.raises(LandingError, match="since it was landed") as refused:
        mesh.go("flatten")
    assert refused.value.where == f"s3://{mesh.bucket}/landing/Patient.ndjson"
    with pytest.raises(LandingError, match="changed after they were landed"):
        mesh.go("land")
    forget = f"caremesh land --forget landing --lake s3://{mesh.bucket}/lake"
    assert (refused.value.hint or "").endswith(f": {forget}")
    forget_export(mesh.settings(), "landing", command="test")
    assert mesh.go("land", "flatten").products[0].manifest.rows == 1


@pytest.mark.parametrize("harm", ["replaced", "removed"])
def test_an_object_that_changes_right_before_its_download_is_not_flattened(mesh: AwsMesh, harm: str) -> None:
    mesh.export("Patient.ndjson", [patient(1)])

    def change(asked: Asked) -> Refusal | None:
        if asked.operation == "s3:GetObject" and asked.params["Key"] == "landing/Patient.ndjson":
            mesh.watched.watch = None
            if harm == "replaced":
                mesh.export("Patient.ndjson", [patient(2)])
            else:
                mesh.local.client("s3").delete_object(Bucket=mesh.bucket, Key=asked.params["Key"])
        return None

    mesh.watched.watch = change
    with pytest.raises(LandingError, match="since it was landed") as refused:
        mesh.go("land", "flatten")
    assert mesh.watched.watch is None, "it changed at that moment"
    place = f"s3://{mesh.bucket}"
    assert refused.value.where == f"{place}/landing/Patient.ndjson"
    assert refused.value.hint == f"caremesh land --forget landing --lake {place}/lake"
    assert not mesh.objects("lake/products/")


def test_an_object_that_is_gone_stops_the_landing_until_its_export_is_dropped(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.export("b/Patient.ndjson", [patient(2)])
    mesh.go("land")
    mesh.local.client("s3").delete_object(Bucket=mesh.bucket, Key="landing/b/Patient.ndjson")
    with pytest.raises(LandingError, match=r"1 file.s. that were taken in are gone") as refused:
        mesh.go("land")
    assert refused.value.where == f"s3://{mesh.bucket}/landing/b/Patient.ndjson"
    assert (refused.value.hint or "").endswith(f": caremesh land --forget b --lake s3://{mesh.bucket}/lake")


@pytest.mark.slow
def test_an_object_outside_the_listed_landing_zone_only_has_to_be_there(mesh: AwsMesh) -> None:
    mesh.export("a/Patient.ndjson", [patient(1)])
    mesh.export("b/Patient.ndjson", [patient(2)])
    mesh.go("land")
    mesh.export("b/Patient.ndjson", [patient(3), patient(4)])
    first = [e.name for e in mesh.go("land", landing=S3Place(mesh.bucket, "landing/a")).landing.ledger.exports]
    assert first == ["a", "b"]
    mesh.local.client("s3").delete_object(Bucket=mesh.bucket, Key="landing/b/Patient.ndjson")
    with pytest.raises(LandingError, match="are gone, the first of export 'b'"):
        mesh.go("land", landing=S3Place(mesh.bucket, "landing/a"))


def test_an_empty_prefix_and_a_missing_bucket_are_told_apart(mesh: AwsMesh) -> None:
    with pytest.raises(LandingError, match="no export was found") as refused:
        mesh.go("land", landing=S3Place(mesh.bucket, "nothing"))
    assert refused.value.where == f"s3://{mesh.bucket}/nothing"
    with pytest.raises(AwsError, match="ListObjectsV2") as failed:
        mesh.go("land", landing=S3Place("no-such-bucket-at-all"))
    assert failed.value.hint == "check the bucket's name and region"


def test_a_missing_bucket_for_the_lake_is_named(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    with pytest.raises(AwsError) as failed:
        mesh.go("land", lake=S3Place("no-such-bucket-at-all", "lake"))
    assert failed.value.hint == "check the bucket's name and region"


@pytest.mark.slow
def test_more_than_the_scratch_folder_may_hold_is_refused_before_the_download(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    size = len(mesh.read("landing/Patient.ndjson"))
    bound = AwsSettings(region=REGION, scratch_bytes=size - 1)
    with pytest.raises(LandingError, match=f"{size} bytes of Patient are more than the {size - 1}") as refused:
        mesh.go("land", "flatten", aws=bound)
    assert refused.value.hint == "flatten them where they are: --engine athena; or raise CAREMESH_SCRATCH_BYTES"
    assert not [a for a in mesh.watched.asked if a.operation == "s3:GetObject" and "landing" in a.params["Key"]]
    assert mesh.go("land", "flatten", aws=replace(bound, scratch_bytes=size)).products[0].manifest.rows == 1


def test_a_broken_gzip_object_is_named_and_its_content_is_not(mesh: AwsMesh) -> None:
    whole = gzip.compress(json.dumps(patient(1, note="a word of the patient")).encode())
    mesh.put("landing/Patient.ndjson.gz", whole[:-12])
    with pytest.raises(LandingError, match="no whole gzip file") as refused:
        mesh.go("land", "flatten")
    assert refused.value.where == f"s3://{mesh.bucket}/landing/Patient.ndjson.gz"
    assert not list(mesh.scratch.rglob("*.ndjson.gz")), "nothing of the download is left here"


def test_a_folder_lands_in_a_lake_in_s3(mesh: AwsMesh, tmp_path: Path) -> None:
    write_lines(tmp_path / "export" / "Patient.ndjson", [patient(1), patient(2)])
    report = mesh.go("land", "flatten", landing=tmp_path / "export")
    assert report.products[0].manifest.rows == 2
    assert mesh.objects("lake/products/clinical/patient/releases/")


def test_objects_in_s3_land_in_a_lake_in_a_folder(mesh: AwsMesh, tmp_path: Path) -> None:
    mesh.export("export/Patient.ndjson", [patient(1), patient(2)])
    report = mesh.go("land", "flatten", lake=tmp_path / "lake")
    assert report.products[0].manifest.rows == 2
    assert not mesh.objects("lake/")
    assert (tmp_path / "lake" / "ledger.json").exists()


@pytest.mark.slow
def test_more_objects_than_one_page_of_a_listing_are_all_found(mesh: AwsMesh) -> None:
    for number in range(1100):
        mesh.put(f"landing/Patient-{number:04}.ndjson", b"\n")
    assert mesh.go("land").landing.files_read == 1100


@pytest.mark.parametrize("harm", [Refusal("InternalError", 500), Cut()], ids=["refused", "cut"])
def test_a_download_that_fails_once_is_tried_again_from_its_start(mesh: AwsMesh, harm: Refusal | Cut) -> None:
    mesh.export("Patient.ndjson", [patient(1), patient(2)])
    mesh.watched.watch = refuse("s3:GetObject", harm, of="landing/Patient.ndjson", times=1)
    assert mesh.go("land", "flatten").products[0].manifest.rows == 2
    assert count_downloads(mesh) == 2


def test_a_download_that_always_breaks_off_ends_in_words(mesh: AwsMesh, tmp_path: Path) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    files = mesh.go("land").landing.ledger.files_of("Patient")
    mesh.watched.watch = refuse("s3:GetObject", Cut(), of="landing/Patient.ndjson")
    pauses: list[float] = []
    with pytest.raises(AwsError, match="AWS did not answer"):
        fetch(Aws(mesh.settings().aws), files, tmp_path / "here", again=str, pause=pauses.append)
    assert count_downloads(mesh) == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert pauses == sorted(pauses)


def count_downloads(mesh: AwsMesh) -> int:
    """How often an object of the landing zone was asked for."""
    return sum(a.operation == "s3:GetObject" and a.params["Key"].startswith("landing/") for a in mesh.watched.asked)
