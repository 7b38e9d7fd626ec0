"""Erasures in a lake: the plan of one that is at work, and the receipts of those that are done.

The plan holds ids, so that a killed erasure can be finished; it goes with the erasure's end. A receipt holds none: of
the person it keeps a salted digest, by which who knows her id can tell that the receipt is about her.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from caremesh.errors import LakeError, UsageError
from caremesh.fhir.belongings import Identifier, Key
from caremesh.lake.files import read_json, sync, write_json
from caremesh.lake.layout import ERASURES_FOLDER

PENDING_FILE = "pending.json"

NOT_REACHED = (
    "the FHIR server: a later export brings her back unless she is erased there too",
    "readers' own copies, and results of queries that were taken out of the lake",
    "backups, file system snapshots and older versions of files",
    "the freed blocks of the disk, until they are written over",
    "contents that are encoded (attachments in base64) in lines of other people",
)
"""What no erasure here reaches, as each receipt says."""


@dataclass(frozen=True)
class FileStep:
    """A file of lines that is to be rewritten: what it is before and after, and how many of its lines go or change.

    `export` and `name` are as in the ledger; without name where the file is not listed there, without export where it
    stands in no export's folder.
    """

    path: str
    export: str
    name: str
    before: str
    after: str
    bytes: int
    lines: int
    removed: int
    scrubbed: int


@dataclass(frozen=True)
class DecisionStep:
    """A quarantined line that was decided on and goes (`after` None), or is told by another text."""

    export: str
    file: str
    before: str
    after: str | None


@dataclass(frozen=True)
class Pending:
    """Everything that an erasure needs to be finished, whenever it is killed.

    `types` are what the manifests of exports are to state, by the folder of the export; `names` what releases will be
    called, by product and name now, where nothing is emptied in rows that stay.
    """

    receipt: str
    at: str
    salt: str
    subject: str
    keys: tuple[Key, ...]
    identifiers: tuple[Identifier, ...]
    contested: tuple[Key, ...]
    scrubbed: tuple[tuple[str, str, tuple[str, ...]], ...]
    files: tuple[FileStep, ...]
    decisions: tuple[DecisionStep, ...]
    manifests: tuple[str, ...]
    types: Mapping[str, tuple[str, ...]]
    downloads: tuple[str, ...]
    names: Mapping[str, str]
    curated: Mapping[str, int]
    others: int
    had_curated: bool

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Pending:
        """Read a plan back."""
        return cls(
            **{
                **stated,
                "keys": tuple((kind, name) for kind, name in stated["keys"]),
                "identifiers": tuple((system, value) for system, value in stated["identifiers"]),
                "contested": tuple((kind, name) for kind, name in stated["contested"]),
                "scrubbed": tuple((kind, name, tuple(texts)) for kind, name, texts in stated["scrubbed"]),
                "files": tuple(FileStep(**f) for f in stated["files"]),
                "decisions": tuple(DecisionStep(**d) for d in stated["decisions"]),
                "manifests": tuple(stated["manifests"]),
                "types": {root: tuple(types) for root, types in stated["types"].items()},
                "downloads": tuple(stated["downloads"]),
            }
        )


@dataclass(frozen=True)
class Receipt:
    """What an erasure did, without any id in clear.

    `exports` and `products` count by export, and by product and release; `curated` rows before and after, by table.
    `downloads` went on and were dropped. `other_files` name her and are no files of lines: they were left as they are.
    """

    receipt: str
    at: str
    command: str
    salt: str
    subject_sha256: str
    resources: int
    exports: Mapping[str, Mapping[str, int]]
    products: Mapping[str, Mapping[str, Mapping[str, int]]]
    curated: Mapping[str, tuple[int, int]]
    downloads: int
    other_files: int
    not_reached: tuple[str, ...] = NOT_REACHED
    format: int = field(default=1)

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Receipt:
        """Read a receipt back."""
        curated = {table: (before, after) for table, (before, after) in stated["curated"].items()}
        return cls(**{**stated, "curated": curated, "not_reached": tuple(stated["not_reached"])})

    def is_about(self, subject: str) -> bool:
        """Whether the receipt is about a person, given as `Patient/ID`."""
        return digest_subject(subject, self.salt) == self.subject_sha256


def digest_subject(subject: str, salt: str) -> str:
    """What a receipt knows a person by."""
    return hashlib.sha256(f"{salt}:{subject}".encode()).hexdigest()


def read_pending(root: Path) -> Pending | None:
    """The erasure that was begun and not finished; None where there is none."""
    path = _pending(root)
    return read_json(path, Pending.from_json) if path.exists() else None


def refuse_pending(root: Path, command: str) -> None:
    """Raise LakeError where an erasure was interrupted: nothing else writes before it is finished by `command`."""
    if _pending(root).exists():
        raise LakeError("an erasure was interrupted in this lake", where=str(root), hint=f"finish it: {command}")


def write_pending(root: Path, pending: Pending) -> None:
    """Note the plan: from here on the erasure is finished or refused to be passed over."""
    write_json(_pending(root), asdict(pending))


def finish_pending(root: Path, receipt: Receipt) -> None:
    """Write the receipt, then let the plan and its ids go."""
    write_json(root / ERASURES_FOLDER / f"{receipt.receipt}.json", asdict(receipt))
    clear_pending(root)


def clear_pending(root: Path) -> None:
    """Remove the plan, and what a killed writing of it left aside."""
    path = _pending(root)
    for file in (path.with_name(f".{path.name}.part"), path):
        file.unlink(missing_ok=True)
    if path.parent.exists():
        sync(path.parent)


def read_receipts(root: Path) -> tuple[Receipt, ...]:
    """The receipts of a lake, oldest first."""
    files = sorted(p for p in (root / ERASURES_FOLDER).glob("[!.]*.json") if p.name != PENDING_FILE)
    return tuple(sorted((read_json(p, Receipt.from_json) for p in files), key=lambda r: (r.at, r.receipt)))


def require_receipt(root: Path, name: str) -> Receipt:
    """The receipt of that name; raise UsageError where there is none."""
    found = next((r for r in read_receipts(root) if r.receipt == name), None)
    if found is None:
        raise UsageError(f"there is no receipt {name!r}", where=str(root), hint="caremesh erase --list")
    return found


def _pending(root: Path) -> Path:
    return root / ERASURES_FOLDER / PENDING_FILE
