"""Receipts of removals: which resources are gone, by which export, and since which release of a product.

They are computed from the keys of the releases that are kept: nobody writes them, so nobody can forget to.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.lake.base import Lake
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.quoting import quote_text
from caremesh.release_keys import all_keys_sql


@dataclass(frozen=True)
class Removal:
    """One resource that a product's current release no longer has.

    `release` is the first of the kept releases without it; `at` is when that was published.
    """

    product: str
    resource_type: str
    id: str
    export: str
    reason: str
    release: str
    at: str


def find_removals(product: Product, lake: Lake) -> tuple[Removal, ...]:
    """The resources that exports removed from a product, in the order of their removal."""
    pointer = lake.pointer(product)
    if pointer is None:
        return ()
    known = {m.release: m for m in lake.releases(product)}
    parts = [
        part
        for number, move in enumerate(pointer.history)
        if (manifest := known.get(move.release)) and manifest.deleted
        for part in _removed_sql(product, manifest, lake, number)
    ]
    if not parts:
        return ()
    with duckdb.connect(config=OFFLINE) as connection:
        found = connection.execute(
            f"""
            with removed as ({" union all ".join(parts)}),
            gone as (select * from removed where release = {quote_text(pointer.release)})
            select g.resource_type, g.id, g.export, g.reason, min(r.move)
            from gone as g join removed as r using (resource_type, id, export)
            group by all order by 5, 1, 3, 2
            """
        ).fetchall()
    return tuple(
        Removal(
            product=product.id,
            resource_type=resource_type,
            id=name,
            export=export,
            reason=reason,
            release=pointer.history[move].release,
            at=pointer.history[move].at,
        )
        for resource_type, name, export, reason, move in found
    )


def _removed_sql(product: Product, manifest: Manifest, lake: Lake, move: int) -> list[str]:
    files = lake.part_files(product, manifest, manifest.keys) if manifest.keys else ()
    if not files:
        return []
    origin = f"{move} as move, {quote_text(manifest.release)} as release"
    columns = f"resource_type, id, removed_by as export, reason, {origin}"
    return [f"select {columns} from ({all_keys_sql(files)}) where removed_by is not null"]
