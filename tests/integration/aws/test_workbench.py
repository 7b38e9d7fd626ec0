"""What an intake in Athena works with lies where it is swept, and hides no error when it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from caremesh.aws import Aws
from caremesh.engines.athena import Athena
from caremesh.engines.workbench import open_workbench
from caremesh.errors import AwsError, UsageError
from caremesh.settings import AwsSettings
from tests.athena.local_aws import REGION
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.aws.watched_aws import Asked, Refusal, refuse
from tests.integration.small_mesh import patient

DENIED = Refusal("AccessDeniedException")


def refuse_statements_and_drops(asked: Asked) -> Refusal | None:
    return DENIED if asked.operation in ("athena:StartQueryExecution", "glue:DeleteTable") else None


def flatten_in_vain(mesh: AwsMesh) -> pytest.ExceptionInfo[AwsError]:
    """A flatten in Athena, of which every statement is refused, and then that its table goes."""
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go("land")
    mesh.watched.asked.clear()
    mesh.watched.watch = refuse_statements_and_drops
    aws = AwsSettings(region=REGION, query_output=f"s3://{mesh.bucket}/elsewhere")
    with pytest.raises(AwsError) as raised:
        mesh.go("flatten", engine="athena", aws=aws)
    return raised


def test_work_lies_below_the_lake_wherever_athena_puts_its_results(mesh: AwsMesh) -> None:
    flatten_in_vain(mesh)

    written = {a.params["Key"] for a in mesh.watched.asked if a.operation == "s3:PutObject"}
    work = [key for key in written if key.endswith("part.parquet")]
    assert [key.split("/")[:3] for key in work] == [["lake", "athena", "work"]]


def test_a_table_that_cannot_be_dropped_hides_not_what_went_wrong(mesh: AwsMesh) -> None:
    assert "not allowed to call StartQueryExecution" in str(flatten_in_vain(mesh).value)
    assert "glue:DeleteTable" in [a.operation for a in mesh.watched.asked]


def test_a_table_that_cannot_be_dropped_is_an_error_where_all_else_went_well(mesh: AwsMesh) -> None:
    aws = Aws(AwsSettings(region=REGION))
    aws.client("glue").create_database(DatabaseInput={"Name": "caremesh"})
    mesh.watched.watch = refuse("glue:DeleteTable", DENIED)
    athena = Athena(aws, output=f"{mesh.place}/athena")

    with (
        pytest.raises(AwsError, match="not allowed to call DeleteTable"),
        open_workbench(athena, name="one", place=mesh.place / "athena/work") as bench,
    ):
        bench.put("files", {"path": "string"}, {"path": ["a"]})


def test_an_error_of_another_kind_stays_what_it_is(mesh: AwsMesh) -> None:
    athena = Athena(Aws(AwsSettings(region=REGION)), output=f"{mesh.place}/athena")
    mesh.watched.watch = refuse("s3:ListObjectsV2", replace(DENIED, code="AccessDenied", status=403))

    with (
        pytest.raises(UsageError, match="of a test"),
        open_workbench(athena, name="one", place=mesh.place / "athena/work"),
    ):
        raise UsageError("of a test")
