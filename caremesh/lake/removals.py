"""Receipts of removals: which resources are gone, by which export, and since which release of a product.

Each release has those of the release before it, and adds its own; so they last when older releases are pruned, and when
a resource comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.lake.base import Lake
from caremesh.products import Product
from caremesh.quoting import quote_file
from caremesh.release_keys import all_keys_sql, with_source_sql

RECEIPT_COLUMNS = ("resource_type", "id", "export", "reason", "release", "made_at", "source_id")
"""`release` is the first one without the resource, `made_at` when that was made. `source_id` is the id space of the
resource, '' in receipts of lakes that knew none."""


@dataclass(frozen=True)
class Removal:
    """One resource that an export removed from a product.

    `release` is the first one without it; `made_at` is when that was made. `is_back` where the current release uses the
    resource again; None where that has no keys to tell by.
    """

    product: str
    resource_type: str
    id: str
    export: str
    reason: str
    release: str
    made_at: str
    source_id: str
    is_back: bool | None


def find_removals(product: Product, lake: Lake) -> tuple[Removal, ...]:
    """The resources that exports removed from a product, in the order of their removal."""
    manifest = lake.current(product)
    if manifest is None or manifest.receipts is None:
        return ()
    receipts = lake.part_files(product, manifest, manifest.receipts)
    keys = lake.part_files(product, manifest, manifest.keys) if manifest.keys else ()
    order = "made_at, release, resource_type, source_id, export, id"
    with duckdb.connect(config=OFFLINE) as connection:
        found = connection.execute(f"{removals_sql(receipts, keys)} order by {order}").fetchall()
    return tuple(Removal(product.id, *row) for row in found)


def removals_sql(receipts: Sequence[Path], keys: Sequence[Path]) -> str:
    """SQL for the receipts of a release, and whether its keys say that a resource is back."""
    is_back = "cast(null as boolean)"
    if keys:
        same = "k.resource_type = r.resource_type and k.id = r.id and r.source_id in ('', k.source_id)"
        is_back = f"exists (select 1 from ({all_keys_sql(keys)}) as k where k.removed_by is null and {same})"
    return f"select {', '.join(RECEIPT_COLUMNS)}, {is_back} as is_back from {read_receipts_sql(receipts)} as r"


def read_receipts_sql(files: Sequence[Path]) -> str:
    """SQL for the rows of receipts' files."""
    listed = ", ".join(quote_file(file.resolve()) for file in files)
    return with_source_sql(f"select * from read_parquet([{listed}], hive_partitioning = false)")
