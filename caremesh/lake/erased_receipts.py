"""The receipts of removals in a release, without one person's, and with the names that releases have afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from caremesh.lake.erased_parts import Taken, write_or_link
from caremesh.lake.files import sync
from caremesh.lake.layout import PART_FILE, RECEIPTS_FOLDER
from caremesh.lake.release import Manifest
from caremesh.lake.removals import read_receipts_sql
from caremesh.quoting import quote_text

_HERS = "exists (select 1 from hers where hers.kind = r.resource_type and hers.id = r.id)"


def write_receipts(
    connection: duckdb.DuckDBPyConnection, home: Path, target: Path, manifest: Manifest, taken: Taken
) -> str | None:
    """Write the receipts without hers, after `fill_tables`; give their folder, None where nobody else's are left."""
    if manifest.receipts is None:
        return None
    source = home / manifest.receipts / PART_FILE
    rows = f"{read_receipts_sql([source])} as r"
    count = f"select count(*), count(*) filter ({_HERS}) from {rows}"
    total, hers = connection.execute(count).fetchone() or (0, 0)
    if total == hers:
        taken.rewritten += 1
        return None

    def write(written: Path, _: Taken) -> bool:
        if hers:
            _copy(connection, f"select * from {rows} where not {_HERS}", written)
        return bool(hers)

    (target / RECEIPTS_FOLDER).mkdir()
    taken.rewritten += write_or_link((source,), target / RECEIPTS_FOLDER / PART_FILE, write, taken)
    return RECEIPTS_FOLDER


def rename_in_receipts(
    connection: duckdb.DuckDBPyConnection, home: Path, manifest: Manifest, names: Mapping[str, str]
) -> None:
    """Let the receipts of a release name others as they are called now (`names`: by what they were called)."""
    if manifest.receipts is None:
        return
    file = home / manifest.receipts / PART_FILE
    named = "select unnest($1::varchar[]) as was, unnest($2::varchar[]) as now"
    connection.execute(f"create or replace temp table renamed as {named}", [list(names), list(names.values())])
    rows = read_receipts_sql([file])
    if not connection.execute(f"select 1 from {rows} semi join renamed on was = release limit 1").fetchone():
        return
    # An older release may have the very file too, by a link.
    aside = file.with_name(f".{file.name}.part")
    columns = "r.* replace (coalesce(now, release) as release)"
    _copy(connection, f"select {columns} from {rows} as r left join renamed on was = release", aside)
    sync(aside)
    aside.replace(file)
    sync(file.parent)


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> None:
    connection.execute(f"copy ({sql}) to {quote_text(str(target))} (format parquet, compression zstd)")
