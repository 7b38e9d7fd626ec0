"""The curated tables in Athena: dbt works in databases of this run alone, which nobody reads.

The products are pinned: what is published while dbt works is for the next build.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from caremesh.aws import cleaning_up
from caremesh.engines.athena import Athena
from caremesh.engines.dbt import BuiltTable, DbtResult, build, write_project
from caremesh.errors import CurateError
from caremesh.lake.aws import AwsLake
from caremesh.lake.curated import CuratedBuild, CuratedColumn, CuratedTable
from caremesh.lake.layout import CURATED_FOLDER
from caremesh.products import Product
from caremesh.quoting import quote_name
from caremesh.settings import Settings


@dataclass(frozen=True)
class BuildDatabases:
    """The Glue databases of one build, which nobody reads: for the curated tables, and for what they are made of."""

    curated: str
    work: str


def build_in_athena(
    products: Sequence[Product], *, releases: Mapping[str, str], settings: Settings, lake: AwsLake, name: str
) -> CuratedBuild:
    """Build and test the curated tables over these releases (product id → release); publish nothing yet."""
    data = f"{CURATED_FOLDER}/{name}"
    with _databases(lake, settings.run_id, data) as databases:
        sources = {
            p.id: (databases.work, lake.pin(p, releases[p.id], database=databases.work))
            for p in products
            if p.view_files
        }
        folder = lake.scratch / "curate" / "dbt"
        project = write_project(products, folder, project_dir=settings.dbt_dir, sources=sources)
        environment = _environment(lake, databases, (lake.place / data).folder)
        result = build(project, target="athena", variables={}, env=environment)
        for product in (p for p in products if p.id in releases):
            # Of a release that was pruned while dbt read it, some rows may be missing.
            lake.require_manifest(product, releases[product.id])
        return _describe(result, lake, name=name, at=settings.now)


@contextmanager
def _databases(lake: AwsLake, run_id: str, data: str) -> Iterator[BuildDatabases]:
    """Databases for one build; the catalog forgets them after it, and the data of intermediate tables go."""
    names = BuildDatabases(curated=f"caremesh_build_{run_id}", work=f"caremesh_work_{run_id}")

    def clean() -> None:
        for name in (names.curated, names.work):
            lake.glue.drop_database(name)
        lake.objects.delete([*lake.objects.list(f"{data}/{names.work}")])

    with cleaning_up(clean):
        for name in (names.curated, names.work):
            lake.glue.ensure_database(name, "A build of the curated tables at work; not for readers")
        yield names


def _environment(lake: AwsLake, databases: BuildDatabases, data: str) -> Mapping[str, str]:
    settings = lake.aws.settings
    return {
        "AWS_REGION": lake.aws.session.region_name,
        "CAREMESH_ATHENA_WORK_GROUP": settings.work_group,
        "CAREMESH_ATHENA_STAGING": lake.query_output,
        "CAREMESH_ATHENA_DATA": data,
        "CAREMESH_ATHENA_POLL_SECONDS": str(settings.poll_seconds),
        "CAREMESH_CURATED_SCHEMA": databases.curated,
        "CAREMESH_CURATED_WORK_SCHEMA": databases.work,
    }


def _describe(result: DbtResult, lake: AwsLake, *, name: str, at: str) -> CuratedBuild:
    athena = Athena(lake.aws, output=lake.query_output)
    tables = tuple(_describe_table(table, lake, athena) for table in result.curated)
    return CuratedBuild(build=name, built_at=at, tests_passed=len(result.tests_passed), tables=tables)


def _describe_table(table: BuiltTable, lake: AwsLake, athena: Athena) -> CuratedTable:
    found = lake.glue.find(table.schema, table.name)
    if found is None or not found.location.startswith(lake.place.folder):
        raise CurateError(f"dbt built {table.name}, and it is not where it should be", hint="run again")
    counted, _ = athena.rows(f"select count(*) from {quote_name(table.name)}", database=table.schema)
    return CuratedTable(
        schema=CURATED_FOLDER,
        name=table.name,
        folder=found.location.removeprefix(lake.place.folder).rstrip("/"),
        description=table.description,
        rows=int(counted[0][0] or 0),
        columns=tuple(CuratedColumn(c.name, c.sql_type, c.classification, c.description) for c in table.columns),
        depends_on=table.depends_on,
    )
