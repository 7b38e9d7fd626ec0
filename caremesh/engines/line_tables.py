"""Tables of lines: each reads exactly the files that were landed, whatever else lies below the same prefix.

They are Hive symlink tables: one small object lists the files, so that neither strays nor other types nor later exports
are read. Athena documents that format for S3 Inventory:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-athena-query.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from caremesh.aws import Aws
from caremesh.aws.glue import Glue, GlueColumn, GlueTable, TableName
from caremesh.aws.objects import Objects
from caremesh.errors import LandingError
from caremesh.places import S3Place

DATABASE = "caremesh"
"""The Glue database of everything that is no product: tables of lines, and tables of work in progress."""

LISTING = "files.txt"


def create_line_table(aws: Aws, *, resource_type: str, paths: Sequence[str], lake: S3Place) -> TableName:
    """Make the table of all lines of the files `paths` (`s3://…`), or find that it is there.

    Its name carries a digest of the list, so that two runs never change each other's tables. The list itself lies in
    the lake, below `athena/lines/`, and is written anew each time: `caremesh prune` goes by its age.
    """
    listing = "".join(f"{path}\n" for path in paths)
    if listing.count("\n") != len(paths):
        raise LandingError("a file's name holds a line break", where=str(lake), hint="export it under another name")
    digest = hashlib.sha256(f"{lake}\n{listing}".encode()).hexdigest()[:8]
    name = TableName(DATABASE, f"lines_{resource_type.lower()}_{digest}")
    place = lake / "athena/lines" / name.name
    Objects(aws, place).write(LISTING, listing.encode(), type="text/plain; charset=utf-8")
    table = GlueTable(
        database=name.database,
        name=name.name,
        description=f"Lines of {resource_type}, of exactly the files that are listed",
        location=place.folder,
        # What follows a control character, which JSON never holds, goes to `rest`: no part of a line is lost.
        columns=(GlueColumn("line", "string"), GlueColumn("rest", "string")),
        format="listed_text",
    )
    Glue(aws).ensure_table(table)
    return name
