"""The curated tables on this machine: dbt works in a DuckDB file aside, and what it built becomes Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.engines.dbt import BuiltTable, DbtResult, build, write_project
from caremesh.lake.curated import CuratedBuild, CuratedColumn, CuratedTable
from caremesh.lake.database import add_product_views
from caremesh.lake.layout import CURATED_FOLDER, PART_FILE
from caremesh.lake.local import LocalLake
from caremesh.products import Product
from caremesh.quoting import quote_name, quote_text
from caremesh.settings import Settings


def build_here(products: Sequence[Product], *, settings: Settings, lake: LocalLake, name: str) -> CuratedBuild:
    """Build and test the curated tables over the current releases; publish nothing yet."""
    work = lake.scratch / "curate"
    work.mkdir()
    database = work / "curate.duckdb"
    with duckdb.connect(str(database), config=OFFLINE) as connection:
        add_product_views(connection, lake, products)
    project = write_project(products, work / "dbt", project_dir=settings.dbt_dir)
    env = {
        # As seen from the work folder: what dbt reads out of the project is then the same for every lake.
        "CAREMESH_DUCKDB": f"../{database.name}",
        "CAREMESH_MEMORY_LIMIT": settings.reduced_memory_limit,
        "CAREMESH_THREADS": str(settings.reduced_threads),
    }
    result = build(project, target="local", variables={}, env=env, cache=settings.cache)
    folder = lake.scratch / CURATED_FOLDER
    made = _export(result, database, folder, name=name, at=settings.now)
    lake.add_curated(folder, made)
    return made


def _export(result: DbtResult, database: Path, folder: Path, *, name: str, at: str) -> CuratedBuild:
    folder.mkdir()
    with duckdb.connect(str(database), read_only=True, config=OFFLINE) as connection:
        tables = tuple(_export_table(connection, table, folder / table.name, build=name) for table in result.curated)
    return CuratedBuild(build=name, built_at=at, tests_passed=len(result.tests_passed), tables=tables)


def _export_table(
    connection: duckdb.DuckDBPyConnection, table: BuiltTable, folder: Path, *, build: str
) -> CuratedTable:
    folder.mkdir()
    relation = f"{quote_name(table.schema)}.{quote_name(table.name)}"
    target = quote_text(str(folder / PART_FILE))
    (rows,) = connection.execute(f"copy {relation} to {target} (format parquet, compression zstd)").fetchone() or (0,)
    return CuratedTable(
        schema=table.schema,
        name=table.name,
        folder=f"{CURATED_FOLDER}/{build}/{table.name}",
        description=table.description,
        rows=rows,
        columns=tuple(CuratedColumn(c.name, c.sql_type, c.classification, c.description) for c in table.columns),
        depends_on=table.depends_on,
    )
