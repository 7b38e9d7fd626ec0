"""The local AWS without Athena: changes are atomic, and every request is recorded as what IAM calls it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.athena.calls import Call
from tests.athena.local_aws import LocalAws

ARN = "arn:aws:glue:us-east-1:123456789012"


def at_once(action: Callable[[int], object], times: int = 12) -> list[str]:
    """Call an action in parallel; give for each call the code of its error, or `done`."""

    def attempt(number: int) -> str:
        try:
            action(number)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(attempt, range(times)))


def table(**parameters: str) -> dict[str, object]:
    storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://nowhere/t/"}
    return {"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "Parameters": parameters}


@pytest.fixture
def database(storage: LocalAws, request: pytest.FixtureRequest) -> str:
    name = "d" + "".join(c for c in request.node.name.lower() if c.isalnum())[:60]
    storage.client("glue").create_database(DatabaseInput={"Name": name})
    return name


@pytest.fixture
def bucket(storage: LocalAws, request: pytest.FixtureRequest) -> str:
    name = "b" + "".join(c for c in request.node.name.lower() if c.isalnum())[:60]
    assert storage.make_bucket(name) == f"s3://{name}"
    return name


def test_a_stale_version_of_a_table_is_refused(storage: LocalAws, database: str) -> None:
    glue = storage.client("glue")
    glue.create_table(DatabaseName=database, TableInput=table())
    version = glue.get_table(DatabaseName=database, Name="t")["Table"]["VersionId"]
    glue.update_table(DatabaseName=database, TableInput=table(by="first"), VersionId=version)
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(DatabaseName=database, TableInput=table(by="second"), VersionId=version)
    assert glue.get_table(DatabaseName=database, Name="t")["Table"]["Parameters"] == {"by": "first"}


def test_of_parallel_updates_of_one_version_one_wins(storage: LocalAws, database: str) -> None:
    glue = storage.client("glue")
    glue.create_table(DatabaseName=database, TableInput=table())
    version = glue.get_table(DatabaseName=database, Name="t")["Table"]["VersionId"]
    ends = at_once(lambda n: glue.update_table(DatabaseName=database, TableInput=table(by=str(n)), VersionId=version))
    assert sorted(ends) == ["ConcurrentModificationException"] * 11 + ["done"]
    winner = glue.get_table(DatabaseName=database, Name="t")["Table"]["Parameters"]["by"]
    assert winner == str(ends.index("done"))


def test_of_parallel_creations_of_one_table_one_wins(storage: LocalAws, database: str) -> None:
    glue = storage.client("glue")
    ends = at_once(lambda n: glue.create_table(DatabaseName=database, TableInput=table(by=str(n))))
    assert sorted(ends) == ["AlreadyExistsException"] * 11 + ["done"]
    winner = glue.get_table(DatabaseName=database, Name="t")["Table"]["Parameters"]["by"]
    assert winner == str(ends.index("done"))


def test_of_parallel_writes_of_a_new_object_one_wins(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    ends = at_once(lambda n: s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode(), IfNoneMatch="*"))
    assert sorted(ends) == ["PreconditionFailed"] * 11 + ["done"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read().decode() == str(ends.index("done"))


def test_of_parallel_replacements_of_one_object_one_wins(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    ends = at_once(lambda n: s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode(), IfMatch=tag))
    assert sorted(ends) == ["PreconditionFailed"] * 11 + ["done"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read().decode() == str(ends.index("done"))


def test_requests_to_s3_are_recorded_as_permissions(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    storage.forget()
    s3.put_object(Bucket=bucket, Key="a/é b", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a/é b")
    s3.head_object(Bucket=bucket, Key="a/é b")
    s3.list_objects_v2(Bucket=bucket, Prefix="a/")
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "a/é b"})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}, {"Key": "a/é b"}]})
    arn = f"arn:aws:s3:::{bucket}"
    assert storage.recorded() == [
        Call("s3:PutObject", f"{arn}/a/é b"),
        Call("s3:GetObject", f"{arn}/a/é b"),
        Call("s3:GetObject", f"{arn}/a/é b"),
        Call("s3:ListBucket", arn),
        Call("s3:GetObject", f"{arn}/a/é b"),
        Call("s3:PutObject", f"{arn}/c"),
        Call("s3:DeleteObject", f"{arn}/c"),
        Call("s3:DeleteObject", f"{arn}/a/é b"),
    ]


def test_uploads_in_parts_are_recorded_as_writes(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    storage.forget()
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)
    assert set(storage.recorded()) == {Call("s3:PutObject", f"arn:aws:s3:::{bucket}/k")}


def test_a_missing_object_needs_the_permission_to_list(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    storage.forget()
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")
    assert storage.recorded() == [
        Call("s3:GetObject", f"arn:aws:s3:::{bucket}/none"),
        Call("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
    ]


def test_encrypted_objects_need_their_key(storage: LocalAws, bucket: str) -> None:
    s3 = storage.client("s3")
    key = storage.client("kms").create_key()["KeyMetadata"]["Arn"]
    storage.forget()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.get_object(Bucket=bucket, Key="k")
    arn = f"arn:aws:s3:::{bucket}/k"
    assert storage.recorded() == [
        Call("s3:PutObject", arn),
        Call("kms:GenerateDataKey", key),
        Call("s3:GetObject", arn),
        Call("kms:Decrypt", key),
    ]


def test_requests_to_glue_are_recorded_with_all_that_they_touch(storage: LocalAws, database: str) -> None:
    glue = storage.client("glue")
    storage.forget()
    glue.create_table(DatabaseName=database, TableInput=table())
    glue.update_table(DatabaseName=database, TableInput=table())
    glue.get_table(DatabaseName=database, Name="t")
    actions = ("glue:CreateTable", "glue:UpdateTable", "glue:GetTable")
    touched = (f"{ARN}:catalog", f"{ARN}:database/{database}", f"{ARN}:table/{database}/t")
    assert storage.recorded() == [Call(action, resource) for action in actions for resource in touched]


def test_identity_and_keys_answer(storage: LocalAws) -> None:
    storage.forget()
    assert storage.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert storage.recorded() == [Call("sts:GetCallerIdentity", "*")]


def test_an_environment_leads_every_client_here(storage: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    for name, value in storage.env().items():
        monkeypatch.setenv(name, value)
    storage.make_bucket("found-by-environment")
    assert "found-by-environment" in {b["Name"] for b in boto3.session.Session().client("s3").list_buckets()["Buckets"]}
