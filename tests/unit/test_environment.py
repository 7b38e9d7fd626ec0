"""What the environment says on AWS, and what it leaves open."""

from __future__ import annotations

from caremesh.cli.environment import read_aws
from caremesh.settings import AwsSettings

NAMES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "CAREMESH_ATHENA_WORK_GROUP",
    "CAREMESH_ATHENA_OUTPUT",
    "CAREMESH_ATHENA_BYTES_LIMIT",
    "CAREMESH_KMS_KEY",
    "CAREMESH_AUTO_BYTES",
    "CAREMESH_SCRATCH_BYTES",
    "CAREMESH_ATHENA_PRICE_PER_TB",
    "CAREMESH_ATHENA_POLL_SECONDS",
)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_aws(dict.fromkeys(NAMES, "")) == read_aws({}) == AwsSettings()


def test_what_is_set_is_taken() -> None:
    stated = {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1", "CAREMESH_KMS_KEY": "alias/mesh"}
    stated |= {"CAREMESH_ATHENA_WORK_GROUP": "mesh", "CAREMESH_ATHENA_OUTPUT": "s3://results/mesh"}
    expected = AwsSettings(
        region="eu-west-1", work_group="mesh", query_output="s3://results/mesh", kms_key="alias/mesh"
    )
    assert read_aws(stated) == expected
