"""What the environment says on AWS, and what it leaves open."""

from __future__ import annotations

from pathlib import Path

import pytest

from caremesh.cli.environment import read_aws, read_export
from caremesh.errors import UsageError
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


@pytest.mark.parametrize("name", ["POLL", "POLL_LONGEST", "FOLLOW", "RETRY"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_a_pause_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name}_SECONDS is {float(value)}"):
        read_export({f"CAREMESH_EXPORT_{name}_SECONDS": value})


def test_the_hosts_that_may_see_the_token_are_names_in_small_letters() -> None:
    assert read_export({"CAREMESH_EXPORT_TOKEN_HOSTS": " Files.host, ,b "}).token_hosts == ("files.host", "b")


def test_the_proxies_of_the_environment_are_taken_as_curl_takes_them() -> None:
    proxied = read_export({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1", "HTTP_PROXY": "http://c:1"})
    assert (proxied.https_proxy, proxied.http_proxy) == ("http://b:1", None)
    named = read_export({"http_proxy": "http://a:1", "NO_PROXY": "x,.y", "CAREMESH_EXPORT_CA_FILE": "ca.pem"})
    assert (named.http_proxy, named.no_proxy, named.ca_file) == ("http://a:1", "x,.y", Path("ca.pem"))
