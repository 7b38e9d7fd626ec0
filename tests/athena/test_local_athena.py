"""The API of the local Athena: how queries run and end, and what they leave behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.athena.calls import Call
from tests.athena.queries import Queries

pytestmark = pytest.mark.athena

GROUP = "arn:aws:athena:us-east-1:123456789012:workgroup/primary"


def make_group(queries: Queries, name: str, **configuration: Any) -> str:
    queries.client.create_work_group(Name=name, Configuration=configuration)
    return name


def refusal(queries: Queries, sql: str, **options: Any) -> dict[str, Any]:
    with pytest.raises(queries.client.exceptions.InvalidRequestException) as refused:
        queries.start(sql, **options)
    answer: dict[str, Any] = refused.value.response
    return answer


@pytest.fixture(scope="module")
def twelve_megabytes(queries: Queries) -> str:
    folder = queries.put("large/a.txt", (b"x" * 999 + b"\n") * 12_000)
    queries.run(f"create external table large (line string) stored as textfile location '{folder}'")
    return "large"


def test_values_are_printed_as_athena_prints_them(queries: Queries) -> None:
    printed = {
        "1": "1",
        "'a'": "a",
        "''": "",
        "null": None,
        "true": "true",
        "cast(1.50 as decimal(10, 2))": "1.50",
        "1.5e0": "1.5",
        "1.5e10": "1.5E10",
        "cast(100 as double)": "100.0",
        "1e-4": "1.0E-4",
        "-0e0": "-0.0",
        "nan()": "NaN",
        "-infinity()": "-Infinity",
        "cast(0.1 as real)": "0.1",
        "date '0001-02-03'": "0001-02-03",
        "timestamp '2020-01-01 01:02:03'": "2020-01-01 01:02:03.000",
        "timestamp '2020-01-01 01:02:03.4567'": "2020-01-01 01:02:03.457",
        "timestamp '2020-01-01 01:02:03 UTC'": "2020-01-01 01:02:03.000 UTC",
        "x'6566'": "65 66",
        "array['x', null, 'y z']": "[x, null, y z]",
        "array[array[1], array[]]": "[[1], []]",
        "map(array['k', 'l'], array[1.5e0, null])": "{k=1.5, l=null}",
        "cast(row(1, null) as row(a integer, b varchar))": "{a=1, b=null}",
        "row(1, true)": "{field0=1, field1=true}",
        """json '{"a": 1}'""": '{"a":1}',
        "interval '2' day": "2 00:00:00.000",
    }
    (found,) = queries.rows(f"select {', '.join(printed)}")
    assert dict(zip(printed, found, strict=True)) == printed


def test_columns_have_athenas_types(queries: Queries) -> None:
    sql = "select 1 as a, cast(1 as decimal(9, 2)) as b, 'x' as c, cast(1 as real) as d, array[1] as e, row(1) as f"
    answer = queries.client.get_query_results(QueryExecutionId=queries.run(sql)["QueryExecutionId"])
    info = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    found = [(column["Name"], column["Type"], column["Precision"], column["Scale"]) for column in info]
    assert found == [
        ("a", "integer", 10, 0),
        ("b", "decimal", 9, 2),
        ("c", "varchar", 1, 0),
        ("d", "float", 24, 0),
        ("e", "array", 0, 0),
        ("f", "row", 0, 0),
    ]


def test_a_result_comes_in_pages_and_as_a_file(queries: Queries) -> None:
    found = queries.run("""select i, if(i = 2, null, 'say "x"') as t from unnest(sequence(1, 3)) as u(i) order by i""")
    query = {"QueryExecutionId": found["QueryExecutionId"]}
    pages = queries.client.get_paginator("get_query_results").paginate(**query, PaginationConfig={"PageSize": 2})
    sizes = [len(page["ResultSet"]["Rows"]) for page in pages]
    assert sizes == [2, 2]
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{queries.bucket}/results/{found['QueryExecutionId']}.csv"
    assert queries.read(location) == '"i","t"\n"1","say ""x"""\n"2",\n"3","say ""x"""\n'


def test_queries_run_side_by_side(queries: Queries) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: queries.rows(f"select {n}, count(*) from (values 1, 2)"), range(8)))
    assert found == [[[str(n), "2"]] for n in range(8)]


def test_a_query_can_be_stopped(queries: Queries) -> None:
    endless = "select count(*) from unnest(sequence(1, 10000)) a(x), unnest(sequence(1, 10000)) b(x)"
    query = queries.start(f"{endless}, unnest(sequence(1, 10000)) c(x) where a.x * b.x * c.x < 0")
    queries.client.stop_query_execution(QueryExecutionId=query)
    status = queries.wait(query)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("CANCELLED", "Query cancelled by user")
    with pytest.raises(ClientError, match="Final query state: CANCELLED"):
        queries.client.get_query_results(QueryExecutionId=query)


