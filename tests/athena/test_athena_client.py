"""The client of Athena: results, costs and limits, and errors that say what to do and quote no row."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable

import pytest

from caremesh.athena_price import cost
from caremesh.aws.names import WORK_DATABASE
from caremesh.engines.athena import Athena, AthenaFailure, RefusedValue, code_of
from caremesh.engines.line_tables import create_line_table
from caremesh.errors import AwsError
from caremesh.places import S3Place
from tests.athena.local_aws import RunningAws
from tests.athena.two_intakes import BUCKET, open_aws

# Some minutes of work, and nothing read.
ENDLESS = """
select sum(a.x * b.x) from unnest(sequence(1, 10000)) as a(x)
cross join unnest(sequence(1, 10000)) as b(x) cross join unnest(sequence(1, 10000)) as c(x)
"""


@pytest.fixture
def open_athena(local_aws: RunningAws, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Athena]:
    return lambda **settings: Athena(open_aws(local_aws, monkeypatch, **settings), output=f"s3://{BUCKET}/client")


@pytest.mark.athena
def test_rows_come_as_text_from_all_pages(open_athena: Callable[..., Athena]) -> None:
    rows, query = open_athena().rows(
        "select x, nullif(x, 2), cast(x as varchar) || ' a' from unnest(sequence(1, 2500)) as t(x)"
    )
    assert len(rows) == 2500
    assert sorted(rows, key=lambda row: int(row[0] or 0))[:2] == [("1", "1", "1 a"), ("2", None, "2 a")]
    assert (query.output, query.manifest) == (f"s3://{BUCKET}/client/{query.id}.csv", None)


@pytest.mark.athena
def test_an_unload_names_the_list_of_its_files(open_athena: Callable[..., Athena]) -> None:
    athena = open_athena()
    sql = (
        f"unload (select max(line) as a from {a_table(athena)}) to 's3://{BUCKET}/unloaded/' with (format = 'PARQUET')"
    )
    query = athena.run(sql, database=WORK_DATABASE)
    assert query.manifest is not None
    key = query.manifest.removeprefix(f"s3://{BUCKET}/")
    listed = athena.aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().split()
    assert [file.startswith(f"s3://{BUCKET}/unloaded/") for file in listed] == [True]


@pytest.mark.athena
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select cast('SECRET' as integer)", "INVALID_CAST_ARGUMENT"),
        ('select cast(json_parse(\'{"a": "SECRET"}\') as row(a integer))', "INVALID_CAST_ARGUMENT"),
        ("select json_parse('SECRET')", "INVALID_FUNCTION_ARGUMENT"),
        ("select * from SECRET", "TABLE_NOT_FOUND"),
        ("select SECRET", "COLUMN_NOT_FOUND"),
        ("select 1 / length(substr('SECRET', 7))", "DIVISION_BY_ZERO"),
    ],
    ids=["cast", "cast of JSON", "function", "table", "column", "division"],
)
def test_a_failure_names_code_and_query_and_quotes_nothing(
    sql: str, code: str, open_athena: Callable[..., Athena]
) -> None:
    athena = open_athena()
    a_table(athena)
    with pytest.raises(AthenaFailure) as caught:
        athena.run(sql, database=WORK_DATABASE)
    assert caught.value.code == code
    assert caught.value.query_id in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.refused is None
    assert caught.value.hint


@pytest.mark.athena
@pytest.mark.parametrize("sql_type", ["integer", "bigint", "double", "boolean", "date", "timestamp", "decimal(9, 2)"])
def test_what_a_view_says_of_a_value_is_passed_on(sql_type: str, open_athena: Callable[..., Athena]) -> None:
    said = "column day: a value is no date, resource a.b-1"
    with pytest.raises(AthenaFailure, match=r"a value is no date \(column day\)") as caught:
        open_athena().run(f"select cast(t as {sql_type}) from (values '{said}') as v(t)")
    assert caught.value.refused == RefusedValue("a value is no date (column day)", "a.b-1")
    assert "a.b-1" not in str(caught.value)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Query exhausted resources at this scale factor", "EXHAUSTED_RESOURCES"),
        ("Permission denied on S3 path: s3://b/a", "ACCESS_DENIED"),
        ("Query timeout", "QUERY_TIMEOUT"),
        ("HIVE_CURSOR_ERROR: Failed to read", "HIVE_CURSOR_ERROR"),
        ("who knows", "an unknown error"),
    ],
)
def test_words_without_a_code_get_one(reason: str, code: str) -> None:
    assert code_of(reason) == code


@pytest.mark.athena
def test_a_statement_that_is_refused_is_an_error(open_athena: Callable[..., Athena]) -> None:
    with pytest.raises(AwsError, match="StartQueryExecution"):
        open_athena().run(f"select {'1' * 300_000}")


@pytest.mark.athena
def test_a_query_beyond_the_limit_fails_and_names_it(open_athena: Callable[..., Athena]) -> None:
    athena = open_athena(bytes_limit=20)
    with pytest.raises(AwsError, match=r"the limit is 20\s.*CAREMESH_ATHENA_BYTES_LIMIT"):
        athena.run(f"select line from {a_table(athena)}")


@pytest.mark.athena
def test_a_work_group_that_cancels_a_query_is_named(open_athena: Callable[..., Athena]) -> None:
    athena = open_athena(work_group="thrifty")
    table = a_table(athena)
    configuration = {"BytesScannedCutoffPerQuery": 10_000_000, "EnforceWorkGroupConfiguration": False}
    athena.aws.client("athena").create_work_group(Name="thrifty", Configuration=configuration)
    with pytest.raises(AwsError, match="work group 'thrifty' allows"):
        athena.run(f"select count(*) from {table} where line like '%y'")


@pytest.mark.athena
def test_ctrl_c_stops_the_query(open_athena: Callable[..., Athena], local_aws: RunningAws) -> None:
    athena = open_athena()
    local_aws.forget()
    # A process in the background of a shell ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(2, _thread.interrupt_main)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            athena.run(ENDLESS)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert "athena:StopQueryExecution" in [call.action for call in local_aws.recorded()]


def test_a_query_costs_at_least_ten_megabytes_and_ddl_nothing() -> None:
    assert cost(2_000_000_000_000, 5.0) == 10.0
    assert cost(1, 5.0) == cost(10_000_000, 5.0) == 0.00005
    assert cost(0, 5.0) == 0.0


def a_table(athena: Athena) -> str:
    """A table of lines over one file of twelve megabytes."""
    athena.aws.client("s3").put_object(Bucket=BUCKET, Key="twelve.ndjson", Body=b"x" * 11 + b"\n" + b"x" * 12_000_000)
    paths = [f"s3://{BUCKET}/twelve.ndjson"]
    return str(create_line_table(athena.aws, resource_type="Basic", paths=paths, lake=S3Place(BUCKET), run_id="test"))
