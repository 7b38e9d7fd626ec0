"""One dbt build of the hand-made cases, and one of a real export, for all tests of measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from caremesh.engines.dbt import DbtResult, build, write_project
from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from caremesh.products import Product, find_domains
from tests.conftest import CACHE, ROOT, SilentWatcher, settings_for
from tests.measures.case_rows import case_rows
from tests.measures.product_tables import create_products

AS_OF = "2025-01-31"


@dataclass(frozen=True)
class Curated:
    """A build that succeeded, and a connection to what it made."""

    result: DbtResult
    project: Path
    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query gives."""
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def products() -> tuple[Product, ...]:
    """The products of this repository."""
    return tuple(p for d in find_domains(ROOT / "domains") for p in d.products)


@pytest.fixture(scope="session")
def cases(products: Sequence[Product], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Curated]:
    """The hand-made patients of `cases/`, curated on DuckDB; dbt's unit tests run in the same build."""
    folder = tmp_path_factory.mktemp("cases")
    database = create_products(folder / "lake.duckdb", products, case_rows())
    yield from curate(products, database, variables={"as_of": AS_OF}, unit_tests=True)


@pytest.fixture(scope="session")
def synthea_database(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DuckDB file of a lake that a real export was published to."""
    lake = tmp_path_factory.mktemp("synthea") / "lake"
    settings = settings_for(lake, shared_data / "synthea-25")
    run(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten", "check", "publish"))
    return LocalLake(lake).database


@pytest.fixture(scope="session")
def synthea(synthea_database: Path, products: Sequence[Product]) -> Iterator[Curated]:
    """A real export, curated on DuckDB."""
    yield from curate(products, synthea_database, variables={}, unit_tests=False)


def curate(
    products: Sequence[Product], database: Path, *, variables: dict[str, object], unit_tests: bool
) -> Iterator[Curated]:
    """Build the curated tables over the products in a DuckDB file, and keep a connection to it."""
    project = write_project(products, database.with_name("dbt"), project_dir=ROOT / "dbt_project")
    env = {"CAREMESH_DUCKDB": f"../{database.name}"}
    result = build(project, target="local", variables=variables, env=env, unit_tests=unit_tests, cache=CACHE)
    with duckdb.connect(str(database), read_only=True) as connection:
        yield Curated(result, project, connection)