def test_a_failed_query_says_why(queries: Queries) -> None:
    status = queries.wait(queries.start("select * from nowhere"))["Status"]
    reason = f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{queries.database}.nowhere' does not exist"
    assert status["StateChangeReason"] == reason
    assert status["AthenaError"] == {
        "ErrorCategory": 2,
        "ErrorType": 1006,
        "Retryable": False,
        "ErrorMessage": reason,
    }


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select no_such_column from (values 1) t(a)", "COLUMN_NOT_FOUND: line 1:8: "),
        ("select no_such_function(1)", "FUNCTION_NOT_FOUND: line 1:8: "),
        ("select 1 / 0", "DIVISION_BY_ZERO: "),
        ("select cast('x' as integer)", "INVALID_CAST_ARGUMENT: "),
        ("select 1 from nowhere.t", "SCHEMA_NOT_FOUND: line 1:15: "),
        ("select 1 + 'a'", "TYPE_MISMATCH: line 1:10: "),
    ],
    ids=["column", "function", "division", "cast", "database", "types"],
)
def test_reasons_start_with_the_name_of_the_error(queries: Queries, sql: str, reason: str) -> None:
    assert queries.fail(sql).startswith(reason)


def test_a_statement_that_cannot_be_parsed_is_refused_at_once(queries: Queries) -> None:
    answer = refusal(queries, "select\n  from where")
    assert answer["Error"]["Message"].startswith("line 2:3: mismatched input 'from'")
    assert answer["AthenaErrorCode"] == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    "sql", ["grant select on t to x", "vacuum t", "merge into t using s on true", "foo", "call x()"]
)
def test_an_unknown_statement_is_refused(queries: Queries, sql: str) -> None:
    assert refusal(queries, sql)["Error"]["Message"] == "Queries of this type are not supported"


def test_two_statements_at_once_are_refused(queries: Queries) -> None:
    assert refusal(queries, "select 1; select 2")["Error"]["Message"].startswith("line 1:9: mismatched input ';'")
    assert queries.rows("-- a comment\nselect 1;\n") == [["1"]]


def test_a_statement_may_be_as_long_as_athena_allows_and_no_longer(queries: Queries) -> None:
    longest = "select 'é" + "x" * (262_144 - len("select 'é'") - 1) + "'"
    assert len(longest.encode()) == 262_144
    assert len(queries.rows(longest)[0][0] or "") == 262_144 - 10
    with pytest.raises(ClientError, match="Query string length is over the limit of 262144 bytes"):
        queries.start(longest.replace("x", "é", 1))


def test_without_a_place_for_the_result_a_query_is_refused(queries: Queries) -> None:
    message = refusal(queries, "select 1", ResultConfiguration={})["Error"]["Message"]
    assert message.startswith("No output location provided. An output location is required either through")
    nowhere = {"OutputLocation": "s3://there-is-no-such-bucket/"}
    message = refusal(queries, "select 1", ResultConfiguration=nowhere)["Error"]["Message"]
    assert message == "Unable to verify/create output bucket there-is-no-such-bucket"


def test_parameters_take_the_place_of_question_marks(queries: Queries) -> None:
    sql = "select a, '?' from (values 1, 2, 3) t(a) where a > ? and ? = 'it''s' order by a"
    assert queries.rows(sql, ExecutionParameters=["1", "'it''s'"]) == [["2", "?"], ["3", "?"]]
    assert queries.fail(sql, ExecutionParameters=["1"]).startswith("INVALID_PARAMETER_USAGE")


def test_prepared_statements_stay_in_their_work_group(queries: Queries) -> None:
    queries.run("prepare more from select a from (values 1, 2, 3) t(a) where a > ? order by a")
    assert queries.rows("execute more using 1") == [["2"], ["3"]]
    assert queries.rows("execute more", ExecutionParameters=["2"]) == [["3"]]
    other = make_group(queries, "other", EnforceWorkGroupConfiguration=False)
    assert "not found" in refusal(queries, "execute more using 1", WorkGroup=other)["Error"]["Message"]
    queries.run("deallocate prepare more")
    assert "not found" in refusal(queries, "execute more using 1")["Error"]["Message"]


