"""Queries of analysts in Athena: the same output as from the local lake, and what they scanned."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from caremesh.aws import Aws
from caremesh.errors import QueryError
from caremesh.lake.athena_query import prepare_query, run_in_athena
from caremesh.lake.database import rebuild_database
from caremesh.lake.local import LocalLake
from caremesh.settings import AwsSettings
from tests.athena.local_aws import LocalAws
from tests.conftest import Result
from tests.integration.query_lake import QueryLake, as_parquet, plain

pytestmark = pytest.mark.athena

TYPES = {
    "id": (pa.int64(), "bigint", [1, 2, 3]),
    "small": (pa.int32(), "int", [-5, None, 7]),
    "text": (pa.string(), "string", ["a, b}", None, 'say "x"\nü']),
    "empty": (pa.string(), "string", ["", None, "null"]),
    "born": (pa.date32(), "date", [date(1970, 1, 1), None, date(2024, 2, 29)]),
    "seen": (
        pa.timestamp("ms"),
        "timestamp",
        [datetime(2024, 1, 2, 3, 4, 5), None, datetime(1969, 12, 31, 23, 59, 59, 250000)],
    ),
    "share": (pa.float64(), "double", [0.1, None, 1e22]),
    "ratio": (pa.float32(), "float", [0.1, None, -2.5]),
    "price": (pa.decimal128(20, 2), "decimal(20,2)", [Decimal("1.50"), None, Decimal("123456789012345678.90")]),
    "known": (pa.bool_(), "boolean", [True, None, False]),
    "codes": (pa.list_(pa.string()), "array<string>", [["a, b", None, "]"], None, []]),
    "sums": (pa.map_(pa.string(), pa.float64()), "map<string,double>", [[("k=1", 2.5)], None, []]),
    "period": (
        pa.struct([("start", pa.timestamp("ms")), ("day", pa.date32()), ("cost", pa.decimal128(9, 2))]),
        "struct<start:timestamp,day:date,cost:decimal(9,2)>",
        [{"start": datetime(2024, 1, 2), "day": None, "cost": Decimal("2.50")}, None, {}],
    ),
}


@pytest.fixture(scope="module")
def lakes(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, QueryLake]:
    """A local lake and one in S3 with the same file as their table `stay`."""
    folder = tmp_path_factory.mktemp("lakes")
    remote = QueryLake(local_aws)
    rows = pa.table({name: pa.array(values, kind) for name, (kind, _, values) in TYPES.items()})
    remote.add_table("stay", rows, types={name: hive for name, (_, hive, _) in TYPES.items()})
    local = LocalLake(folder / "lake")
    local.root.mkdir()
    local.prepare()
    file = local.root / "products" / "stay.parquet"
    file.parent.mkdir()
    file.write_bytes(as_parquet(rows))
    with duckdb.connect(str(rebuild_database(local, []))) as connection:
        connection.execute(f"create schema {remote.database}")
        connection.execute(f"create view {remote.database}.stay as select * from read_parquet('{file}')")
    return local.root, remote


@pytest.fixture(autouse=True)
def _environment(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let our code find the local AWS."""
    local_aws.lead(monkeypatch)


@pytest.fixture
def both(lakes: tuple[Path, QueryLake], caremesh: Callable[..., Result]) -> Callable[..., tuple[Result, Result]]:
    """Ask both lakes the same."""
    local, remote = lakes

    def ask(sql: str, *options: str) -> tuple[Result, Result]:
        text = sql.replace("WARD", remote.database)
        here, there = (caremesh("query", text, "--lake", lake, *options) for lake in (local, remote.address))
        assert (here.exit_code, there.exit_code) == (0, 0), here.stderr + there.stderr
        return here, there

    return ask


SAME = {
    "all types": "select * from WARD.stay order by id",
    "plain types": "select id, text, born, seen, share, ratio, price, known from WARD.stay order by id desc",
    "no rows": "select * from WARD.stay where id > 99",
    "expressions": "select count(*) as n, sum(price) as paid, max(seen) as last, avg(share) as mean from WARD.stay",
    "lists that are made": "select known, array_agg(id) as ids from WARD.stay group by known order by known nulls last",
    "an order by what is not shown": "select codes as c from WARD.stay order by small desc nulls last, id limit 2",
    "an order by number": "select id, codes from WARD.stay order by 1 desc limit 2;",
    "a union of lists": "select codes, id from WARD.stay union all select codes, 9 from WARD.stay order by id, 2",
    "values": "select * from (values (1, 'x'), (2, null)) as t(a, b) order by a -- by a",
}


