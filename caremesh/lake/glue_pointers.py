"""The pointers of a lake in S3: each is the Glue table of its product, and moves in one request.

A move states the version of the table that it was made from, and Glue refuses it where that is not the newest. After
it the release is looked for once more: prune may have removed it in between. Then the pointer goes back, but only while
it still is the one that was written here. A first publication is taken back by a table that says so, as Glue cannot
drop a table on a condition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from caremesh.aws.glue import FoundTable, Glue, GlueColumn, GlueTable, LostRace, glue_type
from caremesh.aws.objects import Objects
from caremesh.errors import LakeError, PublishError
from caremesh.lake.layout import MANIFEST_FILE, MOVES_FOLDER, moves_key, product_key, release_key
from caremesh.lake.pointer import Move, Pointer, complete_history, moves_from_json, moves_to_json, shorten_history
from caremesh.lake.release import Manifest
from caremesh.places import S3Place
from caremesh.products import Product

POINTER = "caremesh.pointer"
NOTHING_PUBLISHED = "null"
"""What the parameter holds where a first publication was taken back."""


@dataclass(frozen=True)
class GluePointers:
    """The tables by which analysts query products, and which say what is current; `place` is the lake's."""

    place: S3Place
    glue: Glue
    objects: Objects

    def read(self, product: Product) -> Pointer | None:
        """The pointer with its newest moves; None where nothing was ever published."""
        found = self.glue.find(product.domain, product.name)
        return None if found is None else self._parse(product, found)

    def read_complete(self, product: Product) -> Pointer | None:
        """The pointer with every move that it ever made; None where nothing was ever published."""
        return complete_history(
            lambda: self.read(product), lambda name: self._read_moves(product, name), where=self._where(product)
        )

    def knows(self, product: Product, pointer: Pointer | None, release: str) -> bool:
        """Whether a release was ever published; older moves are read only where the newest do not tell."""
        if pointer is None or release in pointer.releases or pointer.archive is None:
            return pointer is not None and release in pointer.releases
        complete = self.read_complete(product)
        return complete is not None and release in complete.releases

    def move(self, product: Product, pointer: Pointer, *, seen: Pointer | None) -> None:
        """Move the pointer from what was `seen`; raise PublishError where it is no longer that.

        The document of older moves is written first. The one before goes after the move, if nobody needs it to go back.
        """
        manifest = self._require(product, pointer.release)
        short, older = shorten_history(
            pointer, lambda name: self._read_moves(product, name), where=self._where(product)
        )
        if older:
            # Written anew where it is there: prune must not take it for one that was left behind.
            self.objects.write_json(moves_key(product, str(short.archive)), moves_to_json(older))
        table = self.table(product, manifest, {POINTER: json.dumps(short.to_json())})
        self.glue.ensure_database(product.domain, f"Data products of the domain {product.domain}")
        self._put(product, table, seen)
        if self._find_manifest(product, pointer.release) is None:
            self._retreat(product, table, seen)
            raise PublishError(f"release {pointer.release} of {product.id} was pruned meanwhile", hint="run again")
        if seen and seen.archive and seen.archive != short.archive:
            self.objects.delete([moves_key(product, seen.archive)])

    def lost_moves(self, product: Product, before: str) -> list[str]:
        """The keys of documents of moves that no pointer names, as their run was killed or lost, older than a time."""
        dated = list(self.objects.list_dated(f"{product_key(product)}/{MOVES_FOLDER}"))
        pointer = self.read(product)
        kept = moves_key(product, pointer.archive) if pointer and pointer.archive else None
        return [key for key, written in dated if written < before and key != kept]

    def table(self, product: Product, manifest: Manifest, parameters: Mapping[str, str]) -> GlueTable:
        """The table of a product at one of its releases."""
        stated = {c.name: c for c in product.columns}
        # The release may be older than the contract, and have columns that it does not know.
        columns = [
            GlueColumn(
                name=name,
                type=glue_type(sql_type),
                comment=stated[name].description if name in stated else "",
                classification=stated[name].classification if name in stated else None,
            )
            for name, sql_type in manifest.columns
        ]
        return GlueTable(
            database=product.domain,
            name=product.name,
            description=product.description,
            location=(self.place / f"{release_key(product, manifest.release)}/{manifest.data}").folder,
            columns=columns,
            parameters={
                **parameters,
                "caremesh.release": manifest.release,
                "caremesh.contract_version": manifest.contract_version,
                "caremesh.owner": product.owner,
                "caremesh.rows": str(manifest.rows),
            },
        )

    def _parse(self, product: Product, found: FoundTable) -> Pointer | None:
        stated = found.parameters.get(POINTER)
        if stated is None or not found.location.startswith(self.place.folder):
            raise LakeError(
                f"the Glue table {product.id} is not of this lake: its data are at {found.location or 'no place'}",
                where=str(self.place),
                hint="drop that table, or rename it, or use an AWS account or region of its own for this lake",
            )
        if stated == NOTHING_PUBLISHED:
            return None
        return replace(Pointer.from_json(json.loads(stated)), version=found.version)

    def _put(self, product: Product, table: GlueTable, seen: Pointer | None) -> None:
        try:
            self.glue.put(table, seen=None if seen is None else FoundTable(seen.version or "", "", {}))
        except LostRace:
            now = self.glue.find(product.domain, product.name)
            # An earlier attempt of ours may have moved it, and only the answer was lost.
            if now and now.parameters.get(POINTER) == table.parameters[POINTER]:
                return
            if now and seen is None and now.parameters.get(POINTER) == NOTHING_PUBLISHED:
                with suppress(LostRace):
                    self.glue.put(table, seen=now)
                    return
            raise PublishError(
                f"another run moved the pointer of {product.id} meanwhile",
                hint="run again: it finds what is finished, and publishes what is still to be published",
            ) from None

    def _retreat(self, product: Product, written: GlueTable, seen: Pointer | None) -> None:
        """Point back to what was seen; where somebody moved the pointer meanwhile, it stays there."""
        now = self.glue.find(product.domain, product.name)
        if now is None or now.parameters.get(POINTER) != written.parameters[POINTER]:
            return
        if seen is None:
            location = (self.place / f"{product_key(product)}/none").folder
            before = replace(written, location=location, parameters={POINTER: NOTHING_PUBLISHED})
        else:
            stated = {POINTER: json.dumps(seen.to_json())}
            before = self.table(product, self._require(product, seen.release), stated)
        with suppress(LostRace):
            self.glue.put(before, seen=now)

    def _require(self, product: Product, release: str) -> Manifest:
        manifest = self._find_manifest(product, release)
        if manifest is None:
            raise PublishError(f"{product.id} has no release {release!r}", hint="caremesh flatten first")
        return manifest

    def _find_manifest(self, product: Product, release: str) -> Manifest | None:
        return self.objects.read_json(f"{release_key(product, release)}/{MANIFEST_FILE}", Manifest.from_json)

    def _read_moves(self, product: Product, name: str) -> tuple[Move, ...] | None:
        return self.objects.read_json(moves_key(product, name), moves_from_json)

    def _where(self, product: Product) -> str:
        return str(self.place / f"{product_key(product)}/{MOVES_FOLDER}")
