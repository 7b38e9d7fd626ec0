"""The same mesh on both targets: every product and every curated table has equal columns, types and rows."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import duckdb
import pytest

from caremesh.demo import ExportPlan, write_export, write_increment
from caremesh.lake.local import LocalLake
from caremesh.products import find_domains, select_products
from tests.athena.engine import Athena
from tests.athena.local_aws import LocalAws
from tests.conftest import ROOT, Result
from tests.scale import is_soak

pytestmark = [pytest.mark.athena, pytest.mark.timeout(1200)]

CURATED = ("length_of_stay", "patient_summary", "payer_mix_monthly", "readmission_30d", "readmission_30d_acute")
PRODUCTS = select_products(find_domains(ROOT / "domains"))
KEYS = {p.id: p.key for p in PRODUCTS} | {
    "curated.length_of_stay": ("encounter_id",),
    "curated.patient_summary": ("patient_id",),
    "curated.payer_mix_monthly": ("service_month", "payer_class"),
    "curated.readmission_30d": ("stay_id",),
    "curated.readmission_30d_acute": ("stay_id",),
}
SHOWN = 10
"""So many rows that differ are printed."""

Row = dict[str, object]


@dataclass(frozen=True)
class Mesh:
    """One set of exports, run on this machine and in AWS."""

    here: Path
    there: str
    code: int


def write_demo(landing: Path) -> Path:
    """Two exports of the demo, the second an increment, with lines that cannot be used."""
    plan = ExportPlan(patients=60, seed=11, damaged_lines=8)
    write_export(plan, landing)
    write_increment(plan, landing, sequence=1)
    return landing


def upload(aws: LocalAws, folder: Path, bucket: str) -> str:
    """Put a landing zone into a bucket of its own; give its address."""
    place = aws.make_bucket(bucket)
    for file in sorted(p for p in folder.rglob("*.ndjson*") if p.is_file()):
        aws.client("s3").upload_file(str(file), bucket, file.relative_to(folder).as_posix())
    return place


def forget_tables(aws: LocalAws) -> None:
    """Empty the catalog: one account holds the tables of one lake."""
    glue = aws.client("glue")
    names = {p.domain for p in PRODUCTS} | {"curated", "quarantine", "caremesh"}
    for database in glue.get_databases()["DatabaseList"]:
        if database["Name"] in names:
            glue.delete_database(Name=database["Name"])


@pytest.fixture(scope="module")
def lakes_here(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], tuple[Path, int]]:
    """Gives the local lake of a landing folder, and how its run ended; made once for both engines of AWS."""

    @cache
    def run_here(landing: Path) -> tuple[Path, int]:
        lake = tmp_path_factory.mktemp(landing.name) / "lake"
        command = [sys.executable, "-m", "caremesh", "run", "--landing", str(landing), "--lake", str(lake), "--quiet"]
        return lake, subprocess.run(command, check=False, capture_output=True, cwd=ROOT).returncode

    return run_here


@pytest.fixture(scope="module")
def demo_landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo") / "landing")


@pytest.fixture
def targets(
    caremesh: Callable[..., Result],
    lakes_here: Callable[[Path], tuple[Path, int]],
    local_aws: LocalAws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Path, str, str], Mesh]]:
    """Runs a landing folder on both targets."""
    local_aws.lead(monkeypatch)
    monkeypatch.setenv("CAREMESH_SCRATCH", str(tmp_path / "scratch"))
    forget_tables(local_aws)

    def run(landing: Path, name: str, engine: str) -> Mesh:
        here, code = lakes_here(landing)
        there = local_aws.make_bucket(f"lake-{name}-{engine}")
        options = ("--target", "aws", "--lake", there, "--quiet")
        source = ("--landing", upload(local_aws, landing, f"landing-{name}-{engine}"))
        if has_curated(name, engine):
            assert caremesh("run", *source, "--engine", engine, *options).exit_code == code
        else:
            steps = [("land", *source), ("flatten", "--engine", engine), ("check",), ("publish",)]
            codes = [caremesh(*step, *options).exit_code for step in steps]
            assert codes == [0, code, code, code]
        return Mesh(here, there, code)

    yield run
    forget_tables(local_aws)


def has_curated(name: str, engine: str) -> bool:
    """Whether the curated tables are built, too: minutes, and they know nothing of what flattened the products."""
    return (name, engine) == ("synthea", "duckdb") or is_soak()


def tables(*, curated: bool) -> list[str]:
    """What is compared."""
    built = [f"curated.{name}" for name in CURATED] if curated else []
    return [*(p.id for p in PRODUCTS if p.view_files or curated), *built]


def rows_here(mesh: Mesh, table: str) -> tuple[list[Row], dict[str, str]]:
    """The rows of a table of the local lake, and its types."""
    with duckdb.connect(str(LocalLake(mesh.here).database), read_only=True) as connection:
        cursor = connection.execute(f"select * from {table}")
        names = [d[0] for d in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        described = connection.execute(f"describe {table}").fetchall()
    return rows, {name: sql_type.lower() for name, sql_type, *_ in described}


def rows_there(athena: Athena, table: str) -> tuple[list[Row], dict[str, str]]:
    """The rows of the same table, by Athena, and the types that Glue states."""
    database, name = table.split(".")
    stated = athena.aws.client("glue").get_table(DatabaseName=database, Name=name)["Table"]
    types = {c["Name"]: c["Type"] for c in stated["StorageDescriptor"]["Columns"]}
    spelled = {"string": "varchar", "int": "integer"}
    return athena.query(f"select * from {table}"), {n: spelled.get(t, t) for n, t in types.items()}


def difference(here: Sequence[Row], there: Sequence[Row], key: Sequence[str]) -> str:
    """Rows that differ, by key: the columns and both values; the exports are synthetic."""
    left, right = (Counter(repr(sorted(row.items())) for row in rows) for rows in (here, there))
    if left == right:
        return ""
    ours, theirs = ({tuple(row[k] for k in key): row for row in rows} for rows in (here, there))
    lines = [f"{len(here)} rows here, {len(there)} there"]
    for value in sorted(ours.keys() | theirs.keys(), key=repr):
        one, other = ours.get(value), theirs.get(value)
        if one is None or other is None:
            lines.append(f"{value}: only {'there' if one is None else 'here'}")
        elif one != other:
            changed = [f"{n}: {one[n]!r} here, {other[n]!r} there" for n in one if one[n] != other[n]]
            lines.append(f"{value}: " + "; ".join(changed))
    return "\n".join(lines[: SHOWN + 1])


def compare(mesh: Mesh, athena: Athena, names: Sequence[str]) -> list[str]:
    """What differs between the targets, table by table."""
    faults = []
    for name in names:
        (here, types_here), (there, types_there) = rows_here(mesh, name), rows_there(athena, name)
        assert here, f"{name} is empty, which would prove nothing"
        if list(types_here.items()) != list(types_there.items()):
            faults.append(f"{name}: columns {types_here} here, {types_there} there")
        if rows := difference(here, there, KEYS[name]):
            faults.append(f"{name}: {rows}")
    return faults


def count_by_clients(table: str, place: str) -> list[int]:
    """How many rows awswrangler and PyAthena read of a table; both find the local AWS by the environment."""
    import awswrangler as wr
    from pyathena import connect

    database, name = table.split(".")
    output = f"{place}/clients/"
    frame = wr.athena.read_sql_query(f"select * from {name}", database=database, s3_output=output, ctas_approach=False)
    with connect(s3_staging_dir=output, schema_name=database, poll_interval=0.05) as connection:
        rows = connection.cursor().execute(f"select * from {name}").fetchall()
    return [len(frame), len(rows)]


@pytest.mark.parametrize("engine", ["duckdb", "athena"] if is_soak() else ["athena"])
def test_demo_exports_give_the_same_mesh_on_both_targets(
    engine: str, targets: Callable[[Path, str, str], Mesh], athena: Athena, demo_landing: Path
) -> None:
    mesh = targets(demo_landing, "demo", engine)
    assert mesh.code == 3
    assert compare(mesh, athena, tables(curated=has_curated("demo", engine))) == []
    line = "" if engine == "athena" else ", line, reason"
    sql = f"select product, export, file, raw{line} from quarantine.lines"
    with duckdb.connect(str(LocalLake(mesh.here).database), read_only=True) as connection:
        here = Counter(connection.execute(sql).fetchall())
    assert here
    # Compared first, since the message of a failure must not print lines.
    same = here == Counter(tuple(row.values()) for row in athena.query(sql))
    assert same, "the quarantine differs"


@pytest.mark.parametrize("engine", ["duckdb", "athena"] if is_soak() else ["duckdb"])
def test_a_real_export_gives_the_same_mesh_on_both_targets(
    engine: str, targets: Callable[[Path, str, str], Mesh], athena: Athena, shared_data: Path
) -> None:
    mesh = targets(shared_data / "synthea-80", "synthea", engine)
    assert mesh.code == 0
    curated = has_curated("synthea", engine)
    if curated:
        stays = len(rows_here(mesh, "curated.length_of_stay")[0])
        assert count_by_clients("curated.length_of_stay", mesh.there) == [stays] * 2
    assert compare(mesh, athena, [name for name in tables(curated=curated) if rows_here(mesh, name)[0]]) == []


def test_a_difference_is_told_by_key_and_column() -> None:
    here: list[Row] = [{"id": 1, "v": Decimal("1.0")}, {"id": 2, "v": None}, {"id": 3, "v": 3}]
    there: list[Row] = [{"id": 1, "v": Decimal("1.5")}, {"id": 2, "v": None}, {"id": 4, "v": 4}]
    assert difference(here, there, ["id"]).splitlines() == [
        "3 rows here, 3 there",
        "(1,): v: Decimal('1.0') here, Decimal('1.5') there",
        "(3,): only here",
        "(4,): only there",
    ]
    assert difference(here, list(reversed(here)), ["id"]) == ""
