"""The Glue table `quarantine.lines`: one partition for the quarantine of each product's current release."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from caremesh.aws.glue import Glue, GlueColumn, GlueTable, LostRace
from caremesh.errors import LakeError
from caremesh.places import S3Place

DATABASE = "quarantine"
TABLE = "lines"


def quarantine_table(place: S3Place) -> GlueTable:
    """The table, which has no data of its own: they stand in the releases."""
    return GlueTable(
        database=DATABASE,
        name=TABLE,
        description="Lines that could not be used. One row per line and product.",
        location=(place / DATABASE).folder,
        columns=(
            GlueColumn("export", "string", "The export that the line came with."),
            GlueColumn("file", "string", "Its file, by its name in the export."),
            GlueColumn("line", "bigint", "The line's number in the file, from 1; null where Athena read it."),
            GlueColumn("reason", "string", "Why it could not be used."),
            GlueColumn("raw", "string", "The line's text."),
        ),
        partition_keys=(
            GlueColumn("product", "string", "The product that could not use it."),
            GlueColumn("release", "string", "The release of that product."),
        ),
        parameters={},
    )


def show_quarantine(
    glue: Glue, place: S3Place, locations: Mapping[tuple[str, str], str], *, products: Collection[str]
) -> None:
    """Let the table have exactly these partitions of `products`: (product, release) → folder of Parquet files.

    Partitions of other products stay: another project may show them.
    """
    table = quarantine_table(place)
    seen = glue.find(DATABASE, TABLE)
    if seen and seen.location != table.location:
        raise LakeError(
            f"the Glue table {DATABASE}.{TABLE} is not of this lake: its data are at {seen.location or 'no place'}",
            where=str(place),
            hint="drop that table, or rename it, or use an AWS account or region of its own for this lake",
        )
    if seen is None:
        glue.ensure_database(DATABASE, "Lines that could not be used")
        # Another run may make the same table meanwhile.
        with suppress(LostRace):
            glue.put(table, seen=None)
    found = glue.partitions(DATABASE, TABLE)
    wrong = [v for v, location in found.items() if v[0] in products and locations.get((v[0], v[1])) != location]
    # A release that was made anew stands in another folder.
    glue.drop_partitions(table, [v for v in wrong if v in locations])
    glue.add_partitions(table, {v: location for v, location in locations.items() if v not in found or v in wrong})
    glue.drop_partitions(table, [v for v in wrong if v not in locations])