@pytest.mark.parametrize("form", ["table", "csv", "json"])
@pytest.mark.parametrize("asked", sorted(SAME))
def test_athena_prints_what_the_local_query_prints(
    both: Callable[..., tuple[Result, Result]], asked: str, form: str
) -> None:
    here, there = both(SAME[asked], "--format", form)
    assert there.stdout == here.stdout


@pytest.fixture
def athena_query(lakes: tuple[Path, QueryLake], caremesh: Callable[..., Result]) -> Callable[..., Result]:
    """Ask the lake in S3."""
    remote = lakes[1]
    return lambda sql, *options: caremesh(
        "query", sql.replace("WARD", remote.database), "--lake", remote.address, *options
    )


def test_more_rows_than_a_page_has_are_printed_in_order(athena_query: Callable[..., Result]) -> None:
    sql = "select n from unnest(sequence(0, 2499)) as t(n) order by n"
    assert athena_query(sql, "--format", "csv").stdout == "n\n" + "".join(f"{n}\n" for n in range(2500))


def test_the_estimate_is_near_to_what_is_scanned(
    athena_query: Callable[..., Result], lakes: tuple[Path, QueryLake], local_aws: LocalAws
) -> None:
    numbers = random.Random(1)
    rows = 400_000
    lakes[1].add_table(
        "large",
        plain(a=[numbers.getrandbits(60) for _ in range(rows)], b=range(rows), c=[0.5] * rows, d=["text"] * rows),
    )
    result = athena_query("select max(a), min(d) from WARD.large where a > 0")
    said = re.findall(r"(?:about|scanned) ([0-9.]+) MB", result.stderr)
    estimated, scanned = map(float, said)
    assert estimated == pytest.approx(2 * 8 * rows / 1e6, rel=0.03)
    assert scanned == pytest.approx(estimated, rel=0.2)
    assert scanned == pytest.approx(statistics(local_aws, result)["DataScannedInBytes"] / 1e6, abs=0.05)


def statistics(local_aws: LocalAws, result: Result) -> dict[str, int]:
    """What Athena itself says of the query that was named."""
    found = re.search(r"Athena query ([0-9a-f-]{36})", result.stderr)
    assert found, result.stderr
    execution = local_aws.client("athena").get_query_execution(QueryExecutionId=found[1])["QueryExecution"]
    return dict(execution["Statistics"])


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select nothing from WARD.stay", "COLUMN_NOT_FOUND: line 1:8:"),
        ("select codes, nothing from WARD.stay", "COLUMN_NOT_FOUND: line 1:15:"),
        ("select id / 0 from WARD.stay", "DIVISION_BY_ZERO"),
        ("select nofunction(id) from WARD.stay", "FUNCTION_NOT_FOUND"),
        ("select cast(text as integer) from WARD.stay", "INVALID_CAST_ARGUMENT; Athena's words are withheld"),
    ],
)
def test_a_wrong_statement_is_told_in_the_words_of_athena(
    athena_query: Callable[..., Result], sql: str, says: str
) -> None:
    result = athena_query(sql)
    assert (result.exit_code, result.stdout) == (19, "")
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_work_group_is_an_error_of_aws(
    athena_query: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAREMESH_ATHENA_WORK_GROUP", "nobodys")
    result = athena_query("select id from WARD.stay")
    assert result.exit_code == 20
    assert "Traceback" not in result.stderr


def test_a_statement_that_scans_more_than_was_estimated_is_stopped_at_the_limit(lakes: tuple[Path, QueryLake]) -> None:
    aws = Aws(AwsSettings(poll_seconds=0.05))
    prepared = prepare_query(aws, f"select text from {lakes[1].database}.stay")
    with pytest.raises(QueryError, match="the estimate was less"):
        run_in_athena(aws, prepared, output=f"{lakes[1].address}/athena/", limit=1)


def test_what_looks_is_shown(athena_query: Callable[..., Result]) -> None:
    assert "stay" in athena_query("show tables in WARD", "--format", "csv").stdout
    assert athena_query("explain select id from WARD.stay").exit_code == 0


def test_results_go_where_the_settings_say(
    athena_query: Callable[..., Result],
    lakes: tuple[Path, QueryLake],
    local_aws: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    monkeypatch.setenv("CAREMESH_ATHENA_OUTPUT", f"s3://{lakes[1].bucket}/answers/")
    monkeypatch.setenv("CAREMESH_KMS_KEY", key)
    assert athena_query("select id from WARD.stay").exit_code == 0
    s3 = local_aws.client("s3")
    answers = s3.list_objects_v2(Bucket=lakes[1].bucket, Prefix="answers/")["Contents"]
    written = s3.head_object(Bucket=lakes[1].bucket, Key=answers[0]["Key"])
    assert (written["ServerSideEncryption"], written["SSEKMSKeyId"]) == ("aws:kms", key)
