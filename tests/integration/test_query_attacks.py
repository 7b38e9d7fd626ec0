"""Statements for `caremesh query` that would write, or read outside the lake: each is refused, and no byte changes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from caremesh.duckdb_reading import lock_connection
from caremesh.errors import QueryError
from caremesh.lake.local import LocalLake
from caremesh.lake.query import run_query
from caremesh.lake.query_reads import Relation, find_reads
from caremesh.lake.query_rows import write_rows
from caremesh.lake.query_statement import read_statement
from caremesh.products import find_domains, select_products
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.tiny_mesh import land_tiny, write_tiny_mesh

SECRET = "NOBODY-MAY-READ-THIS"
NAME = "Zweig-4711"

WRITES = [
    "copy (select 'forged' as person_id) to '{part}' (format parquet)",
    "copy ward.person to '{out}/a.csv'",
    "copy (select 1) to '/dev/null'",
    "explain analyze copy (select 'forged' as person_id) to '{part}' (format parquet)",
    "explain (analyze) copy (select 1) to '{part}'",
    "explain (analyze, format json) copy (select 1) to '{part}'",
    "EXPLAIN /* a */ ANALYZE -- b\n COPY (SELECT 1) TO '{part}'",
    "explain copy (select 1) to '{part}'",
    "with x as (copy (select 1) to '{part}') select 1",
    "with x as (copy ward.person to '{out}/a.parquet' (format parquet)) from x",
    "explain analyze with x as (copy (select 1) to '{part}') select 1",
    "with a as (with b as (copy (select 1) to '{part}') from b) from a",
    "select (with b as (copy (select 1) to '{part}') select 1)",
    "select * from (with b as (copy (select 1) to '{part}') from b)",
    "select 1 where exists (with b as (copy (select 1) to '{part}') from b)",
    "select 1 union all (with b as (copy (select 1) to '{part}') select 2)",
    "describe with b as (copy (select 1) to '{part}') select 1",
    "with x as (insert into ward.person values (1) returning *) from x",
    "with x as (delete from ward.person returning *) from x",
    "with x as (update ward.person set mark = 'x' returning *) from x",
    "with y as (truncate ward.person) select 1",
    "insert into ward.person values ('x')",
    "delete from ward.person",
    "update ward.person set mark = 'x'",
    "merge into ward.person as p using ward.person as q on true when matched then delete",
    "truncate ward.person",
    "drop view ward.person",
    "drop schema ward cascade",
    "alter view ward.person rename to other",
    "comment on view ward.person is 'x'",
    "create table t as select 1",
    "create temp table t as select 1",
    "create or replace view ward.person as select 1",
    "create macro m() as 1",
    "create temp macro m() as table from read_text('{secret}')",
    "create type mood as enum ('a')",
    "create sequence s",
    "create secret (type s3, key_id 'a', secret 'b')",
    "explain analyze create table t as select 1",
    "explain analyze insert into ward.person values (1)",
    "export database '{out}/all'",
    "explain analyze export database '{out}/all'",
    "import database '{out}'",
    "attach '{out}/new.duckdb' as other",
    "attach ':memory:' as other",
    "detach lake",
    "use ward",
    "install httpfs",
    "load '{out}/evil.duckdb_extension'",
    "load json",
    "set memory_limit = '1MB'",
    "set global enable_external_access = true",
    "reset lock_configuration",
    "set variable a = 1",
    "pragma database_size",
    "pragma enable_profiling",
    "call pragma_version()",
    "call enable_logging(storage = 'file', storage_path = '{out}')",
    "checkpoint",
    "force checkpoint",
    "vacuum",
    "analyze",
    "begin",
    "prepare p as select 1",
    "execute p",
    "from force_checkpoint()",
    "from checkpoint()",
    "from enable_logging(storage = 'file', storage_path = '{out}')",
    "select write_log('x')",
    "select 'a'.write_log()",
    "select 1; copy (select 1) to '{part}'",
    "copy (select 1) to '{part}'; select 1",
    "select 1 /* ; */; drop view ward.person",
    "-- select 1\ncopy (select 1) to '{part}'",
    "/* select */ copy (select 1) to '{part}'",
    "\u00a0copy\u00a0(select 1) to '{part}'",
    "\ufeffcopy (select 1) to '{part}'",
    "explain select 1; copy (select 1) to '{part}'",
    "explain (select 1) ; copy (select 1) to '{part}'",
    "",
    " ; ",
]

READS = [
    "select * from read_text('{secret}')",
    "select * from READ_TEXT('{secret}')",
    "select * from system.main.read_text('{secret}')",
    "explain analyze select * from read_text('{secret}')",
    "summarize from read_text('{secret}')",
    "with x as (from read_text('{secret}')) from x",
    "select (select content from read_text('{secret}'))",
    "select 1 where 'a' in (select content from read_text('{secret}'))",
    "select * from ward.person order by (select content from read_text('{secret}'))",
    "select * from ward.person limit (select length(content) from read_text('{secret}'))",
    "pivot (from read_text('{secret}')) on size in (1) using count(*)",
    "select * from read_blob('{secret}')",
    "select * from read_csv('{secret}')",
    "select * from read_csv_auto('{out}/*')",
    "select * from read_json('{secret}')",
    "select * from read_json_objects('{secret}', format = 'auto')",
    "select * from read_ndjson('{secret}')",
    "select * from read_parquet('{out}/other.parquet')",
    "select * from parquet_scan('{part}')",
    "select * from parquet_metadata('{part}')",
    "select * from parquet_schema('{part}')",
    "select * from parquet_kv_metadata('{part}')",
    "select * from parquet_file_metadata('{part}')",
    "select * from read_duckdb('{lake}/caremesh.duckdb', table_name = 'x')",
    "select * from sniff_csv('{secret}')",
    "select * from glob('{lake}/*')",
    "select * from glob('/etc/*')",
    "from '{secret}'",
    "from '{out}/other.parquet'",
    "from '{part}'",
    'select * from "{out}/other.parquet"',
    "table '{secret}'",
    "describe '{secret}'",
    "summarize '{secret}'",
    "show '{secret}'",
    "pivot '{secret}' on a in (1) using count(*)",
    "unpivot '{secret}' on a",
    "from secret.csv",
    "from other.parquet",
    'with "secret.csv" as (select 1) select * from (select * from "secret.csv") join \'secret.csv\' on true',
    'with "{secret}" as (select 1) from "{secret}"',
    "from 'http://127.0.0.1:9/a.csv'",
    "from 's3://bucket/a.parquet'",
    "from 'file://{secret}'",
    "from query('from read_text(''{secret}'')')",
    "from query_table('{secret}')",
    "from json_execute_serialized_sql(json_serialize_sql('from read_text(''{secret}'')'))",
    "from histogram('{secret}', a)",
    "from python_map_function(1)",
    "from pandas_scan(1)",
    "from arrow_scan(1, 2, 3)",
    "from stranger",
    "from duckdb_settings()",
    "from pg_settings",
    "from duckdb_secrets()",
    "from which_secret('s3://a', 's3')",
    "from duckdb_logs",
    "from duckdb_databases()",
    "from pragma_database_list",
    "from duckdb_temporary_files()",
    "from duckdb_external_file_cache()",
    "from duckdb_extensions()",
    "show home_directory",
    "select current_setting('secret_directory')",
    "select CURRENT_SETTING('secret_directory')",
    "select getenv('HOME')",
    "select $a",
    "select ?",
]

IN_ATHENA = [
    "insert into ward.person select 'x'",
    "explain analyze insert into ward.person select 'x'",
    "explain analyze verbose insert into ward.person select 'x'",
    "explain analyze (format json) delete from ward.person",
    "explain /* a */ analyze insert into ward.person select 'x'",
    "explain drop table ward.person",
    "explain (type validate) delete from ward.person",
    "explain explain select 1",
    "unload (select * from ward.person) to 's3://elsewhere/' with (format = 'PARQUET')",
    "create table ward.copy as select * from ward.person",
    "create external table x (a string) location 's3://elsewhere/'",
    "create or replace view ward.person as select 1",
    "with x as (insert into ward.person select 'x') select 1",
    "select * into x from ward.person",
    "delete from ward.person",
    "update ward.person set mark = 'x'",
    "merge into ward.person using ward.person as q on true when matched then delete",
    "truncate table ward.person",
    "drop table ward.person",
    "alter table ward.person set location 's3://elsewhere/'",
    "alter table ward.person add partition (d = '1') location 's3://elsewhere/'",
    "msck repair table ward.person",
    "optimize ward.person rewrite data using bin_pack",
    "vacuum ward.person",
    "analyze ward.person",
    "refresh table ward.person",
    "call system.sync_partition_metadata('a', 'b', 'full')",
    "prepare p from drop table ward.person",
    "execute p",
    "execute immediate 'drop table ward.person'",
    "describe input p",
    "desc (drop table ward.person)",
    "show session",
    "show grants",
    "show stats for ward.person",
    "show tables where drop",
    "show tables; drop table ward.person",
    "select 1; drop table ward.person",
    "-- select\ndrop table ward.person",
    "set session query_max_run_time = '1h'",
    "reset session a",
    "use other",
    "grant select on ward.person to everybody",
    "deny select on ward.person to somebody",
    "start transaction",
    "using external function f(x varchar) returns varchar lambda 'f' select f('a')",
    "select * from table(system.query(query => 'select 1'))",
    "select * from table(dynamo.system.query('select 1'))",
    "select (select 1 from table(system.query('select 1')))",
    "select * from dynamo.ward.person",
    "",
    ";",
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LocalLake:
    """A lake with one person, and beside it a file that is nobody's business."""
    folder = tmp_path_factory.mktemp("attacked")
    project = write_tiny_mesh(folder / "project", "person")
    (folder / "landing").mkdir()
    line = f'{{"resourceType": "Patient", "id": "p1", "gender": "{NAME}"}}'
    write_export(folder / "landing" / "first", Export({"Patient-1.ndjson": (line, "")}))
    products = select_products(find_domains(project / "domains"))
    now = "2026-01-02T03:04:05Z"
    land_tiny(project, folder / "landing", folder / "lake", products=products, now=now, is_last=True)
    (folder / "out").mkdir()
    (folder / "out" / "secret.csv").write_text(f"a\n{SECRET}\n")
    duckdb.execute(f"copy (select '{SECRET}' as a) to '{folder}/out/other.parquet'")
    return LocalLake(folder / "lake")


