"""Curate: build and test the curated tables over the current releases, and show them all at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.engines.dbt import BuiltTable, DbtResult, build, project_files, write_project
from caremesh.lake.base import Lake
from caremesh.lake.curated import CuratedBuild, CuratedColumn, CuratedTable
from caremesh.lake.database import add_product_views
from caremesh.lake.layout import CURATED_FOLDER, PART_FILE
from caremesh.lake.local import LocalLake
from caremesh.products import Product
from caremesh.quoting import quote_name, quote_text
from caremesh.settings import Settings


@dataclass(frozen=True)
class CurateReport:
    """What curating did: the current build, whether this run made it, and the products without release it waits for."""

    build: CuratedBuild | None
    is_new: bool
    skipped: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for the terminal."""
        if self.skipped:
            return "skipped"
        assert self.build is not None
        made = f"{len(self.build.tables)} tables, {self.build.tests_passed} tests passed"
        return made if self.is_new else f"{made}; nothing new"


def curate(products: Sequence[Product], *, settings: Settings, lake: Lake) -> CurateReport:
    """Build all curated tables from the current releases; they replace the ones before only after every test passed.

    Skipped while a product was never published. Raises CurateError where dbt fails; the tables before stay.
    """
    releases = {p.id: pointer.release for p in products if (pointer := lake.pointer(p))}
    missing = tuple(p.id for p in products if p.view_file and p.id not in releases)
    current = lake.read_curated()
    if missing:
        return CurateReport(current, is_new=False, skipped=missing)
    name = _build_name(releases, settings.dbt_dir)
    if current and current.build == name:
        return CurateReport(current, is_new=False)
    assert isinstance(lake, LocalLake)
    work = lake.scratch / "curate"
    work.mkdir()
    database = work / "curate.duckdb"
    with duckdb.connect(str(database), config=OFFLINE) as connection:
        add_product_views(connection, lake, products)
    project = write_project(products, work / "dbt", project_dir=settings.dbt_dir)
    result = build(project, target="local", variables={}, env={"CAREMESH_DUCKDB": str(database.resolve())})
    made = _export(result, database, work / "tables", name=name, at=settings.now)
    lake.publish_curated(work / "tables", made)
    return CurateReport(made, is_new=True)


def _build_name(releases: Mapping[str, str], dbt_dir: Path) -> str:
    """Twelve hex digits over everything that decides what the tables hold: releases and the dbt project's files."""
    texts = [(f.as_posix(), hashlib.sha256((dbt_dir / f).read_bytes()).hexdigest()) for f in project_files(dbt_dir)]
    return hashlib.sha256(json.dumps([sorted(releases.items()), texts]).encode()).hexdigest()[:12]


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
