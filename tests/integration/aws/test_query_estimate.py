"""What `caremesh query` says before it sends anything to Athena: bytes, price, refusals. No Athena is there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable

import pyarrow as pa
import pytest

from tests.athena.local_aws import LocalAws
from tests.conftest import Result
from tests.integration.query_lake import QueryLake, plain

# CI runs these; together they take more than a minute.
pytestmark = pytest.mark.slow

Query = Callable[..., Result]

ROWS = 10_000

NEARLY = 0.04
"""Pages have headers, and what is shown has one digit behind the point."""


@pytest.fixture
def lake(storage: LocalAws, monkeypatch: pytest.MonkeyPatch) -> QueryLake:
    for name, value in storage.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CAREMESH_ATHENA_BYTES_LIMIT", raising=False)
    lake = QueryLake(storage)
    # A number takes 8 bytes, and so does a text of four letters.
    lake.add_table("stay", plain(id=["s123"] * ROWS, days=range(ROWS), note=["n" * 96] * ROWS))
    return lake


@pytest.fixture
def query(lake: QueryLake, caremesh: Query, storage: LocalAws) -> Query:
    def ask(sql: str, *options: object) -> Result:
        storage.forget()
        return caremesh("query", sql.replace("WARD", lake.database), "--lake", lake.address, *options)

    return ask


def estimated(result: Result) -> float:
    """The bytes that the estimate names first."""
    found = re.search(r"would scan (?:about|at most) ([0-9.]+) (kB|MB)", result.stderr)
    assert result.exit_code == 0, result.stderr
    assert found, result.stderr
    return float(found[1]) * {"kB": 1e3, "MB": 1e6}[found[2]]


def about(size: float) -> object:
    return pytest.approx(size, rel=NEARLY)


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("select id from WARD.stay", 8 * ROWS),
        ("select id from WARD.stay where days > 3", 16 * ROWS),
        ("select * from WARD.stay", 116 * ROWS),
        ('SELECT "ID" FROM awsdatacatalog.WARD."Stay";', 8 * ROWS),
        ("select count(days) from (select * from WARD.stay)", 8 * ROWS),
        ("with a as (select * from WARD.stay) select a.id from a", 8 * ROWS),
        ("with a as (select id from WARD.stay) select a.id from a join a as b on a.id = b.id", 16 * ROWS),
        ("with unused as (select note from WARD.stay) select id from WARD.stay", 8 * ROWS),
        ("select a.id from WARD.stay a join WARD.stay b on a.id = b.note", 108 * ROWS),
        ("select id from WARD.stay union all select note from WARD.stay", 108 * ROWS),
        ("select id from WARD.stay where id in (select note from WARD.stay)", 108 * ROWS),
        ("select (select max(days) from WARD.stay), 1", 8 * ROWS),
        ("select d from WARD.stay cross join unnest(sequence(1, days)) as t(d)", 8 * ROWS),
        ("explain analyze select id from WARD.stay", 8 * ROWS),
    ],
)
def test_only_the_columns_that_are_used_count(query: Query, sql: str, size: int) -> None:
    assert estimated(query(sql, "--estimate")) == about(size)


@pytest.mark.parametrize(
    "sql", ["select count(*) from WARD.stay", "select 1", "show tables in WARD", "explain select * from WARD.stay"]
)
def test_what_reads_no_column_is_free(query: Query, sql: str) -> None:
    assert re.search(r"\$0$", query(sql, "--estimate").stderr.strip())


def test_an_estimate_is_said_in_words_and_runs_nothing(query: Query, lake: QueryLake, storage: LocalAws) -> None:
    result = query("select id, days from WARD.stay", "--estimate")
    said = rf"would scan about 16\d\.\d kB in {lake.database}\.stay \(2 of 3 columns\), \$0\.00005\n"
    assert re.fullmatch(said, result.stderr)
    assert result.stdout == ""
    assert not [call for call in storage.recorded() if call.action.startswith("athena:")]


def test_the_price_of_a_query_is_that_of_ten_megabytes_at_least(query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREMESH_ATHENA_PRICE_PER_TB", "1000")
    assert query("select id from WARD.stay", "--estimate").stderr.endswith("$0.01\n")


def test_where_columns_cannot_be_told_all_of_them_count(query: Query, lake: QueryLake) -> None:
    result = query("select unknown from WARD.stay", "--estimate")
    assert estimated(result) == about(116 * ROWS)
    assert "would scan at most" in result.stderr


def test_only_the_folder_that_a_table_points_to_counts(query: Query, lake: QueryLake) -> None:
    lake.put("stay-other/part.parquet", b"x" * 1_000_000)
    lake.put("stay/_hidden", b"x" * 1_000_000)
    assert estimated(query("select id from WARD.stay", "--estimate")) == about(8 * ROWS)


def test_of_many_files_a_sample_stands_for_all(query: Query, lake: QueryLake, storage: LocalAws) -> None:
    lake.add_table("many", *(plain(id=range(1000 + 10 * n), note=["n" * 28] * (1000 + 10 * n)) for n in range(100)))
    result = query("select id from WARD.many", "--estimate")
    rows = sum(1000 + 10 * n for n in range(100))
    assert estimated(result) == pytest.approx(8 * rows, rel=0.05)
    read = [call for call in storage.recorded() if "/many/" in call.resource]
    assert len(read) == 32


def test_a_column_counts_with_all_that_is_nested_in_it(query: Query, lake: QueryLake) -> None:
    kind = pa.struct([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.int64(), nullable=False)])
    rows = pa.table({"both": pa.array([{"a": n, "b": n} for n in range(ROWS)], kind)})
    lake.add_table("nested", rows, types={"both": "struct<a:bigint,b:bigint>"})
    assert estimated(query("select both.a from WARD.nested", "--estimate")) == about(16 * ROWS)


def test_a_table_of_text_counts_whole(query: Query, lake: QueryLake) -> None:
    lake.put("lines/a.csv", b"x\n" * 50_000)
    lake.register("lines", plain(line=["x"], other=["x"]), form="text")
    assert estimated(query("select line from WARD.lines", "--estimate")) == 100_000


def test_a_view_is_followed_to_its_table(query: Query, lake: QueryLake, storage: LocalAws) -> None:
    view = {"originalSql": "select id, days + 1 as nights, note from stay", "schema": lake.database, "columns": []}
    text = f"/* Presto View: {base64.b64encode(json.dumps(view).encode()).decode()} */"
    table = {"Name": "seen", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}
    storage.client("glue").create_table(DatabaseName=lake.database, TableInput=table)
    result = query("select s.nights from WARD.seen as s", "--estimate")
    assert estimated(result) == about(8 * ROWS)
    assert f"{lake.database}.stay (1 of 3 columns)" in result.stderr


@pytest.fixture
def partitioned(lake: QueryLake) -> QueryLake:
    parts = {("a", "1"): ROWS, ("a", "2"): 2 * ROWS, ("b", "1"): 4 * ROWS}
    lake.add_partitioned("lines", ["product", "release"], {v: plain(line=range(n)) for v, n in parts.items()})
    return lake


@pytest.mark.parametrize(
    ("condition", "size", "partitions"),
    [
        ("product = 'a'", 3, 2),
        ("'b' = product", 4, 1),
        ("product in ('a', 'b') and release = '1'", 5, 2),
        ("product = 'c'", 0, 0),
        ("product <> 'a'", 7, 3),
        ("product = 'a' or line > 3", 7, 3),
        ("lower(product) = 'a'", 7, 3),
    ],
)
def test_only_partitions_that_a_query_wants_count(
    query: Query, partitioned: QueryLake, condition: str, size: int, partitions: int
) -> None:
    result = query(f"select line from (select * from WARD.lines) where {condition}", "--estimate")
    assert f"1 of 1 columns, {partitions} of 3 partitions" in result.stderr
    if size:
        assert estimated(result) == about(8 * size * ROWS)


def test_a_condition_of_an_outer_join_leaves_the_other_side_whole(query: Query, partitioned: QueryLake) -> None:
    join = "select l.line from WARD.lines l left join WARD.stay s on s.id = l.release and l.product = 'a'"
    assert "3 of 3 partitions" in query(join, "--estimate").stderr
    assert "2 of 3 partitions" in query(join.replace("left join", "join"), "--estimate").stderr


def test_over_the_limit_nothing_is_run_and_the_partition_key_is_named(
    query: Query, partitioned: QueryLake, storage: LocalAws
) -> None:
    result = query("select line from WARD.lines where release = '1'", "--max-bytes", 100_000)
    assert result.exit_code == 19
    assert "the limit is 100.0 kB" in result.stderr
    assert f"on {partitioned.database}.lines.product;" in result.stderr
    assert not [call for call in storage.recorded() if call.action.startswith("athena:")]


def test_over_the_limit_the_columns_are_named_that_weigh_most(
    query: Query, lake: QueryLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAREMESH_ATHENA_BYTES_LIMIT", "1000000")
    result = query("select * from WARD.stay")
    assert result.exit_code == 19
    named = rf"leave out {lake.database}\.stay\.note \(1\.0 MB of 1\.2 MB\), or {lake.database}\.stay\."
    assert re.search(named, result.stderr), result.stderr
    assert estimated(query("select * from WARD.stay", "--estimate")) == about(116 * ROWS)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("drop table WARD.stay", "not one statement that only reads"),
        ("select 1; select 2", "not one statement that only reads"),
        ("unload (select 1) to 's3://x/y/' with (format = 'PARQUET')", "not one statement that only reads"),
        ("explain analyze insert into WARD.stay select 1", "not one statement that only reads"),
        ("selec 1", "Line 1, Col: 7"),
        ("select * from WARD.nothing", "there is no table"),
        ("select * from other.WARD.stay", "another data catalog"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_sent(
    query: Query, storage: LocalAws, sql: str, says: str
) -> None:
    result = query(sql)
    assert result.exit_code == 19
    assert says in result.stderr
    assert not [call for call in storage.recorded() if call.action.startswith("athena:")]


def test_a_place_that_is_no_lake_is_refused(lake: QueryLake, caremesh: Query) -> None:
    result = caremesh("query", "select 1", "--lake", f"s3://{lake.bucket}/elsewhere")
    assert result.exit_code == 15
