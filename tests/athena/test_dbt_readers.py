"""Readers of the curated tables while dbt builds them anew: each sees one whole build, and never an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from caremesh.products import find_domains
from tests.athena.dbt_project import DbtOnAthena, dbt_on_athena, rows_of
from tests.athena.local_aws import LocalAws
from tests.conftest import ROOT
from tests.measures.product_tables import Row
from tests.scale import is_soak

# dbt-athena warns of its package's name, and of its own macros' backslashes.
pytestmark = [
    pytest.mark.athena,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# By table, the column that says in every row which build the row is from.
MARKS = {
    "length_of_stay": "facility_name",
    "patient_summary": "state",
    "payer_mix_monthly": "payer_name",
    "readmission_30d": "discharge_facility_name",
    "readmission_30d_acute": "discharge_facility_name",
}
BUILDS = 3 if is_soak() else 1


def products_of(build: int) -> dict[str, list[Row]]:
    """Rows that say in each row of each curated table which build they are from; a later build has more of them."""
    mark = f"build {build}"
    patients = [f"p{number}" for number in range(count_of(build))]
    return {
        "clinical.patient": [{"patient_id": p, "is_deceased": False, "state": mark} for p in patients],
        "clinical.encounter": [
            {
                "encounter_id": f"{patient}/1",
                "patient_id": patient,
                "status": "finished",
                "class_code": "IMP",
                "period_start_at": "2024-02-28 08:00:00",
                "period_start_text": "2024-02-28T08:00:00Z",
                "period_end_at": "2024-03-01 08:00:00",
                "period_end_text": "2024-03-01T08:00:00Z",
                "service_provider_name": mark,
            }
            for patient in patients
        ],
        "operations.claim_line": [
            {
                "explanation_of_benefit_id": f"b{number}",
                "insurer_name": mark,
                "billable_start_text": f"{2000 + number}-02-29",
                "submitted_amount": 0.1,
            }
            for number in range(count_of(build))
        ],
    }


def count_of(build: int) -> int:
    return 10 + build


@dataclass
class Reader:
    """Reads each curated table in turn until it is stopped; `seen` holds by table how many rows each mark had."""

    dbt: DbtOnAthena
    stop: threading.Event = field(default_factory=threading.Event)
    seen: dict[str, list[dict[str, int]]] = field(default_factory=lambda: {table: [] for table in MARKS})
    error: BaseException | None = None

    def read(self) -> None:
        """Read until stopped; an error ends it and is kept."""
        try:
            while not self.stop.is_set():
                self.read_once()
        except BaseException as error:
            self.error = error

    def read_once(self) -> None:
        """Read every table once."""
        with self.dbt.connect() as connection:
            for table, mark in MARKS.items():
                sql = f"select {mark} as mark, count(*) as rows from {self.dbt.schema}.{table} group by {mark}"
                self.seen[table].append({row["mark"]: row["rows"] for row in rows_of(connection, sql)})


@pytest.fixture(scope="module")
def dbt(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DbtOnAthena]:
    products = tuple(p for d in find_domains(ROOT / "domains") for p in d.products)
    with dbt_on_athena(local_aws, tmp_path_factory.mktemp("readers"), products, name="dbt-readers") as dbt:
        yield dbt


@pytest.fixture(scope="module")
def reader(dbt: DbtOnAthena) -> Reader:
    """What a reader saw during the builds that follow one that made the tables, and once more after the last."""
    build(dbt, 0)
    reader = Reader(dbt)
    thread = threading.Thread(target=reader.read)
    thread.start()
    try:
        while not reader.error and len(reader.seen["readmission_30d_acute"]) == 0:
            time.sleep(0.1)
        for number in range(1, BUILDS + 1):
            build(dbt, number)
    finally:
        reader.stop.set()
        thread.join()
    if not reader.error:
        reader.read_once()
    return reader


def build(dbt: DbtOnAthena, number: int) -> None:
    """Build the tables anew; the project's own tests are two thirds of a build, and move no table."""
    dbt.publish(f"build_{number}", products_of(number))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_EXCLUDE_RESOURCE_TYPES", "test unit_test")
        dbt.build({"as_of": f"2025-01-{number + 1:02}"}, unit_tests=True)


def test_a_reader_never_sees_an_error(reader: Reader) -> None:
    if reader.error:
        raise reader.error


@pytest.mark.parametrize("table", MARKS)
def test_a_reader_sees_one_whole_build_each_time(table: str, reader: Reader) -> None:
    wholes = [{f"build {number}": count_of(number)} for number in range(BUILDS + 1)]
    assert all(answer in wholes for answer in reader.seen[table])
    order = [wholes.index(answer) for answer in reader.seen[table]]
    assert order == sorted(order)
    assert order[0] == 0
    assert order[-1] == BUILDS


def test_data_behind_earlier_builds_is_kept_for_queries_that_are_running(dbt: DbtOnAthena, reader: Reader) -> None:
    glue, s3 = dbt.aws.client("glue"), dbt.aws.client("s3")
    versions = glue.get_table_versions(DatabaseName=dbt.schema, TableName="length_of_stay")["TableVersions"]
    locations = {v["Table"]["StorageDescriptor"]["Location"] for v in versions}
    assert len(locations) == BUILDS + 1
    for location in locations:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        assert s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] > 0
