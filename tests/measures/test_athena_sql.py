"""The models compiled for Athena: without a network, without credentials, and the same SQL that DuckDB runs."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from caremesh.engines.dbt import compile_offline, write_project
from caremesh.products import Product
from tests.athena.functions import ON_BOTH_ENGINES, called_functions
from tests.conftest import ROOT

# dbt-athena warns of its package's name, and of its own macros' backslashes.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

DUCKDB_ONLY = ("::", r"\bqualify\b", "group by all", r"\bexclude\b", r"\bfilter\s*\(", r"[\[\]{}]", "//", r"\blambda\b")


@pytest.fixture(scope="module")
def project(products: Sequence[Product], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(products, tmp_path_factory.mktemp("athena") / "dbt", project_dir=ROOT / "dbt_project")


@pytest.fixture(scope="module")
def athena_sql(project: Path) -> Mapping[str, str]:
    """Compiled models by name; any attempt to connect, and any credentials found, would fail the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("compiling tried to reach the network")

    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        return compile_offline(project, target="athena", env={})


def without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*", "", sql)


def test_every_model_compiles(athena_sql: Mapping[str, str], project: Path) -> None:
    assert set(athena_sql) == {file.stem for file in (project / "models").rglob("*.sql")}


def test_tables_have_the_same_names_as_on_duckdb(athena_sql: Mapping[str, str]) -> None:
    assert '"awsdatacatalog"."clinical"."patient"' in athena_sql["patient_summary"]
    assert '"awsdatacatalog"."curated_work"."stay"' in athena_sql["length_of_stay"]


def test_the_sql_is_the_text_that_duckdb_runs(athena_sql: Mapping[str, str], project: Path) -> None:
    env = {"CAREMESH_DUCKDB": str(project.with_name("lake.duckdb"))}
    duckdb_sql = compile_offline(project, target="local", env=env)
    assert {n: s.replace('"awsdatacatalog".', "") for n, s in athena_sql.items()} == {
        n: s.replace('"lake".', "") for n, s in duckdb_sql.items()
    }


def test_no_construct_that_only_duckdb_knows(athena_sql: Mapping[str, str]) -> None:
    for name, sql in athena_sql.items():
        for construct in DUCKDB_ONLY:
            assert not re.search(construct, without_comments(sql)), (name, construct)


def test_only_functions_that_mean_the_same_on_both_engines(athena_sql: Mapping[str, str]) -> None:
    for name, sql in athena_sql.items():
        assert called_functions(sql) <= ON_BOTH_ENGINES, name
