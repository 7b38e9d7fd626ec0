"""Hive DDL and the statements that write, on the local Athena: what then stands in Glue and in S3."""

from __future__ import annotations

from typing import Any

import pytest

from tests.athena.calls import Call
from tests.athena.queries import Queries

pytestmark = pytest.mark.athena


def table(queries: Queries, name: str) -> dict[str, Any]:
    found: dict[str, Any] = queries.aws.client("glue").get_table(DatabaseName=queries.database, Name=name)["Table"]
    return found


def files(queries: Queries, prefix: str) -> list[str]:
    found = queries.aws.client("s3").list_objects_v2(Bucket=queries.bucket, Prefix=prefix).get("Contents", [])
    return [f"s3://{queries.bucket}/{entry['Key']}" for entry in found]


def test_a_table_of_lines_is_not_made_twice_and_splits_at_its_delimiter_alone(queries: Queries) -> None:
    folder = queries.put("lines/a.ndjson", b'{"id": "a\\u0001"}\n\n{"id": 2}\n')
    ddl = (
        f"create external table if not exists `{queries.database}`.`lines` (`line` string)\n"
        "row format serde 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'\n"
        r"with serdeproperties ('field.delim' = '\u0001', 'serialization.format' = '\u0001')"
        f"\nstored as textfile\nlocation '{folder}'"
    )
    queries.run(ddl)
    queries.run(ddl)
    assert queries.rows("select line from lines order by line") == [[""], ['{"id": "a\\u0001"}'], ['{"id": 2}']]
    serde = table(queries, "lines")["StorageDescriptor"]["SerdeInfo"]
    assert serde["SerializationLibrary"] == "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    assert serde["Parameters"] == {"field.delim": "\u0001", "serialization.format": "\u0001"}


def test_a_table_of_csv_skips_its_header(queries: Queries) -> None:
    folder = queries.put("csv/a.csv", b'"a","b"\n"1","x, y"\n"","z"\n')
    queries.run(
        f"create external table `{queries.database}`.`csv` (`a` string, `b` string) "
        "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
        f"location '{folder}' tblproperties ('skip.header.line.count'='1')"
    )
    assert queries.rows("select * from csv order by b") == [["1", "x, y"], ["", "z"]]


def test_types_and_comments_go_to_glue(queries: Queries) -> None:
    queries.run(
        "CREATE EXTERNAL TABLE Typed (`A` Array<Struct<x:Int,y:Decimal(10, 2)>> COMMENT 'it''s', b map<string, date>,"
        " c varchar(5)) COMMENT 'all' STORED AS PARQUET LOCATION 's3://nowhere/typed/' TBLPROPERTIES ('k' = 'v\\'s')"
    )
    found = table(queries, "typed")
    assert found["StorageDescriptor"]["Columns"] == [
        {"Name": "a", "Type": "array<struct<x:int,y:decimal(10,2)>>", "Comment": "it's"},
        {"Name": "b", "Type": "map<string,date>"},
        {"Name": "c", "Type": "varchar(5)"},
    ]
    assert (found["Description"], found["TableType"]) == ("all", "EXTERNAL_TABLE")
    assert found["Parameters"] == {"EXTERNAL": "TRUE", "k": "v's"}


def test_a_table_of_links_reads_the_files_that_they_name(queries: Queries) -> None:
    one = f"{queries.put('linked/one/a.txt', b'one')}a.txt"
    two = f"{queries.put('linked/two/b.txt', b'two')}b.txt"
    queries.put("linked/three/c.txt", b"three")
    links = queries.put("links/manifest", f"{one}\n{two}\n".encode())
    queries.run(
        "create external table linked (line string) row format serde "
        "'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe' with serdeproperties ('field.delim' = '\\u0001') "
        "stored as inputformat 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat' "
        f"outputformat 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat' location '{links}'"
    )
    assert queries.rows("select line from linked order by line") == [["one"], ["two"]]


