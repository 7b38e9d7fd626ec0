"""The keys of a release: one row a resource, with its source, version, the file it stands in, and who removed it.

They lie in Parquet parts, some for each view of the product. The first part of a view is written whole; each release
that is made from another one adds a part with what changed, and links the parts before. So a later part overrides the
earlier ones, and the price of an increment does not grow with the product.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from caremesh.quoting import quote_file

KEY_COLUMNS = ("resource_type", "source_id", "id", "updated", "version", "file", "removed_by", "reason")
"""`source_id` is the id space of the resource, '' in releases of lakes that knew none. `file` is the place of its file
among the files that the view reads; `removed_by` an export, null where the resource is used; `reason` why that removed
it."""

_NAME = re.compile(r"part-(?P<view>[0-9]+)-(?P<generation>[0-9]+)\.parquet")


def key_part(view: int, generation: int) -> str:
    """The name of a part: that of a view, so many releases after the part that was written whole."""
    return f"part-{view}-{generation:03}.parquet"


def parts_of_view(files: Iterable[Path], view: int) -> tuple[Path, ...]:
    """The parts of one view, the one that was written whole first."""
    found = [(int(m["generation"]), f) for f in files if (m := _NAME.fullmatch(f.name)) and int(m["view"]) == view]
    return tuple(file for _, file in sorted(found))


def views_of(files: Iterable[Path]) -> tuple[int, ...]:
    """The views that have parts among these files."""
    return tuple(sorted({int(m["view"]) for f in files if (m := _NAME.fullmatch(f.name))}))


def link_part(source: Path, target: Path) -> None:
    """Let a Parquet part stand in another release too; copy it where the file system has no links."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def read_keys_sql(parts: Sequence[Path]) -> str:
    """SQL for the keys in the parts of one view, in their order: each resource once, as its last part has it."""
    columns = ", ".join(KEY_COLUMNS)
    if len(parts) == 1:
        return f"(select {columns} from {_read_part_sql(parts[0])})"
    changes = " union all ".join(
        f"select {columns}, {generation} as generation from {_read_part_sql(part)}"
        for generation, part in enumerate(parts[1:])
    )
    newest = "qualify row_number() over (partition by source_id, id order by generation desc) = 1"
    changed = f"(select * exclude (generation) from ({changes}) {newest})"
    kept = f"select {columns} from {_read_part_sql(parts[0])} as k anti join {changed} as c using (source_id, id)"
    return f"({kept} union all from {changed})"


def _read_part_sql(part: Path) -> str:
    return with_source_sql(f"select * from read_parquet({quote_file(part)}, hive_partitioning = false)")


def with_source_sql(rows: str) -> str:
    """SQL for rows with the column `source_id`, which is '' where a lake wrote them that knew of no sources."""
    none = "select cast(null as varchar) as source_id where false"
    return f"(select * replace (coalesce(source_id, '') as source_id) from ({none} union all by name {rows}))"


def all_keys_sql(files: Sequence[Path]) -> str:
    """SQL for the keys of all views of a release."""
    return " union all ".join(f"from {read_keys_sql(parts_of_view(files, view))}" for view in views_of(files))
