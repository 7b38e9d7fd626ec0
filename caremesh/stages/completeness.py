"""Completeness of a release that was made here: its rows are held against the releases of what they point to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.completeness import CompletenessRule
from caremesh.engines.completeness import (
    NOTHING,
    Reference,
    arrived_sql,
    has_all_resources,
    hold_back,
    ids_sql,
    list_incomplete,
)
from caremesh.errors import LakeError
from caremesh.lake.base import Lake
from caremesh.lake.layout import DATA_FOLDER, HELD_FOLDER, INCOMPLETE_FOLDER, KEYS_FOLDER, PART_FILE
from caremesh.lake.release import Completeness
from caremesh.product_views import compile_product
from caremesh.products import Product
from caremesh.stages.release_plan import ReleasePlan, Required
from caremesh.stages.stage_engine import StageEngine


def state_undetermined(product: Product, plan: ReleasePlan) -> Completeness | None:
    """What a release says where nobody held it against others."""
    return _undetermined(plan) if product.completeness else None


def judge_completeness(
    product: Product, plan: ReleasePlan, *, lake: Lake, engine: StageEngine, built: Path
) -> Completeness | None:
    """List the incomplete rows of the release that stands in `built`, and keep them back where its contract says so.

    Raises LakeError where rows would have to be kept back and nobody can tell which.
    """
    if product.completeness is None:
        return None
    scratch = lake.scratch / product.id / "completeness"
    scratch.mkdir()
    with engine.work_on(f"the completeness of {product.id}", scratch=scratch) as connection:
        return _Judge(connection, product, product.completeness, plan, lake, built).judge()


@dataclass(frozen=True)
class _Judge:
    """Looks at one release to be."""

    connection: duckdb.DuckDBPyConnection
    product: Product
    rule: CompletenessRule
    plan: ReleasePlan
    lake: Lake
    built: Path

    def judge(self) -> Completeness:
        references = self._references()
        if references is None:
            return _undetermined(self.plan)
        parts = self._files(DATA_FOLDER)
        found = list_incomplete(
            self.connection,
            parts=parts,
            key=self.product.key,
            references=references,
            target=self._folder(INCOMPLETE_FOLDER) / PART_FILE,
        )
        is_held = self.rule.holds and found.rows > 0
        if is_held:
            folder = self._folder(HELD_FOLDER)
            for part in parts:
                hold_back(self.connection, part=part, held=folder / part.name, references=references)
        return Completeness(
            required=_undetermined(self.plan).required,
            rows=found.rows,
            references=found.references,
            held=found.rows if is_held else 0,
            listed=self.lake.parts_folder(INCOMPLETE_FOLDER),
            held_folder=self.lake.parts_folder(HELD_FOLDER) if is_held else None,
        )

    def _references(self) -> list[Reference] | None:
        """The columns to look at, with what has arrived; None where that cannot be told."""
        arrived = {self.product.id: arrived_sql(self._files(KEYS_FOLDER))}
        for required in self.plan.required:
            ids = self._arrived(required)
            if ids is None and self.rule.holds:
                raise LakeError(
                    f"nobody can tell which rows of {self.product.id} to hold back: release {required.name[1]} of "
                    f"{required.product.id} has no keys, or none with sources, nor rows of each of its resources",
                    where=str(self.product.contract_file),
                    hint=f"run --domain {required.product.domain} first, so that its release is made anew; or "
                    "incomplete: list; or another lake, with --engine duckdb",
                )
            if ids is None:
                return None
            arrived[required.product.id] = ids
        return [Reference(column, product, arrived[product]) for column, product in self.rule.requires]

    def _arrived(self, required: Required) -> str | None:
        """SQL for sources and ids of the resources that a required product uses; None where its release does not tell.

        Releases of an earlier format do not say which source a resource comes from.
        """
        manifest, product = required.manifest, required.product
        if manifest is None:
            return NOTHING
        if manifest.inputs and not manifest.sources:
            return None
        if manifest.keys:
            return arrived_sql(self.lake.part_files(product, manifest, manifest.keys))
        column = compile_product(product)[0].key_column
        parts = self.lake.part_files(product, manifest, manifest.data)
        ids = ids_sql(parts, column) if column and parts else None
        # A view may give no row for a resource that has arrived.
        used = sum(i.used for i in manifest.inputs)
        return ids if ids and has_all_resources(self.connection, ids, used=used) else None

    def _files(self, kind: str) -> list[Path]:
        return sorted((self.built / self.lake.parts_folder(kind)).iterdir())

    def _folder(self, kind: str) -> Path:
        folder = self.built / self.lake.parts_folder(kind)
        folder.mkdir(parents=True)
        return folder


def _undetermined(plan: ReleasePlan) -> Completeness:
    return Completeness(required=tuple(r.name for r in plan.required))
