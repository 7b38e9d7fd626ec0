"""Curate: build and test the curated tables over the current releases, and show them all at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from caremesh.engines.dbt import project_files
from caremesh.lake.aws import AwsLake
from caremesh.lake.base import Lake
from caremesh.lake.curated import CuratedBuild
from caremesh.lake.local import LocalLake
from caremesh.products import Product
from caremesh.settings import Settings
from caremesh.stages.athena_build import build_in_athena
from caremesh.stages.local_build import build_here


@dataclass(frozen=True)
class CurateReport:
    """What curating did: the current build, whether this run made it, and the products without release it waits for."""

    build: CuratedBuild | None
    is_new: bool
    skipped: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line for the terminal."""
        if self.skipped:
            return f"skipped: {len(self.skipped)} product(s) have no release yet"
        assert self.build is not None
        made = f"{len(self.build.tables)} tables, {self.build.tests_passed} tests passed"
        return made if self.is_new else f"{made}; nothing new"


def curate(products: Sequence[Product], *, settings: Settings, lake: Lake) -> CurateReport:
    """Build all curated tables from the current releases; they replace the ones before only after every test passed.

    Skipped while a product was never published. Raises CurateError where dbt fails; the tables before stay.
    """
    # The build before is read first: whoever makes another one meanwhile is noticed.
    current = lake.read_curated()
    releases = {p.id: pointer.release for p in products if (pointer := lake.pointer(p))}
    missing = tuple(p.id for p in products if p.view_files and p.id not in releases)
    if missing:
        return CurateReport(current, is_new=False, skipped=missing)
    name = _build_name(releases, settings.dbt_dir)
    if current and current.build == name:
        return CurateReport(current, is_new=False)
    if isinstance(lake, AwsLake):
        made = build_in_athena(products, releases=releases, settings=settings, lake=lake, name=name)
    else:
        made = build_here(products, settings=settings, lake=cast(LocalLake, lake), name=name)
    lake.publish_curated(replace(made, version=current.version if current else None))
    return CurateReport(made, is_new=True)


def _build_name(releases: Mapping[str, str], dbt_dir: Path) -> str:
    """Twelve hex digits over everything that decides what the tables hold: releases and the dbt project's files."""
    texts = [(f.as_posix(), hashlib.sha256((dbt_dir / f).read_bytes()).hexdigest()) for f in project_files(dbt_dir)]
    return hashlib.sha256(json.dumps([sorted(releases.items()), texts]).encode()).hexdigest()[:12]
