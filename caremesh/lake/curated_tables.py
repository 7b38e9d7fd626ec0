"""The Glue tables of the database `curated`: each points to what the current build made."""

from __future__ import annotations

from collections.abc import Callable

from caremesh.aws.glue import Glue, GlueColumn, GlueTable, LostRace, glue_type
from caremesh.errors import LakeError
from caremesh.lake.curated import CuratedBuild, CuratedTable
from caremesh.lake.layout import CURATED_FOLDER
from caremesh.places import S3Place

BUILD = "caremesh.build"


def show_curated(glue: Glue, place: S3Place, read_build: Callable[[], CuratedBuild | None]) -> None:
    """Let the database `curated` show the current build, table by table; tables that it does not have are dropped."""
    build = read_build()
    while build:
        _show_build(glue, place, build, read_build)
        # Where another run makes a build current meanwhile, we may have dropped a table that it shows.
        before, build = build, read_build()
        if build == before:
            return


def _show_build(glue: Glue, place: S3Place, build: CuratedBuild, read_build: Callable[[], CuratedBuild | None]) -> None:
    glue.ensure_database(CURATED_FOLDER, "Curated tables, built and tested by dbt")
    for table in build.tables:
        _show_table(glue, place, table.name, read_build)
    # The tables are listed before the build is read: whatever a newer one adds after that is not among them.
    listed = glue.tables(CURATED_FOLDER)
    current = read_build() or build
    kept = {t.name for t in current.tables}
    for name, parameters in listed.items():
        if parameters.get(BUILD) not in (None, current.build) and name not in kept:
            glue.drop_table(CURATED_FOLDER, name)


def _show_table(glue: Glue, place: S3Place, name: str, read_build: Callable[[], CuratedBuild | None]) -> None:
    """Point one table to the current build.

    The table is read before the build: where another run makes a newer build current after that, it moves the table
    after us, or we are refused and look again. An older build never replaces a newer one.
    """
    while True:
        seen = glue.find(CURATED_FOLDER, name)
        build = read_build()
        table = next((t for t in build.tables if t.name == name), None) if build else None
        if seen and not seen.location.startswith(place.folder):
            raise LakeError(
                f"the Glue table {CURATED_FOLDER}.{name} is not of this lake but at {seen.location or 'no place'}",
                where=str(place),
                hint="drop that table, or use an AWS account or region of its own for this lake",
            )
        if build is None or table is None or (seen and seen.parameters.get(BUILD) == build.build):
            return
        try:
            glue.put(_pointer(table, place, build), seen=seen)
            return
        except LostRace:
            continue


def _pointer(table: CuratedTable, place: S3Place, build: CuratedBuild) -> GlueTable:
    return GlueTable(
        database=CURATED_FOLDER,
        name=table.name,
        description=table.description,
        location=(place / table.folder).folder,
        columns=[GlueColumn(c.name, glue_type(c.data_type), c.description, c.classification) for c in table.columns],
        parameters={BUILD: build.build, "caremesh.built_at": build.built_at, "caremesh.rows": str(table.rows)},
    )
