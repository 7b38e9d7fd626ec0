"""Receipts of removals, which a release carries on from the one that is current while it is made, and adds to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from caremesh.lake.base import Lake
from caremesh.lake.layout import PART_FILE, RECEIPTS_FOLDER
from caremesh.lake.release import Manifest
from caremesh.lake.removals import RECEIPT_COLUMNS, read_receipts_sql
from caremesh.products import Product
from caremesh.quoting import quote_text
from caremesh.release_keys import all_keys_sql
from caremesh.settings import Settings
from caremesh.stages.stage_engine import StageEngine


def write_receipts(
    product: Product,
    release: str,
    *,
    keys: str | None,
    settings: Settings,
    lake: Lake,
    engine: StageEngine,
    built: Path,
) -> str | None:
    """Write the receipts of the release that stands in `built`; give their folder, None where there are none.

    These are all of the current release, whichever one this is made from, and one for each resource that `keys` say is
    removed and of which the current release does not say so by the same export. So they outlive the releases in which
    a resource was, and its return; a candidate that is never published leaves none. `keys` is None where nothing is
    removed, or nobody knows.
    """
    pointer = lake.pointer(product)
    current = lake.find_manifest(product, pointer.release) if pointer else None
    before = lake.part_files(product, current, current.receipts) if current and current.receipts else ()
    if not keys and not before:
        return None
    parts = [f"select {', '.join(RECEIPT_COLUMNS)} from {read_receipts_sql(before)}"] if before else []
    (scratch := lake.scratch / product.id / RECEIPTS_FOLDER).mkdir()
    folder = built / (name := lake.parts_folder(RECEIPTS_FOLDER))
    folder.mkdir(parents=True)
    with engine.work_on(f"the receipts of {product.id}", scratch=scratch) as connection:
        removed = _removed_sql(sorted((built / keys).iterdir())) if keys else None
        if removed and connection.execute(f"select 1 from ({removed}) limit 1").fetchone():
            # Where the current release has no receipt of a removal, nobody ever wrote one.
            known = _known_sql(product, current, before, lake) if current and current.keys and before else None
            is_new = f"anti join ({known}) using (resource_type, id, export)" if known else ""
            since = f"{quote_text(release)} as release, {quote_text(settings.now)} as made_at"
            parts.append(f"select resource_type, id, export, reason, {since}, source_id from ({removed}) {is_new}")
        if parts and _copy(connection, " union all ".join(parts), folder / PART_FILE):
            return name
    (folder / PART_FILE).unlink(missing_ok=True)
    folder.rmdir()
    return None


def _removed_sql(keys: Sequence[Path]) -> str:
    """SQL for what is removed, by whom and why."""
    columns = "resource_type, source_id, id, removed_by as export, reason"
    return f"select {columns} from ({all_keys_sql(keys)}) where removed_by is not null"


def _known_sql(product: Product, current: Manifest, receipts: Sequence[Path], lake: Lake) -> str | None:
    """SQL for what the current release says is removed, and has a receipt of."""
    files = lake.part_files(product, current, current.keys) if current.keys else ()
    if not files:
        return None
    rows = f"({_removed_sql(files)}) semi join {read_receipts_sql(receipts)}"
    return f"select * from {rows} using (resource_type, id, export)"


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, target: Path) -> int:
    """Write rows into a Parquet file, and give their number."""
    copied = connection.execute(f"copy ({sql}) to {quote_text(str(target))} (format parquet, compression zstd)")
    return int((copied.fetchone() or (0,))[0])
