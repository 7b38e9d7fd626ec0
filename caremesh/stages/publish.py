"""Publish: make a checked release current."""

from __future__ import annotations

from typing import Literal

from caremesh.errors import PublishError
from caremesh.lake.base import Lake
from caremesh.lake.pointer import Pointer
from caremesh.lake.release import Manifest
from caremesh.products import Product
from caremesh.settings import Settings

Outcome = Literal["published", "unchanged", "withdrawn", "failed"]


def publish(product: Product, manifest: Manifest, *, seen: Pointer | None, settings: Settings, lake: Lake) -> Outcome:
    """Move the product's pointer to a release that passed its checks, if it may and need be moved.

    `seen` is the pointer as it was before the release was made: it moves from there, or not at all.
    A release that was left by a rollback stays withdrawn until `caremesh publish PRODUCT --release ID` asks for it.
    """
    if manifest.passed is None:
        raise PublishError(f"release {manifest.release} of {product.id} was not checked", hint="caremesh check first")
    if not manifest.passed:
        return "failed"
    if seen and seen.release == manifest.release:
        return "unchanged"
    if seen and manifest.release in seen.withdrawn:
        return "withdrawn"
    if manifest.contract_digest != product.contract_digest:
        raise PublishError(
            f"candidate {manifest.release} of {product.id} was checked against another contract",
            where=str(product.contract_file),
            hint="caremesh flatten and caremesh check again",
        )
    lake.publish(product, manifest.release, at=settings.now, seen=seen)
    return "published"


def roll_back(product: Product, release: str | None, *, settings: Settings, lake: Lake) -> str:
    """Point back to `release`, or to the one before the current; give its name."""
    return lake.rollback(product, release, at=settings.now)
