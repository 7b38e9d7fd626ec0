"""The API of the local Athena: queries, their results, and metadata."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.athena.calls import Call
from tests.athena.local_aws import LocalAws

pytestmark = pytest.mark.athena

OUTPUT = "s3://athena-api/results/"


@pytest.fixture(scope="module")
def athena_client(local_aws: LocalAws) -> Any:
    local_aws.make_bucket("athena-api")
    client = local_aws.client("athena")
    assert run(client, "create database api")["State"] == "SUCCEEDED"
    return client


def run(client: Any, sql: str, **options: Any) -> dict[str, Any]:
    """Run a query to its end; give its status, with its id."""
    given = {"ResultConfiguration": {"OutputLocation": OUTPUT}, "QueryExecutionContext": {"Database": "api"}}
    query = client.start_query_execution(QueryString=sql, **given | options)["QueryExecutionId"]
    while True:
        found = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
            return {"id": query, **found["Status"], "execution": found}
        time.sleep(0.02)


def rows(client: Any, sql: str) -> list[list[str | None]]:
    """The rows of a query as texts, without the names of its columns."""
    status = run(client, sql)
    assert status["State"] == "SUCCEEDED", status["StateChangeReason"]
    found = client.get_query_results(QueryExecutionId=status["id"])["ResultSet"]["Rows"]
    return [[datum.get("VarCharValue") for datum in row["Data"]] for row in found[1:]]


def test_a_query_gives_rows_of_text(athena_client: Any) -> None:
    found = rows(
        athena_client, "select 1, 'a', null, true, 1.5e10, array['x', null], cast(row(1, null) as row(a int, b int))"
    )
    assert found == [["1", "a", None, "true", "1.5E10", "[x, null]", "{a=1, b=null}"]]


def test_a_table_made_by_hive_ddl_is_read(athena_client: Any, local_aws: LocalAws) -> None:
    s3 = local_aws.client("s3")
    s3.put_object(Bucket="athena-api", Key="csv/one.csv", Body=b'"a","b"\n"1","x, y"\n')
    ddl = (
        "create external table `api`.`csv` (`a` string, `b` string) "
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        "location 's3://athena-api/csv/' tblproperties ('skip.header.line.count' = '1')"
    )
    assert run(athena_client, ddl)["State"] == "SUCCEEDED"
    assert rows(athena_client, "select * from csv") == [["1", "x, y"]]
    described = athena_client.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="api", TableName="csv")
    assert [c["Name"] for c in described["TableMetadata"]["Columns"]] == ["a", "b"]


def test_a_table_made_by_a_query_has_files_and_a_manifest(athena_client: Any, local_aws: LocalAws) -> None:
    sql = (
        "create table made with (table_type='hive', is_external=true, external_location='s3://athena-api/made/', "
        "format='parquet', partitioned_by=ARRAY['b']) as select 1 as a, 'x' as b"
    )
    status = run(athena_client, sql)
    assert status["State"] == "SUCCEEDED", status
    manifest = status["execution"]["Statistics"]["DataManifestLocation"].removeprefix("s3://athena-api/")
    listed = local_aws.client("s3").get_object(Bucket="athena-api", Key=manifest)["Body"].read().decode().split()
    assert len(listed) == 1
    assert listed[0].startswith("s3://athena-api/made/b=x/")
    assert rows(athena_client, "select a, b from made") == [["1", "x"]]
    assert run(athena_client, sql.replace("table made", "table again"))["StateChangeReason"].startswith(
        "HIVE_PATH_ALREADY_EXISTS"
    )


def test_a_failed_query_says_why(athena_client: Any) -> None:
    status = run(athena_client, "select * from nowhere")
    assert status["State"] == "FAILED"
    reason = "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.api.nowhere' does not exist"
    assert status["StateChangeReason"] == reason
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_without_a_place_for_the_result_a_query_is_refused(athena_client: Any) -> None:
    with pytest.raises(athena_client.exceptions.InvalidRequestException, match="No output location provided"):
        athena_client.start_query_execution(QueryString="select 1")


def test_a_query_and_what_trino_reads_for_it_are_recorded(athena_client: Any, local_aws: LocalAws) -> None:
    local_aws.client("s3").put_object(Bucket="athena-api", Key="lines/a.txt", Body=b"x\n")
    ddl = "create external table lines (line string) stored as textfile location 's3://athena-api/lines/'"
    assert run(athena_client, ddl)["State"] == "SUCCEEDED"
    local_aws.forget()
    status = run(athena_client, "select line from lines")
    called = set(local_aws.recorded())
    assert status["execution"]["Statistics"]["DataScannedInBytes"] == 2
    assert called >= {
        Call("athena:StartQueryExecution", "arn:aws:athena:us-east-1:123456789012:workgroup/primary"),
        Call("athena:GetQueryExecution", "arn:aws:athena:us-east-1:123456789012:workgroup/primary"),
        Call("glue:GetTable", "arn:aws:glue:us-east-1:123456789012:table/api/lines"),
        Call("s3:ListBucket", "arn:aws:s3:::athena-api"),
        Call("s3:GetObject", "arn:aws:s3:::athena-api/lines/a.txt"),
        Call("s3:PutObject", f"arn:aws:s3:::athena-api/results/{status['id']}.csv"),
    }
