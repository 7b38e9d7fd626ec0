"""What is said of a failure of Athena: its kind, and nothing that may quote a row."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pyathena.error import OperationalError

from quality.athena_engine import error_kind

DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "Zachariah"}}, "StartQueryExecution")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DENIED, "AccessDeniedException"),
        (caused(OperationalError("An error occurred: Zachariah"), DENIED), "AccessDeniedException"),
        (OperationalError("HIVE_BAD_DATA: Field a's value 'Zachariah' is no number"), "HIVE_BAD_DATA"),
        (OperationalError("Cannot cast 'Zachariah' to INT"), "OperationalError"),
        (OperationalError(None), "OperationalError"),
        (EndpointConnectionError(endpoint_url="https://example.com"), "EndpointConnectionError"),
    ],
    ids=["denied", "denied-in-pyathena", "bad-data", "other", "without-words", "no-network"],
)
def test_a_failure_is_named_by_its_kind(error, kind):
    assert error_kind(error) == kind


def test_the_gate_loads_no_aws_client_before_it_needs_one():
    modules = "{'boto3', 'pyathena', 'sqlalchemy', 'great_expectations'}"
    code = f"import sys, quality.gate; sys.exit(bool({modules} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