def test_partitions_are_added_dropped_and_found(queries: Queries) -> None:
    folder = queries.put("days/dt=2024-01-01/a.txt", b"1\n").removesuffix("dt=2024-01-01/")
    queries.put("days/dt=2024-01-02/a.txt", b"2\n")
    elsewhere = queries.put("elsewhere/a.txt", b"3\n")
    queries.run(f"create external table days (a int) partitioned by (dt date) location '{folder}'")
    assert queries.rows("select a from days") == []
    queries.run("msck repair table `days`")
    assert queries.rows("select a, dt from days order by a") == [["1", "2024-01-01"], ["2", "2024-01-02"]]
    queries.run(f"alter table days add partition (dt = '2024-01-03') location '{elsewhere}'")
    queries.run("alter table days drop if exists partition (dt = '2024-01-01'), partition (dt = '2023-01-01')")
    assert queries.rows("select a from days order by a") == [["2"], ["3"]]
    assert queries.lines("show partitions days") == ["dt=2024-01-02", "dt=2024-01-03"]
    again = "partition (dt = '2024-01-03')"
    assert "AlreadyExistsException" in queries.fail(f"alter table days add {again}")
    queries.run(f"alter table days add if not exists {again}")
    assert "Partition not found" in queries.fail("alter table days drop partition (dt = '2020-01-01')")


def test_properties_of_a_table_are_changed_in_place(queries: Queries) -> None:
    queries.run("create external table changed (a int) location 's3://nowhere/c/' tblproperties ('a'='1', 'b'='2')")
    queries.run("alter table `changed` set tblproperties ('b' = '3')")
    assert table(queries, "changed")["Parameters"] == {"EXTERNAL": "TRUE", "a": "1", "b": "3"}
    assert queries.lines("show tblproperties changed") == ["EXTERNAL\tTRUE", "a\t1", "b\t3"]


def test_databases_are_made_and_dropped(queries: Queries) -> None:
    queries.run("create schema if not exists `short_lived` comment 'x' location 's3://nowhere/d/'")
    assert "already exists" in queries.fail("create database short_lived")
    assert queries.lines("show databases like 'short*'") == ["short_lived"]
    queries.run("create external table short_lived.t (a int) location 's3://nowhere/t/'")
    assert "is not empty" in queries.fail("drop database short_lived")
    queries.run("drop schema short_lived cascade")
    assert "Database does not exist: short_lived" in queries.fail("drop database short_lived")
    queries.run("drop database if exists short_lived")


def test_dropping_a_table_leaves_its_files(queries: Queries) -> None:
    folder = queries.put("dropped/a.txt", b"1\n")
    queries.run(f"create external table dropped (a int) location '{folder}'")
    queries.run("drop table `dropped`")
    assert files(queries, "dropped/") == [f"{folder}a.txt"]
    assert "Table not found dropped" in queries.fail("drop table dropped")
    queries.run("drop table if exists dropped")


def test_tables_are_shown_as_hive_shows_them(queries: Queries) -> None:
    queries.run(
        "create external table shown (a int comment 'first') partitioned by (dt string) "
        "stored as parquet location 's3://nowhere/shown/'"
    )
    queries.run("create or replace view shown_view as select 1 as a")
    assert queries.lines("show tables 'shown*'") == ["shown", "shown_view"]
    assert queries.lines("show views like 'shown*'") == ["shown_view"]
    assert queries.lines("show columns in shown") == ["a", "dt"]
    assert queries.lines("describe shown")[:2] == ["a\tint\tfirst", "dt\tstring\t"]
    created = "\n".join(str(line) for line in queries.lines("show create table shown"))
    assert created.startswith(f"CREATE EXTERNAL TABLE `{queries.database}.shown`(\n  `a` int)\nPARTITIONED BY ( \n")
    assert str(queries.lines("explain select 1")[0]).startswith("Trino version")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("create external table t (a int) tblproperties ('table_type'='ICEBERG')", "missing LOCATION"),
        ("create external table t (a int) location 's3://x/t/' tblproperties ('table_type'='ICEBERG')", "Iceberg"),
        ("create external table t (a integr) location 's3://x/t/'", "no such type"),
        ("create external table t (a int) stored as orc location 's3://x/t/'", "NOT_SUPPORTED"),
        ("create external table t (a int) location '/tmp/t/'", "s3://"),
        ("create external table nowhere.t (a int) location 's3://x/t/'", "EntityNotFoundException"),
        ("alter table refused rename to other", "NOT_SUPPORTED"),
        ("alter table refused replace columns (a int)", "NOT_SUPPORTED"),
        ("alter table nowhere set tblproperties ('a'='b')", "EntityNotFoundException"),
        ("msck repair table refused", "not a partitioned table"),
        ("drop table refused purge", "extraneous input"),
        ("describe database x", "extraneous input|EntityNotFound"),
    ],
    ids=lambda value: None,
)
def test_what_is_not_done_fails(queries: Queries, sql: str, reason: str) -> None:
    queries.run("create external table if not exists refused (a int) location 's3://nowhere/refused/'")
    found = queries.fail(sql)
    assert found.startswith("FAILED: ")
    assert any(part in found for part in reason.split("|")), found


