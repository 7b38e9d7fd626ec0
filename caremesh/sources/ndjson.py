"""FHIR bulk exports as NDJSON files in a landing folder: which there are, and how many lines they hold.

Three layouts are known, plain or gzipped, and may be mixed:

    landing/Patient.ndjson  Patient-000.ndjson  Patient.1767225600000.ndjson      flat: the landing folder is the export
    landing/Patient/Patient-1022280015944103279-3-0.ndjson                        one folder per type
    landing/<datastore>-FHIR_EXPORT-<job>/Patient/Patient-….ndjson                several exports side by side
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from caremesh.errors import LandingError
from caremesh.fhir.types import load_types

_FILE_NAME = re.compile(r"^(?P<type>[A-Za-z]+)(?:[.-].*)?\.ndjson(?:\.gz)?$")


@dataclass(frozen=True)
class FoundFile:
    """A file of an export as the folder listing shows it; nothing of it was read yet."""

    export: str
    name: str
    path: Path
    resource_type: str


@dataclass(frozen=True)
class LandedFile:
    """A file of an export, taken in: what it is, how long, and how many resources (lines that are not blank)."""

    export: str
    name: str
    path: str
    resource_type: str
    bytes: int
    modified_ns: int
    sha256: str
    lines: int


@dataclass(frozen=True)
class IgnoredFile:
    """A file in the landing folder that is no part of an export, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """Everything that stands in a landing folder, sorted by export and name."""

    files: tuple[FoundFile, ...]
    ignored: tuple[IgnoredFile, ...]


def list_landing(landing: Path) -> Listing:
    """List the export files below `landing`, and what was passed over and why."""
    files: list[FoundFile] = []
    ignored: list[IgnoredFile] = []
    resource_types = load_types().resources
    for path in sorted(_visible_files(landing)):
        matched = _FILE_NAME.match(path.name)
        if not matched:
            ignored.append(IgnoredFile(str(path), "not an .ndjson or .ndjson.gz file"))
        elif matched["type"] not in resource_types:
            ignored.append(IgnoredFile(str(path), f"{matched['type']!r} is no FHIR R4 resource type"))
        else:
            files.append(_found(landing, path, matched["type"]))
    files.sort(key=lambda f: (f.export, f.name))
    return Listing(tuple(files), tuple(ignored))


def take_in(found: FoundFile, *, on_bytes: Callable[[int], None] | None = None) -> LandedFile:
    """Read one file once: digest of its bytes, and how many lines are not blank.

    Raises LandingError where it cannot be read or is a broken gzip file.
    """
    try:
        stat = found.path.stat()
        digest = _digest(found.path, on_bytes)
        with open_lines(found.path) as lines:
            count = sum(1 for line in lines if not line.isspace())
    except (OSError, EOFError) as error:
        raise LandingError(
            f"cannot be read: {error}", where=str(found.path), hint="export this file again, or remove it"
        ) from None
    return LandedFile(
        export=found.export,
        name=found.name,
        path=str(found.path.resolve()),
        resource_type=found.resource_type,
        bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        sha256=digest,
        lines=count,
    )


def is_unchanged(found: FoundFile, landed: LandedFile) -> bool:
    """True where size and modification time say that the file is the one taken in before."""
    stat = found.path.stat()
    return (str(found.path.resolve()), stat.st_size, stat.st_mtime_ns) == (
        landed.path,
        landed.bytes,
        landed.modified_ns,
    )


def open_lines(path: Path) -> IO[bytes] | gzip.GzipFile:
    """Open a plain or gzipped file for reading lines of bytes."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def _visible_files(landing: Path) -> Iterator[Path]:
    for path in landing.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(landing).parts)
        if path.is_file() and not hidden:
            yield path


def _found(landing: Path, path: Path, resource_type: str) -> FoundFile:
    folder = path.parent
    if folder != landing and folder.name == resource_type:
        folder = folder.parent
    below = folder.relative_to(landing).as_posix()
    export = landing.resolve().name if below == "." else below
    return FoundFile(export, path.relative_to(folder).as_posix(), path, resource_type)


def _digest(path: Path, on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            if on_bytes:
                on_bytes(len(chunk))
    return digest.hexdigest()
