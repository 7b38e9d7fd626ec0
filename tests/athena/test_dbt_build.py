"""The whole dbt project, built by the real dbt-athena: the rows and types of the DuckDB build."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from shutil import rmtree
from typing import Any

import duckdb
import pytest

from caremesh.engines.dbt import LOG_FILE, DbtResult, build, write_project
from caremesh.errors import CurateError
from caremesh.products import find_domains
from tests.athena.dbt_project import DbtOnAthena, dbt_on_athena
from tests.athena.dbt_statements import listen_for_statements, normalise
from tests.athena.local_aws import LocalAws
from tests.conftest import ROOT
from tests.golden.refresh import GOLDEN
from tests.measures.case_rows import case_rows
from tests.measures.product_tables import HIVE_TYPES
from tests.scale import is_soak

# dbt-athena warns of its package's name, and of its own macros' backslashes.
pytestmark = [
    pytest.mark.athena,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

AS_OF = "2025-01-31"
STATEMENTS = GOLDEN / "dbt_athena_statements.sql"
CURATED = sorted(f.stem for d in ("clinical", "operations") for f in (ROOT / "dbt_project/models" / d).glob("*.sql"))
WORK = sorted(
    f.stem
    for f in [*(ROOT / "dbt_project").glob("models/intermediate/*.sql"), *(ROOT / "dbt_project").glob("seeds/*.csv")]
)
SECRET = "Zaphod-4711"


@dataclass(frozen=True)
class Both:
    """One build on each engine, of the same rows."""

    dbt: DbtOnAthena
    on_athena: DbtResult
    on_duckdb: DbtResult
    database: Path
    statements: tuple[str, ...]

    def schema_of(self, table: str) -> str:
        """The schema that a table stands in on Athena; on DuckDB it is `curated` or `curated_work`."""
        return self.dbt.schema if table in CURATED else f"{self.dbt.schema}_work"

    def duckdb_query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a statement on DuckDB."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@pytest.fixture(scope="module")
def both(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    products = tuple(p for d in find_domains(ROOT / "domains") for p in d.products)
    folder = tmp_path_factory.mktemp("dbt")
    with dbt_on_athena(local_aws, folder, products, name="dbt-build") as dbt:
        database = dbt.publish("cases", case_rows())
        local = write_project(products, folder / "dbt_local", project_dir=ROOT / "dbt_project")
        variables = {"as_of": AS_OF}
        env = {"CAREMESH_DUCKDB": str(database)}
        on_duckdb = build(local, target="local", variables=variables, env=env, unit_tests=True)
        with listen_for_statements() as statements:
            on_athena = dbt.build(variables, unit_tests=True)
        yield Both(dbt, on_athena, on_duckdb, database, tuple(statements))


def test_all_models_and_all_tests_of_the_project_pass(both: Both) -> None:
    assert {m.name for m in both.on_athena.models} == {m.name for m in both.on_duckdb.models}
    assert both.on_athena.tests_passed == both.on_duckdb.tests_passed
    assert "day_30_counts_and_day_31_does_not" in both.on_athena.tests_passed
    assert both.on_athena.tests_warned == both.on_duckdb.tests_warned == ()


def test_curated_tables_are_found_and_counted_in_the_schema_that_they_were_moved_to(both: Both) -> None:
    assert [(t.schema, t.name) for t in both.on_athena.curated] == [(both.dbt.schema, name) for name in CURATED]
    assert [t.row_count for t in both.on_athena.curated] == [
        len(both.duckdb_query(f"select 1 from curated.{name}")) for name in CURATED
    ]
    assert [(t.schema, t.name) for t in both.on_duckdb.curated] == [("curated", name) for name in CURATED]


@pytest.mark.parametrize("table", [*CURATED, *WORK])
def test_table_holds_the_rows_of_the_duckdb_build(table: str, both: Both) -> None:
    schema = "curated" if table in CURATED else "curated_work"
    expected = as_multiset(both.duckdb_query(f"select * from {schema}.{table}"))
    assert expected
    assert as_multiset(both.dbt.query(f"select * from {both.schema_of(table)}.{table}")) == expected


def as_multiset(rows: list[dict[str, Any]]) -> Counter[str]:
    """Rows with the exact types of their values. No time here is finer than Athena's milliseconds."""
    return Counter(repr(list(row.items())) for row in rows)


