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
from caremesh.aws.names import RESULTS_FOLDER, WORK_DATABASE
from caremesh.aws.objects import Objects
from caremesh.errors import LandingError
from caremesh.places import S3Place

LISTING = "files.txt"


def create_line_table(aws: Aws, *, resource_type: str, paths: Sequence[str], lake: S3Place, run_id: str) -> TableName:
    """Make a table of all lines of the files `paths` (`s3://…`), for one run.

    No other run reads it, so that nobody takes it or its list, which lies below `athena/lines/` in the lake, away.
    """
    listing = "".join(f"{path}\n" for path in paths)
    if listing.count("\n") != len(paths):
        raise LandingError("a file's name holds a line break", where=str(lake), hint="export it under another name")
    digest = hashlib.sha256(f"{lake}\n{listing}".encode()).hexdigest()[:8]
    name = TableName(WORK_DATABASE, f"lines_{resource_type.lower()}_{digest}_{run_id}")
    place = _list_place(lake, name)
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


def drop_line_table(aws: Aws, name: TableName, *, lake: S3Place) -> None:
    """Remove a table of lines and its list; the files that it read stay."""
    Glue(aws).drop_table(name.database, name.name)
    Objects(aws, _list_place(lake, name)).clear()


def _list_place(lake: S3Place, name: TableName) -> S3Place:
    return lake / f"{RESULTS_FOLDER}/lines/{name.name}"