def test_a_table_made_by_a_query_has_files_and_a_manifest(queries: Queries) -> None:
    place = f"s3://{queries.bucket}/made"
    sql = (
        f"create table {queries.database}.made with (table_type='hive', is_external=true, external_location='{place}',"
        " format='parquet', partitioned_by=ARRAY['b'], write_compression='snappy') as select 1 as a, 'x' as b"
    )
    found = queries.run(sql)
    written = files(queries, "made/")
    assert len(written) == 1
    assert written[0].startswith(f"{place}/b=x/")
    assert queries.read(found["Statistics"]["DataManifestLocation"]).split() == written
    assert (found["StatementType"], queries.texts(found["QueryExecutionId"])) == ("DML", [])
    made = table(queries, "made")
    assert (made["TableType"], made["StorageDescriptor"]["Location"].rstrip("/")) == ("EXTERNAL_TABLE", place)
    assert queries.rows("select a, b from made") == [["1", "x"]]
    again = sql.replace(".made", ".again")
    assert queries.fail(again).startswith("HIVE_PATH_ALREADY_EXISTS: Target directory already exists")


def test_an_insert_lists_only_its_own_files(queries: Queries) -> None:
    queries.run(f"create table grown with (external_location = 's3://{queries.bucket}/grown/') as select 1 as a")
    before = set(files(queries, "grown/"))
    found = queries.run("insert into grown values 2, 3")
    assert queries.client.get_query_results(QueryExecutionId=found["QueryExecutionId"])["UpdateCount"] == 2
    listed = queries.read(found["Statistics"]["DataManifestLocation"]).split()
    assert set(listed) == set(files(queries, "grown/")) - before
    assert queries.rows("select a from grown order by a") == [["1"], ["2"], ["3"]]


def test_unload_writes_files_and_touches_no_table(queries: Queries) -> None:
    place = f"s3://{queries.bucket}/unloaded/"
    sql = f"unload (select 1 as a, ')' as b) to '{place}' with (format = 'PARQUET', compression = 'SNAPPY')"
    queries.aws.forget()
    found = queries.run(sql)
    called = {call.action for call in queries.aws.recorded()}
    assert not {action for action in called if action.startswith("glue:")}
    assert queries.read(found["Statistics"]["DataManifestLocation"]).split() == files(queries, "unloaded/")
    queries.run(f"create external table unloaded (a int, b string) stored as parquet location '{place}'")
    assert queries.rows("select a, b from unloaded") == [["1", ")"]]
    assert queries.fail(sql).startswith("HIVE_PATH_ALREADY_EXISTS")


def test_unload_may_write_partitions(queries: Queries) -> None:
    place = f"s3://{queries.bucket}/parts/"
    queries.run(f"unload (select 1 as a, 'x' as b) to '{place}' with (format='JSON', partitioned_by=ARRAY['b'])")
    assert [file.removeprefix(place).split("/")[0] for file in files(queries, "parts/")] == ["b=x"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "create table i with (table_type='ICEBERG', location='s3://x/i/') as select 1 as a",
            "table property 'location'",
        ),
        ("create table i with (table_type='ICEBERG') as select 1 as a", "NOT_SUPPORTED: Iceberg"),
        ("create table i with (colour='red') as select 1 as a", "table property 'colour' does not exist"),
        ("create table i with (format='XML') as select 1 as a", "format XML is not supported"),
        ("unload (select 1) to 's3://x/u/'", "UNLOAD needs WITH"),
        ("unload (select 1 as a) to 's3://x/u/' with (format='XML')", "format XML is not supported"),
    ],
    ids=["iceberg with a place", "iceberg", "property", "format", "unload without format", "unload with another"],
)
def test_what_athena_would_not_write_fails(queries: Queries, sql: str, reason: str) -> None:
    assert reason in queries.fail(sql)


def test_a_view_is_one_that_athena_would_read(queries: Queries) -> None:
    queries.aws.forget()
    queries.run("create or replace view seen as select 1 as a, cast('x' as varchar) as b")
    assert table(queries, "seen")["ViewOriginalText"].startswith("/* Presto View: ")
    assert queries.rows("select * from seen") == [["1", "x"]]
    arn = f"arn:aws:glue:us-east-1:123456789012:table/{queries.database}/seen"
    assert Call("glue:CreateTable", arn) in queries.aws.recorded()
    queries.run("drop view seen")
    assert queries.fail("select * from seen").startswith("TABLE_NOT_FOUND")
