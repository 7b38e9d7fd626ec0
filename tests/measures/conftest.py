"""One dbt build of the hand-made cases, and one of a real export, for all tests of measures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from caremesh.engines.dbt import DbtResult, build, write_project
from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from caremesh.products import Product, find_domains
from tests.conftest import ROOT, SilentWatcher, settings_for
from tests.measures.product_tables import Row, create_products, moment

CASES = Path(__file__).parent / "cases"
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
    encounters = [_encounter(row) for row in read_cases("encounters")]
    deaths = {row["patient"]: row["deceased"] for row in read_cases("patients")}
    patients: list[Row] = [
        {"patient_id": name, "is_deceased": name in deaths, "deceased_at": moment(deaths.get(name))}
        for name in sorted({row["patient"] for row in read_cases("encounters")})
    ]
    rows = {"clinical.encounter": [*encounters, *_nobody_and_somebody()], "clinical.patient": patients}
    database = create_products(folder / "lake.duckdb", products, rows)
    yield from _curate(products, database, variables={"as_of": AS_OF}, unit_tests=True)


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
    yield from _curate(products, synthea_database, variables={}, unit_tests=False)


def read_cases(name: str) -> list[dict[str, str]]:
    """The lines of one file of cases."""
    with (CASES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _encounter(case: dict[str, str]) -> Row:
    return {
        "encounter_id": f"{case['patient']}/{case['encounter']}",
        "patient_id": case["patient"],
        "status": case["status"],
        "class_code": case["class"],
        "type_system": "http://snomed.info/sct",
        "type_code": case["type"] or "32485007",
        "period_start_at": moment(case["start"]),
        "period_start_text": case["start"],
        "period_end_at": moment(case["end"]),
        "period_end_text": case["end"] or None,
        "service_provider_id": case["facility"] or None,
        "discharge_disposition_code": case["disposition"] or None,
    }


def _nobody_and_somebody() -> list[Row]:
    """Two encounters at one bedside that name no patient, and two that name one by a conditional reference."""
    stay = {"status": "finished", "class_code": "IMP", "service_provider_id": "A"}
    first = {"period_start_at": "2024-05-01 08:00:00", "period_end_at": "2024-05-03 08:00:00"}
    second = {"period_start_at": "2024-05-02 08:00:00", "period_end_at": "2024-05-04 08:00:00"}
    reference = "Patient?identifier=mrn|1"
    return [
        {"encounter_id": "nobody/1", **stay, **first},
        {"encounter_id": "nobody/2", **stay, **second},
        {"encounter_id": "conditional/1", "patient_reference": reference, **stay, **first},
        {"encounter_id": "conditional/2", "patient_reference": reference, **stay, **second},
    ]


def _curate(
    products: Sequence[Product], database: Path, *, variables: dict[str, object], unit_tests: bool
) -> Iterator[Curated]:
    project = write_project(products, database.with_name("dbt"), project_dir=ROOT / "dbt_project")
    env = {"CAREMESH_DUCKDB": str(database)}
    result = build(project, target="local", variables=variables, env=env, unit_tests=unit_tests)
    with duckdb.connect(str(database), read_only=True) as connection:
        yield Curated(result, project, connection)
