"""Publish: make a checked release current, and show it in the lake's database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from caremesh.errors import PublishError
from caremesh.lake.database import rebuild_database
from caremesh.lake.local import LocalLake
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.settings import Settings

Outcome = Literal["published", "unchanged", "withdrawn", "failed"]


def publish(product: Product, manifest: Manifest, *, settings: Settings, lake: LocalLake) -> Outcome:
    """Move the product's pointer to a release that passed its checks, if it may and need be moved.

    A release that was left by a rollback stays withdrawn until `caremesh publish PRODUCT --release ID` asks for it.
    """
    if manifest.passed is None:
        raise PublishError(f"release {manifest.release} of {product.id} was not checked", hint="caremesh check first")
    if not manifest.passed:
        return "failed"
    pointer = lake.pointer(product)
    if pointer and pointer.release == manifest.release:
        return "unchanged"
    if pointer and manifest.release in pointer.withdrawn:
        return "withdrawn"
    if manifest.contract_digest != product.contract_digest:
        raise PublishError(
            f"candidate {manifest.release} of {product.id} was checked against another contract",
            where=str(product.contract_file),
            hint="caremesh flatten and caremesh check again",
        )
    lake.publish(product, manifest.release, at=settings.now)
    return "published"


def show(products: Sequence[Product], *, lake: LocalLake) -> None:
    """Bring the lake's database in step with the pointers of all products and the curated tables."""
    rebuild_database(lake, products)


def roll_back(product: Product, release: str | None, *, settings: Settings, lake: LocalLake) -> str:
    """Point back to `release`, or to the one before the current; give its name."""
    return lake.rollback(product, release, at=settings.now)
