"""What the rows of a release miss, as it lists that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from caremesh.lake.base import Lake
from caremesh.lake.release import Manifest
from caremesh.products import Product


@dataclass(frozen=True)
class Missing:
    """One row, by the values of its key, and a resource that it names and that has not arrived."""

    key: tuple[str, ...]
    column: str
    product: str
    id: str


def read_missing(lake: Lake, product: Product, manifest: Manifest) -> Iterator[Missing]:
    """What the rows of a release miss, in the order of their keys."""
    from pyarrow import parquet

    found = manifest.completeness
    if found is None or found.listed is None or not found.rows:
        return
    parts = lake.part_files(product, manifest, found.listed)
    rows = [row for part in parts for row in parquet.read_table(part).to_pylist()]
    missing = (
        Missing(
            tuple(str(value) for value in row["key"].values()),
            row["missing_column"],
            row["missing_product"],
            row["missing_id"],
        )
        for row in rows
    )
    yield from sorted(missing, key=lambda m: (m.key, m.column))
