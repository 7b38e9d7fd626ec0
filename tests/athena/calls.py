"""Which IAM permissions a request to AWS needs, and a recorder of them.

What a request is called in IAM stands in https://docs.aws.amazon.com/service-authorization/latest/reference/ under
`list_amazons3.html`, `list_awsglue.html`, `list_amazonathena.html` and `list_awskeymanagementservice.html`. A double:
nothing is ever refused for want of a permission, and conditions and bucket policies are not looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

ACCOUNT = "123456789012"
REGION = "us-east-1"
CATALOG = "AwsDataCatalog"

# Where the action of S3 is not called as its operation is.
S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetObjectAttributes": "GetObject",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

# How the service of a signature is called in IAM, where that differs.
IAM_PREFIXES = {"monitoring": "cloudwatch"}


@dataclass(frozen=True, order=True)
class Call:
    """One permission that was needed: an action, as `s3:PutObject`, on the ARN of a resource."""

    action: str
    resource: str


class Recorder:
    """Remembers calls in the order in which they came; several threads may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(self, calls: Iterable[Call]) -> None:
        """Remember calls."""
        with self._lock:
            self._calls.extend(calls)

    def calls(self) -> list[Call]:
        """All calls since the last `forget`."""
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._calls.clear()


def needed_calls(
    service: str, operation: str, params: Mapping[str, Any], *, headers: Mapping[str, str]
) -> Iterator[Call]:
    """The calls that a request makes; `params` are its parameters by the names of the service's model."""
    if service == "s3":
        yield from _s3_calls(operation, params, headers)
        return
    resources = {"glue": _glue_resources, "athena": _athena_resources, "kms": _kms_resources}.get(service, _anything)
    action = f"{IAM_PREFIXES.get(service, service)}:{operation}"
    yield from (Call(action, resource) for resource in resources(operation, params))


def answer_calls(operation: str, params: Mapping[str, Any], *, status: int, headers: Mapping[str, str]) -> list[Call]:
    """The calls of a request to S3 that only its answer tells: of the key of an object, and for a missing object.

    Without `s3:ListBucket` a missing object gives 403 and not 404
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions").
    """
    if status == 404 and operation in ("GetObject", "HeadObject"):
        return [Call("s3:ListBucket", bucket_arn(params["Bucket"]))]
    if headers.get("x-amz-server-side-encryption") != "aws:kms" or status >= 300:
        return []
    key = key_arn(headers.get("x-amz-server-side-encryption-aws-kms-key-id") or "alias/aws/s3")
    if operation == "GetObject":
        return [Call("kms:Decrypt", key)]
    if operation in ("CreateMultipartUpload", "CompleteMultipartUpload"):
        # Later parts are written with the key that the first call made.
        return [Call("kms:GenerateDataKey", key), Call("kms:Decrypt", key)]
    return [Call("kms:GenerateDataKey", key)] if operation in ("PutObject", "CopyObject") else []


def bucket_arn(bucket: str, key: str | None = None) -> str:
    """The ARN of a bucket, or of an object in it."""
    return f"arn:aws:s3:::{bucket}" if key is None else f"arn:aws:s3:::{bucket}/{key}"


def key_arn(name: str) -> str:
    """The ARN of a KMS key or alias by its id, its alias or its ARN."""
    if name.startswith("arn:"):
        return name
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:{name if name.startswith('alias/') else f'key/{name}'}"


def _s3_calls(operation: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[Call]:
    action = f"s3:{S3_ACTIONS.get(operation, operation)}"
    if operation in ("CopyObject", "UploadPartCopy"):
        source = unquote(headers["x-amz-copy-source"]).lstrip("/").partition("?")[0]
        yield Call("s3:GetObject", f"arn:aws:s3:::{source}")
    if operation == "DeleteObjects":
        yield from (Call(action, bucket_arn(params["Bucket"], key)) for key in params["Keys"])
        return
    yield Call(action, bucket_arn(params["Bucket"], params.get("Key")) if "Bucket" in params else "*")


def _glue_resources(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    """A table needs its database and the catalog too, and who deletes a database must own all in it.

    https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    """
    prefix = f"arn:aws:glue:{REGION}:{ACCOUNT}"
    yield f"{prefix}:catalog"
    database = params.get("DatabaseName") or params.get("DatabaseInput", {}).get("Name")
    if database is None and operation in ("GetDatabase", "DeleteDatabase", "UpdateDatabase"):
        database = params["Name"]
    if operation == "GetDatabases":
        database = "*"
    if database is None:
        return
    yield f"{prefix}:database/{database}"
    table = params.get("TableName") or params.get("TableInput", {}).get("Name")
    if operation in ("GetTable", "DeleteTable"):
        table = params["Name"]
    if operation in ("GetTables", "DeleteDatabase", "BatchDeleteTable"):
        table = "*"
    if table is not None:
        yield f"{prefix}:table/{database}/{table}"
    if operation == "DeleteDatabase":
        yield f"{prefix}:userDefinedFunction/{database}/*"


def _athena_resources(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    prefix = f"arn:aws:athena:{REGION}:{ACCOUNT}"
    if operation in ("ListWorkGroups", "ListDataCatalogs", "ListEngineVersions"):
        yield "*"
    elif "CatalogName" in params or operation == "GetDataCatalog":
        yield f"{prefix}:datacatalog/{params.get('CatalogName') or params['Name']}"
    elif operation in ("CreateWorkGroup",):
        yield f"{prefix}:workgroup/{params['Name']}"
    else:
        yield f"{prefix}:workgroup/{params.get('WorkGroup') or 'primary'}"


def _kms_resources(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    yield key_arn(params["KeyId"]) if "KeyId" in params else "*"


def _anything(operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    yield "*"
