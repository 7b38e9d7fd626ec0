"""A release without one person's data: made beside the old one, from its Parquet files, with a name of its own.

Rows of her resources go, by the ids in the release's keys; in rows that stay, a cell that names her becomes null. The
same lines go from keys and quarantine. Of every file the counts still add up to its lines.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from caremesh.errors import LakeError
from caremesh.fhir.belongings import Belongings, Key
from caremesh.lake.erased_parts import Parts, Strand, Taken, fill_tables, read_rows, write_missing
from caremesh.lake.erased_receipts import write_receipts
from caremesh.lake.files import read_json
from caremesh.lake.layout import (
    DATA_FOLDER,
    HELD_FOLDER,
    INCOMPLETE_FOLDER,
    KEYS_FOLDER,
    MANIFEST_FILE,
    QUARANTINE_FOLDER,
    REPORT_FILE,
)
from caremesh.lake.release import Completeness, DeletionInput, Erasure, InputFile, Manifest
from caremesh.quoting import quote_name
from caremesh.release_keys import parts_of_view
from caremesh.sources.erasing import type_of


@dataclass(frozen=True)
class ErasedFile:
    """A landed file after the erasure, and how many lines of it went."""

    digest: str
    bytes: int
    removed: int


@dataclass(frozen=True)
class Erased:
    """What is to be erased: what is hers; files by export, name and digest before; what was taken out of resources."""

    receipt: str
    belongings: Belongings
    contested: Collection[Key]
    files: Mapping[tuple[str, str, str], ErasedFile]
    scrubbed: Mapping[Key, Collection[str]]

    @property
    def lists(self) -> dict[str, str]:
        """The digests of files after, by those before."""
        return {digest: after.digest for (_, _, digest), after in self.files.items()}


def find_seeds(connection: duckdb.DuckDBPyConnection, home: Path, patient: str) -> Iterator[Key]:
    """The resources of a patient in a release, whether their lines are still landed or not."""
    for parts in find_parts(home, read_manifest(home)):
        yield from Strand(connection, parts, Belongings(()), (), {}).resources_of(patient)


def read_manifest(home: Path) -> Manifest:
    """The manifest of the release in a folder."""
    return read_json(home / MANIFEST_FILE, Manifest.from_json)


def find_parts(home: Path, manifest: Manifest) -> list[Parts]:
    """The Parquet files of a release, view by view."""
    data, quarantine = (sorted((home / folder).glob("*.parquet")) for folder in (manifest.data, manifest.quarantine))
    keys = sorted((home / manifest.keys).glob("*.parquet")) if manifest.keys else []
    aside = manifest.completeness.held_folder if manifest.completeness else None
    held = {p.name: p for p in (home / aside).glob("*.parquet")} if aside else {}
    return [
        Parts(number, rows, lines, parts_of_view(keys, number), held.get(rows.name))
        for number, (rows, lines) in enumerate(zip(data, quarantine, strict=True))
    ]


def erase_release(connection: duckdb.DuckDBPyConnection, home: Path, target: Path, erased: Erased) -> Manifest | None:
    """Write the files of the release without her into an empty folder; give the manifest, None where nothing changes.

    Its name is still the old one. Raises LakeError where rows cannot be told by their resource.
    """
    manifest = read_manifest(home)
    fill_tables(connection, erased.belongings, erased.scrubbed)
    taken = Taken()
    strands = [
        Strand(connection, parts, erased.belongings, erased.contested, erased.scrubbed)
        for parts in find_parts(home, manifest)
    ]
    for strand in strands:
        strand.write(target, taken)
    completeness = _completeness(home, target, manifest, erased, taken, kinds={s.kind for s in strands if s.kind})
    receipts = write_receipts(connection, home, target, manifest, taken)
    inputs = _inputs(manifest, erased, taken)
    deletions = tuple(_deletion(d, erased) for d in manifest.deletions)
    before = (manifest.inputs, manifest.deletions, manifest.completeness)
    if not taken.rewritten and (inputs, deletions, completeness) == before:
        return None
    if (home / REPORT_FILE).exists():
        shutil.copy2(home / REPORT_FILE, target / REPORT_FILE)
    erasure = Erasure(
        receipt=erased.receipt,
        replaces=manifest.release,
        rows=taken.rows + taken.held,
        cells=taken.cells,
        keys=taken.keys,
        quarantined=sum(taken.quarantined.values()),
    )
    return replace(
        manifest,
        rows=manifest.rows - taken.rows,
        bytes=sum(file.stat().st_size for file in (target / DATA_FOLDER).iterdir()),
        inputs=inputs,
        deletions=deletions,
        completeness=completeness,
        data=DATA_FOLDER,
        quarantine=QUARANTINE_FOLDER,
        keys=KEYS_FOLDER if manifest.keys else None,
        receipts=receipts,
        unresolved_references=_unresolved(connection, manifest, target / DATA_FOLDER),
        erasures=(*manifest.erasures, erasure),
        has_gaps=manifest.has_gaps or bool(taken.cells),
    )


def _inputs(manifest: Manifest, erased: Erased, taken: Taken) -> tuple[InputFile, ...]:
    """The input files as they are now, with counts that add up to their lines."""
    inputs = []
    # The places in keys count the files that one view reads, and views are told by their types.
    places: Counter[str] = Counter()
    for file in manifest.inputs:
        kind = type_of(Path(file.name))
        place, places[kind] = (kind, places[kind]), places[kind] + 1
        used, deleted = taken.used[place], taken.deleted[place]
        quarantined = taken.quarantined[file.export, file.name]
        after = erased.files.get((file.export, file.name, file.digest))
        removed = after.removed if after else used + deleted + quarantined
        if manifest.keys is None:
            used = min(file.used, removed - quarantined)
        superseded = removed - used - deleted - quarantined
        if not 0 <= superseded <= file.superseded:
            raise LakeError(
                f"{removed} lines of {file.export}/{file.name} are to be erased, and the release "
                f"{manifest.release} knows {used} used + {deleted} deleted + {quarantined} quarantined of them",
                where=manifest.product,
                hint="report this; this release was not changed",
            )
        inputs.append(
            replace(
                file,
                digest=after.digest if after else file.digest,
                bytes=after.bytes if after else file.bytes,
                lines=file.lines - removed,
                used=file.used - used,
                deleted=file.deleted - deleted,
                superseded=file.superseded - superseded,
                quarantined=file.quarantined - quarantined,
            )
        )
    return tuple(inputs)


def _completeness(
    home: Path, target: Path, manifest: Manifest, erased: Erased, taken: Taken, *, kinds: Collection[str]
) -> Completeness | None:
    """What is missing, without what is hers; the list is written into the new release."""
    found = manifest.completeness
    if found is None or found.listed is None:
        return found
    (target / INCOMPLETE_FOLDER).mkdir()
    sources = sorted((home / found.listed).glob("*.parquet"))
    counts = write_missing(sources, target / INCOMPLETE_FOLDER, erased.belongings, kinds)
    return replace(
        found,
        rows=counts[""],
        references=tuple((column, counts[column]) for column, _ in found.references),
        held=found.held - taken.held,
        listed=INCOMPLETE_FOLDER,
        held_folder=HELD_FOLDER if found.held_folder else None,
    )


def _deletion(deletion: DeletionInput, erased: Erased) -> DeletionInput:
    return replace(deletion, lists=tuple(erased.lists.get(digest, digest) for digest in deletion.lists))


def _unresolved(connection: duckdb.DuckDBPyConnection, manifest: Manifest, data: Path) -> tuple[tuple[str, int], ...]:
    names: Sequence[str] = [name for name, _ in manifest.unresolved_references]
    if not names:
        return ()
    counts = ", ".join(f"count({quote_name(name)})" for name in names)
    rows = " union all by name ".join(f"select * from {read_rows(file)}" for file in sorted(data.iterdir()))
    row = connection.execute(f"select {counts} from ({rows})").fetchone() or ()
    return tuple((name, count) for name, count in zip(names, row, strict=True) if count)