@pytest.mark.parametrize("table", [*CURATED, *WORK])
def test_columns_have_the_types_of_the_duckdb_build(table: str, both: Both) -> None:
    described = both.duckdb_query(f"describe {'curated' if table in CURATED else 'curated_work'}.{table}")
    expected = [(row["column_name"], row["column_type"].lower()) for row in described]
    glue = both.dbt.aws.client("glue")
    found = glue.get_table(DatabaseName=both.schema_of(table), Name=table)["Table"]["StorageDescriptor"]["Columns"]
    assert [(c["Name"], c["Type"]) for c in found] == [(name, HIVE_TYPES.get(kind, kind)) for name, kind in expected]


def test_description_and_classification_of_each_column_stand_in_glue(both: Both) -> None:
    for table in both.on_athena.curated:
        stated = both.dbt.aws.client("glue").get_table(DatabaseName=table.schema, Name=table.name)["Table"]
        assert stated["Description"] == table.description
        assert [(c["Comment"], c["Parameters"]["classification"]) for c in stated["StorageDescriptor"]["Columns"]] == [
            (c.description, c.classification) for c in table.columns
        ]


def test_statements_are_the_golden_ones(both: Both) -> None:
    sent = normalise(both.statements)
    if os.environ.get("CAREMESH_REFRESH_GOLDEN"):
        STATEMENTS.write_text(sent)
    changes = list(unified_diff(STATEMENTS.read_text().splitlines(), sent.splitlines(), lineterm="", n=1))
    hint = f"{STATEMENTS.name} differs: set CAREMESH_REFRESH_GOLDEN=1, run this test again, and review the diff"
    assert not changes, "\n".join([hint, *changes[:40]])


def test_plain_dbt_builds_the_project_that_was_written(both: Both) -> None:
    before = contents(both)
    project = str(both.dbt.project)
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "build",
        "--target",
        "athena",
        "--exclude-resource-type",
        "unit_test",
    ]
    selected = [] if is_soak() else ["--select", "patient_summary", "payer_mix_monthly"]
    places = ["--project-dir", project, "--profiles-dir", project, "--vars", f"as_of: {AS_OF}"]
    env = {"PATH": os.environ["PATH"], "HOME": project, **both.dbt.env}
    run = subprocess.run([*command, *selected, *places], env=env, cwd=project, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:]
    assert contents(both) == before


def contents(both: Both) -> Mapping[str, Counter[str]]:
    return {t: as_multiset(both.dbt.query(f"select * from {both.dbt.schema}.{t}")) for t in CURATED}


def test_no_table_of_dbts_own_is_left_behind(both: Both) -> None:
    glue = both.dbt.aws.client("glue")
    for schema, names in ((both.dbt.schema, CURATED), (f"{both.dbt.schema}_work", WORK)):
        assert sorted(t["Name"] for t in glue.get_tables(DatabaseName=schema)["TableList"]) == names


def test_a_full_refresh_is_refused_as_it_takes_tables_from_their_readers(both: Both) -> None:
    project = str(both.dbt.project)
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--target", "athena", "--full-refresh"]
    env = {"PATH": os.environ["PATH"], "HOME": project, **both.dbt.env}
    places = ["--project-dir", project, "--profiles-dir", project]
    run = subprocess.run([*command, *places], env=env, cwd=project, capture_output=True, text=True)
    assert run.returncode != 0
    assert "--full-refresh drops each table while it is read; leave it out" in run.stdout
    assert contents(both)


def test_a_failed_build_names_the_tests_and_leaves_no_trace(
    both: Both, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dbt = replace(both.dbt, folder=tmp_path)
    write_project(dbt.products, dbt.project, project_dir=ROOT / "dbt_project")
    rmtree(dbt.project / "models" / "operations")
    for file in (dbt.project / "models" / "intermediate").iterdir():
        if file.stem not in ("age_day", "as_of_day", "stg_encounter"):
            file.unlink()
    twice = {"patient_id": SECRET, "is_deceased": False}
    dbt.publish("twice", {"clinical.patient": [twice, twice]})
    before = dict(os.environ), Path.cwd()
    with pytest.raises(CurateError) as raised:
        dbt.build({"as_of": AS_OF})
    assert (dict(os.environ), Path.cwd()) == before
    assert "unique_patient_summary_patient_id" in str(raised.value)
    assert SECRET not in str(raised.value)
    assert (dbt.project / LOG_FILE).is_file()
    assert capfd.readouterr() == ("", "")
