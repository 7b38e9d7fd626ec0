"""Where the settings name a KMS key, every object that is written is encrypted with it."""

from __future__ import annotations

import pytest

from caremesh.settings import AwsSettings
from tests.athena.local_aws import REGION
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient

# Whole runs in processes of their own: minutes, and CI runs them.
pytestmark = pytest.mark.slow

WRITES = ("s3:PutObject", "s3:CreateMultipartUpload", "s3:CopyObject")


def test_every_write_of_a_run_carries_the_key(mesh: AwsMesh) -> None:
    key = mesh.local.client("kms").create_key()["KeyMetadata"]["Arn"]
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.put("landing/Patient-1.ndjson", b"{damaged\n")
    mesh.watched.asked.clear()
    mesh.go("land", "flatten", "check", "publish", "register", aws=AwsSettings(region=REGION, kms_key=key))
    written = [a for a in mesh.watched.asked if a.operation in WRITES]
    kinds = ("ledger.json", "lake.json", ".parquet", "manifest.json", "report.html", "candidate.json", "index.html")
    assert {k for k in kinds if any(a.params["Key"].endswith(k) for a in written)} == set(kinds)
    stated = {a.params["Key"]: (sse(a), a.headers.get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")) for a in written}
    assert {k: v for k, v in stated.items() if v != ("aws:kms", key)} == {}
    heads = {k: mesh.local.client("s3").head_object(Bucket=mesh.bucket, Key=k) for k in mesh.objects("lake/")}
    assert {k for k, h in heads.items() if h.get("SSEKMSKeyId") != key} == set()


def test_an_upload_in_parts_carries_the_key(mesh: AwsMesh, tmp_path) -> None:
    key = mesh.local.client("kms").create_key()["KeyMetadata"]["Arn"]
    (tmp_path / "large").write_bytes(b"x" * (20 << 20))
    lake = mesh.lake()
    lake.aws.__init__(AwsSettings(region=REGION, kms_key=key))
    lake.objects.upload(tmp_path / "large", "large")
    assert [a.operation for a in mesh.watched.asked if a.operation == "s3:CreateMultipartUpload"]
    head = mesh.local.client("s3").head_object(Bucket=mesh.bucket, Key="lake/large")
    assert (head["ContentLength"], head.get("SSEKMSKeyId")) == (20 << 20, key)


def test_without_a_key_the_bucket_decides(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.watched.asked.clear()
    mesh.go("land", "flatten")
    assert {sse(a) for a in mesh.watched.asked if a.operation in WRITES} == {None}


def sse(asked) -> str | None:
    return asked.headers.get("X-Amz-Server-Side-Encryption")
