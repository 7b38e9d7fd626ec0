"""The clients that people use with Athena, on the local one: awswrangler, PyAthena and its SQLAlchemy dialect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.athena.queries import Queries

pytestmark = [pytest.mark.athena, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SELECT = (
    "select 1 as a, cast('x' as varchar) as b, date '2020-01-02' as c, timestamp '2020-01-02 03:04:05.678' as d, "
    "cast(1.50 as decimal(10, 2)) as e, true as f, 0.1e0 as g"
)
ROW = (1, "x", date(2020, 1, 2), datetime(2020, 1, 2, 3, 4, 5, 678000), Decimal("1.50"), True, 0.1)


@pytest.fixture
def table(queries: Queries, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in queries.aws.env().items():
        monkeypatch.setenv(name, value)
    queries.run(f"create table t with (external_location = 's3://{queries.bucket}/t/') as {SELECT}")
    yield "t"
    queries.run("drop table t")
    queries.aws.client("s3").delete_objects(
        Bucket=queries.bucket,
        Delete={"Objects": [{"Key": e["Key"]} for e in listed(queries, "t/")]},
    )


def listed(queries: Queries, prefix: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = queries.aws.client("s3").list_objects_v2(Bucket=queries.bucket, Prefix=prefix)[
        "Contents"
    ]
    return found


@pytest.mark.parametrize("way", ["ctas", "csv", "unload"])
def test_awswrangler_reads_a_table(queries: Queries, table: str, way: str) -> None:
    import awswrangler

    frame = awswrangler.athena.read_sql_query(
        f"select * from {table}",
        database=queries.database,
        ctas_approach=way == "ctas",
        unload_approach=way == "unload",
        s3_output=f"s3://{queries.bucket}/wrangler-{way}/",
    )
    assert [tuple(row) for row in frame.itertuples(index=False)] == [ROW]


@pytest.mark.parametrize(("style", "params"), [("named", {"b": "x"}), ("qmark", ["'x'"])], ids=["named", "qmark"])
def test_awswrangler_sends_parameters(queries: Queries, table: str, style: Any, params: Any) -> None:
    import awswrangler

    frame = awswrangler.athena.read_sql_query(
        f"select a from {table} where b = {':b' if style == 'named' else '?'}",
        database=queries.database,
        ctas_approach=False,
        params=params,
        paramstyle=style,
        s3_output=f"s3://{queries.bucket}/wrangler-parameters/",
    )
    assert list(frame["a"]) == [1]


def test_awswrangler_registers_repairs_and_describes(queries: Queries, table: str) -> None:
    import awswrangler

    output = f"s3://{queries.bucket}/wrangler-ddl/"
    folder = queries.put("registered/dt=1/a.txt", b"1\n").removesuffix("dt=1/")
    queries.run(f"create external table registered (a int) partitioned by (dt string) location '{folder}'")
    state = awswrangler.athena.repair_table("registered", database=queries.database, s3_output=output)
    assert state == "SUCCEEDED"
    described = awswrangler.athena.describe_table("registered", database=queries.database, s3_output=output)
    assert described[["Column Name", "Type", "Partition"]].values.tolist() == [
        ["a", "int", False],
        ["dt", "string", True],
    ]
    assert queries.rows("select a, dt from registered") == [["1", "1"]]


def test_pyathena_reads_a_table(queries: Queries, table: str) -> None:
    import pyathena

    staging = f"s3://{queries.bucket}/pyathena/"
    with pyathena.connect(s3_staging_dir=staging, schema_name=queries.database, poll_interval=0.05) as connection:
        cursor = connection.cursor()
        assert cursor.execute(f"select * from {table}").fetchall() == [ROW]
        assert cursor.execute(f"select a from {table} where b = %(b)s", {"b": "x"}).fetchall() == [(1,)]
        assert cursor.execute(f"select a from {table} where a = ?", ["1"], paramstyle="qmark").fetchall() == [(1,)]
        assert ("t",) in cursor.execute("show tables").fetchall()
        with pytest.raises(pyathena.error.OperationalError, match="TABLE_NOT_FOUND"):
            cursor.execute("select * from nowhere")


def test_sqlalchemy_reads_and_inspects_a_table(queries: Queries, table: str) -> None:
    import sqlalchemy

    url = (
        f"awsathena+rest://testing:testing@athena.us-east-1.amazonaws.com:443/{queries.database}"
        f"?s3_staging_dir=s3://{queries.bucket}/sqlalchemy/&region_name=us-east-1&poll_interval=0.05"
    )
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text(f"select a, b from {table}")).fetchall() == [(1, "x")]
        names = [column["name"] for column in sqlalchemy.inspect(connection).get_columns(table)]
    engine.dispose()
    assert names == ["a", "b", "c", "d", "e", "f", "g"]