def test_a_query_over_the_limit_of_its_work_group_is_cancelled(queries: Queries, twelve_megabytes: str) -> None:
    group = make_group(queries, "small", BytesScannedCutoffPerQuery=10_000_000, EnforceWorkGroupConfiguration=False)
    found = queries.wait(queries.start(f"select max(line) from {twelve_megabytes}", WorkGroup=group))
    assert found["Status"]["State"] == "CANCELLED"
    assert found["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert found["Statistics"]["DataScannedInBytes"] > 10_000_000
    assert queries.run(f"select max(line) from {twelve_megabytes}")["Statistics"]["DataScannedInBytes"] == 12_000_000


def test_a_work_group_may_say_where_results_lie(queries: Queries) -> None:
    place = {"OutputLocation": f"s3://{queries.bucket}/enforced/"}
    group = make_group(queries, "enforcing", EnforceWorkGroupConfiguration=True, ResultConfiguration=place)
    found = queries.run("select 1", WorkGroup=group)
    assert found["ResultConfiguration"]["OutputLocation"].startswith(place["OutputLocation"])
    elsewhere = f"create table e with (external_location = 's3://{queries.bucket}/e/') as select 1 as a"
    assert "Please remove the external_location" in refusal(queries, elsewhere, WorkGroup=group)["Error"]["Message"]
    queries.run("create table e as select 1 as a", WorkGroup=group)
    table = queries.aws.client("glue").get_table(DatabaseName=queries.database, Name="e")["Table"]
    assert table["StorageDescriptor"]["Location"].startswith(f"{place['OutputLocation']}tables/")
    queries.client.update_work_group(WorkGroup=group, State="DISABLED")
    assert refusal(queries, "select 1", WorkGroup=group)["Error"]["Message"] == "WorkGroup enforcing is disabled"


def test_a_work_group_can_be_changed(queries: Queries) -> None:
    place = {"OutputLocation": f"s3://{queries.bucket}/changed/"}
    group = make_group(queries, "changed", BytesScannedCutoffPerQuery=10_000_000, ResultConfiguration=place)
    updates = {
        "RemoveBytesScannedCutoffPerQuery": True,
        "ResultConfigurationUpdates": {"OutputLocation": f"s3://{queries.bucket}/new/"},
    }
    queries.client.update_work_group(WorkGroup=group, ConfigurationUpdates=updates)
    found = queries.client.get_work_group(WorkGroup=group)["WorkGroup"]["Configuration"]
    assert found["ResultConfiguration"]["OutputLocation"] == f"s3://{queries.bucket}/new/"
    assert "BytesScannedCutoffPerQuery" not in found
    queries.client.delete_work_group(WorkGroup=group)
    with pytest.raises(ClientError, match="WorkGroup changed is not found"):
        queries.client.get_work_group(WorkGroup=group)


def test_results_are_encrypted_where_asked(queries: Queries) -> None:
    key = queries.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {
        "OutputLocation": f"s3://{queries.bucket}/encrypted/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key},
    }
    queries.aws.forget()
    found = queries.run("select 1", ResultConfiguration=encrypted)
    name = found["ResultConfiguration"]["OutputLocation"].removeprefix(f"s3://{queries.bucket}/")
    head = queries.aws.client("s3").head_object(Bucket=queries.bucket, Key=name)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    assert Call("kms:GenerateDataKey", key) in queries.aws.recorded()


def test_files_that_a_query_writes_are_encrypted_where_asked(queries: Queries) -> None:
    key = queries.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {
        "OutputLocation": f"s3://{queries.bucket}/encrypted/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": key},
    }
    sql = f"unload (select 1 as a) to 's3://{queries.bucket}/secret/' with (format = 'PARQUET')"
    queries.run(sql, ResultConfiguration=encrypted)
    s3 = queries.aws.client("s3")
    (entry,) = s3.list_objects_v2(Bucket=queries.bucket, Prefix="secret/")["Contents"]
    assert s3.head_object(Bucket=queries.bucket, Key=entry["Key"])["SSEKMSKeyId"] == key


def test_what_a_query_needs_is_recorded(queries: Queries) -> None:
    folder = queries.put("recorded/a.txt", b"x\n")
    queries.run(f"create external table recorded (line string) stored as textfile location '{folder}'")
    queries.aws.forget()
    found = queries.run("select line from recorded")
    assert found["Statistics"]["DataScannedInBytes"] == 2
    bucket = f"arn:aws:s3:::{queries.bucket}"
    assert set(queries.aws.recorded()) >= {
        Call("athena:StartQueryExecution", GROUP),
        Call("athena:GetQueryExecution", GROUP),
        Call("glue:GetTable", f"arn:aws:glue:us-east-1:123456789012:table/{queries.database}/recorded"),
        Call("s3:GetBucketLocation", bucket),
        Call("s3:ListBucket", bucket),
        Call("s3:GetObject", f"{bucket}/recorded/a.txt"),
        Call("s3:PutObject", f"{bucket}/results/{found['QueryExecutionId']}.csv"),
    }


def test_metadata_comes_from_glue(queries: Queries) -> None:
    ddl = "create external table described (a int comment 'first') partitioned by (dt date) location 's3://x/y/'"
    queries.run(ddl)
    place = {"CatalogName": "AwsDataCatalog", "DatabaseName": queries.database}
    found = queries.client.get_table_metadata(**place, TableName="described")["TableMetadata"]
    assert found["Columns"] == [{"Name": "a", "Type": "int", "Comment": "first"}]
    assert found["PartitionKeys"] == [{"Name": "dt", "Type": "date"}]
    listed = queries.client.list_table_metadata(**place, Expression="descr.*")["TableMetadataList"]
    assert [table["Name"] for table in listed] == ["described"]
    with pytest.raises(queries.client.exceptions.MetadataException):
        queries.client.get_table_metadata(**place, TableName="nowhere")
    databases = queries.client.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]
    assert queries.database in [database["Name"] for database in databases]


def test_an_operation_that_is_not_there_is_no_success(queries: Queries) -> None:
    with pytest.raises(ClientError, match="the local Athena has no CreateNotebook"):
        queries.client.create_notebook(WorkGroup="primary", Name="n")