def ask(lake: LocalLake, sql: str) -> str:
    """What a query prints."""
    out = io.StringIO()
    write_rows(run_query(lake, sql), out, form="csv")
    return out.getvalue()


def state_of(folder: Path) -> dict[str, str]:
    """What stands in a folder, byte by byte."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("sql", [*WRITES, *READS])
def test_what_would_write_or_read_elsewhere_is_refused(
    lake: LocalLake, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = lake.root.parent
    (part,) = lake.root.glob("products/*/*/releases/*/data/*.parquet")
    places = {"{part}": part, "{lake}": lake.root, "{out}": home / "out", "{secret}": home / "out" / "secret.csv"}
    for name, place in places.items():
        sql = sql.replace(name, str(place))
    monkeypatch.chdir(home / "out")
    before = state_of(home)

    with pytest.raises(QueryError) as refused:
        ask(lake, sql)

    assert SECRET not in str(refused.value)
    assert state_of(home) == before


@pytest.mark.parametrize("sql", IN_ATHENA)
def test_athena_gets_nothing_but_what_reads(sql: str) -> None:
    def look_up(_: str, table: str) -> Relation:
        return Relation({"mark": "varchar"} if table == "person" else {})

    with pytest.raises(QueryError):
        find_reads(read_statement(sql), look_up)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select person_id from ward.person", ["p1"]),
        ("FROM Ward.Person SELECT person_id", ["p1"]),
        ("with p as (from ward.person), q as (from p) select count(*) from q", ["1"]),
        ("with recursive n(a) as (select 1 union all select a + 1 from n where a < 3) select max(a) from n", ["3"]),
        ("select person_id from ward.person union all by name select 'x' as person_id order by all", ["p1", "x"]),
        ("select p.person_id from ward.person p, lateral (select p.mark) as m", ["p1"]),
        ("select (select count(*) from ward.person) + count(*) from range(2)", ["3"]),
        ("select unnest([1, 2]) as n", ["1", "2"]),
        ("pivot ward.person on mark in ('x') using count(*) group by person_id", ["p1,0"]),
        ("select a.person_id from ward.person a asof join ward.person b on a.person_id >= b.person_id", ["p1"]),
        ("select reason from quarantine.lines", []),
        ("select count(*) from quarantine.decisions", ["0"]),
        ("select table_name from information_schema.tables where table_schema = 'ward'", ["person"]),
        ("select view_name from duckdb_views() where schema_name = 'ward'", ["person"]),
        ("select column_name from (describe ward.person) limit 1", ["person_id"]),
        ("select column_name from (summarize ward.person) limit 1", ["person_id"]),
        ("select '; copy x to y' as text -- ; drop view ward.person", ["; copy x to y"]),
        ("select 1 as n;", ["1"]),
    ],
)
def test_what_reads_the_lake_is_answered(lake: LocalLake, sql: str, rows: list[str]) -> None:
    assert ask(lake, sql).splitlines()[1:] == rows


@pytest.mark.parametrize(
    "sql",
    [
        *("explain from ward.person", "explain analyze from ward.person", "explain (format json) from ward.person"),
        *("show tables", "show all tables", "describe ward.person", "summarize ward.person", "explain (select 1)"),
    ],
)
def test_what_looks_at_the_lake_is_answered(lake: LocalLake, sql: str) -> None:
    before = state_of(lake.root)
    assert ask(lake, sql)
    assert state_of(lake.root) == before


@pytest.mark.parametrize(
    "sql", ["from '{part}'", "copy (select 1 as a) to '{out}/b.csv'", "from read_text('{secret}')"]
)
def test_a_locked_connection_opens_no_other_file(lake: LocalLake, sql: str, tmp_path: Path) -> None:
    """The second lock holds alone too, should a statement ever pass the first."""
    (part,) = lake.root.glob("products/*/*/releases/*/data/*.parquet")
    out = lake.root.parent / "out"
    sql = sql.replace("{part}", str(part)).replace("{out}", str(out)).replace("{secret}", str(out / "secret.csv"))
    with duckdb.connect(str(lake.database), read_only=True) as connection:
        lock_connection(connection, folders=(tmp_path,))
        with pytest.raises(duckdb.PermissionException):
            connection.execute(sql)
        with pytest.raises(duckdb.InvalidInputException, match="locked"):
            connection.execute("set enable_external_access = true")


@pytest.mark.parametrize(
    "sql",
    [
        "select cast(mark as integer) from ward.person",
        "select error(mark) from ward.person",
        "select strptime(mark, '%Y') from ward.person",
        "select mark::uuid from ward.person",
        "select json_extract(mark, '$.a') from ward.person",
        "select regexp_matches('a', mark || '(') from ward.person",
    ],
)
def test_an_error_of_a_query_quotes_no_value(lake: LocalLake, sql: str) -> None:
    with pytest.raises(QueryError) as failed:
        ask(lake, sql)
    assert NAME not in str(failed.value)


def test_the_files_of_a_release_are_read_only(lake: LocalLake) -> None:
    modes = {
        p.name: stat.S_IMODE(p.stat().st_mode) for p in lake.root.glob("products/*/*/releases/*/**/*") if p.is_file()
    }
    assert {"part-0.parquet", "manifest.json"} <= set(modes)
    assert set(modes.values()) == {0o440}


def test_a_library_caller_writes_nothing_for_others(lake: LocalLake) -> None:
    """`land_tiny` calls `pipeline.run`, with whatever mask the tests have."""
    open_to_others = [p for p in lake.root.rglob("*") if p.stat().st_mode & 0o007]
    assert open_to_others == []


def test_times_are_utc_wherever_the_machine_is(lake: LocalLake) -> None:
    sql = "select '2024-01-01 12:00:00+00'::timestamptz::varchar as t"
    command = [sys.executable, "-m", "caremesh", "query", sql, "--lake", str(lake.root), "--format", "csv"]
    asked = subprocess.run(command, env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=True)
    assert asked.stdout == "t\n2024-01-01 12:00:00+00\n"
