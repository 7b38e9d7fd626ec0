"""What became of every landed file: in which products' current releases it is, and what was made of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from caremesh.lake.ledger import LandedExport, Ledger
from caremesh.lake.release import InputFile, Manifest
from caremesh.sources.ndjson import DELETIONS, LandedFile

FileState = Literal["landed", "partly", "published", "copy", "unused"]
"""In none, some or all of the current releases that it belongs to; of an export that is a copy; read by no product."""


@dataclass(frozen=True)
class Reader:
    """A product, the resource types that its views read, and its current release."""

    product: str
    resource_types: frozenset[str]
    current: Manifest | None


@dataclass(frozen=True)
class FileAccount:
    """A landed file, its source, what became of it, and its part in each current release that it is in, by product.

    A delete list is in a release without a part: it has no lines there. `waits_for` are the products whose current
    release is without the file.
    """

    file: LandedFile
    source: str
    state: FileState
    parts: Mapping[str, InputFile]
    waits_for: tuple[str, ...] = ()

    @property
    def lines(self) -> int | None:
        """Its lines, by the ledger or by a release; None where nobody counted them yet."""
        counted = (part.lines for part in self.parts.values())
        return self.file.lines if self.file.lines is not None else next(counted, None)

    def to_json(self) -> dict[str, Any]:
        """The account as a JSON document."""
        told = ("lines", "used", "superseded", "deleted", "quarantined")
        return {
            "export": self.file.export,
            "source": self.source,
            "file": self.file.name,
            "path": self.file.path,
            "resource_type": self.file.resource_type,
            "bytes": self.file.bytes,
            "digest": self.file.digest,
            "lines": self.lines,
            "state": self.state,
            "waits_for": list(self.waits_for),
            "products": {product: {n: getattr(part, n) for n in told} for product, part in self.parts.items()},
        }


def account_for_files(ledger: Ledger, readers: Sequence[Reader], *, export: str | None = None) -> list[FileAccount]:
    """Every file of the ledger, or of one export, in the order of landing."""
    parts = {r.product: {(i.export, i.name, i.digest): i for i in r.current.inputs} for r in readers if r.current}
    return [
        _account(landed, file, readers, parts)
        for landed in ledger.exports
        for file in landed.files
        if export in (None, landed.name)
    ]


def _account(
    export: LandedExport,
    file: LandedFile,
    readers: Iterable[Reader],
    parts: Mapping[str, Mapping[tuple[str, str, str], InputFile]],
) -> FileAccount:
    if export.same_as:
        return FileAccount(file, export.source, "copy", {})
    types = set(file.concerns) if file.resource_type == DELETIONS else {file.resource_type}
    concerned = [r for r in readers if types & r.resource_types]
    name = (file.export, file.name, file.digest)
    found = {r.product: part for r in concerned if (part := parts.get(r.product, {}).get(name))}
    waiting = tuple(r.product for r in concerned if r.product not in found and not _was_heeded(file, r.current))
    if not concerned:
        return FileAccount(file, export.source, "unused", {})
    state: FileState = "published" if not waiting else "partly" if len(waiting) < len(concerned) else "landed"
    return FileAccount(file, export.source, state, found, waiting)


def _was_heeded(file: LandedFile, release: Manifest | None) -> bool:
    """Whether it is a delete list that a release was made with."""
    return release is not None and any(d.export == file.export and file.digest in d.lists for d in release.deletions)
