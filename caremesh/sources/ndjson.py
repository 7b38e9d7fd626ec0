"""FHIR bulk exports as NDJSON files in a landing folder: which there are, and how many lines they hold.

Three layouts are known, plain or gzipped, and may be mixed:

    landing/Patient.ndjson  Patient-000.ndjson  Patient.1767225600000.ndjson      flat: the landing folder is the export
    landing/Patient/Patient-1022280015944103279-3-0.ndjson                        one folder per type
    landing/<datastore>-FHIR_EXPORT-<job>/Patient/Patient-….ndjson                several exports side by side

In an export's folder may stand `export.json`, its manifest, and in `deleted/` lists of the resources that are gone.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from caremesh.errors import LandingError
from caremesh.fhir.types import load_types
from caremesh.sources.export_manifest import MANIFEST_FILE
from caremesh.sources.line_limits import count_lines_within

BROKEN_FILE = (OSError, EOFError, zlib.error)
"""What Python raises for a file that cannot be read, or is no whole gzip file."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

INCOMING = ".incoming-"
"""How the folder of an export begins that is on its way; as any name with a dot before it, landing does not see it."""

DELETIONS = "deleted"
"""The folder of an export's delete lists, and what stands for a resource type with them."""

_FILE_NAME = re.compile(r"^(?P<type>[A-Za-z]+)(?:[._-].*)?\.ndjson(?:\.gz)?$")
_LINES = (".ndjson", ".ndjson.gz")


@dataclass(frozen=True)
class FoundFile:
    """A file of an export as a listing shows it, with its digest where it has one; nothing of it was read yet."""

    export: str
    root: str
    name: str
    path: str
    resource_type: str
    bytes: int
    digest: str | None = None


@dataclass(frozen=True)
class FoundManifest:
    """The manifest of an export, as a listing shows it."""

    export: str
    root: str
    path: str


@dataclass(frozen=True)
class LineFile:
    """A file of resources of one type, one a line: the export it belongs to, its name there, and where it is."""

    export: str
    name: str
    path: str
    resource_type: str


@dataclass(frozen=True)
class LandedFile(LineFile):
    """A file of an export, taken in: how long it is, what tells its content, and how many lines are not blank.

    `digest` is the SHA-256 of its bytes, or `etag:…` for an object in S3, which is not read to be taken in; `lines` is
    None where nobody counted yet. `concerns` are the resource types that a delete list names.
    """

    bytes: int
    modified_ns: int
    digest: str
    lines: int | None
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True)
class IgnoredFile:
    """A file in the landing folder that is not taken in, and why; `is_missed` where it looks as if it should be."""

    path: str
    reason: str
    is_missed: bool


@dataclass(frozen=True)
class Listing:
    """Everything that stands in a landing zone, sorted by export and name."""

    files: tuple[FoundFile, ...]
    ignored: tuple[IgnoredFile, ...]
    manifests: tuple[FoundManifest, ...] = ()


def list_landing(landing: Path) -> Listing:
    """List the export files below `landing`, and what was passed over and why.

    Links to folders are followed. Raises LandingError for a folder that cannot be read, and where two files would go
    by one name.
    """
    files: dict[tuple[str, str], FoundFile] = {}
    ignored: list[IgnoredFile] = []
    manifests: list[FoundManifest] = []
    seen: dict[Path, Path] = {}
    for path in sorted(_visible_files(landing)):
        if path.name == MANIFEST_FILE:
            export, root = _export_of(landing, path.parent)
            manifests.append(FoundManifest(export, root, str(path)))
            continue
        twin_path = seen.get(path.resolve())
        reason = f"it is the same file as {twin_path}" if twin_path else _reason_to_ignore(landing, path)
        if reason:
            shown = os.fsencode(path).decode(errors="backslashreplace")
            ignored.append(IgnoredFile(shown, reason, is_missed=is_like_an_export(path.name) and not twin_path))
            continue
        seen[path.resolve()] = path
        found = _found(landing, path)
        add_found(files, found)
    return Listing(tuple(sorted(files.values(), key=lambda f: (f.export, f.name))), tuple(ignored), tuple(manifests))


def add_found(files: dict[tuple[str, str], FoundFile], found: FoundFile) -> None:
    """Put a file under its export and name; raise LandingError where another one goes by them."""
    twin = files.setdefault((found.export, found.name), found)
    if twin is not found:
        raise LandingError(
            f"two files go by the name {found.name!r} of export {found.export!r}: this one and {twin.path}",
            where=found.path,
            hint="move one of the exports into a folder of another name",
        )


def take_in(found: FoundFile, *, on_bytes: Callable[[int], None] | None = None) -> LandedFile:
    """Measure one file: digest of its bytes, and how many lines are not blank.

    Raises LandingError where it cannot be read or is a broken gzip file.
    """
    path = Path(found.path)
    try:
        stat = path.stat()
        digest = _digest(path, on_bytes)
        count = count_lines(path)
    except BROKEN_FILE as error:
        raise cannot_be_read(found.path, error) from None
    return LandedFile(
        export=found.export,
        name=found.name,
        path=str(path.resolve()),
        resource_type=found.resource_type,
        bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        digest=digest,
        lines=count,
    )


def cannot_be_read(path: str, error: Exception) -> LandingError:
    """The error for a file that is broken, or not there; what Python says of a broken one quotes its first bytes."""
    reason = (error.strerror if isinstance(error, OSError) else None) or "it is no whole gzip file"
    return LandingError(f"cannot be read: {reason}", where=path, hint="export this file again, or remove it")


def is_unchanged(landed: LandedFile) -> bool:
    """True where the file is there, and size and modification time say that it is the one taken in."""
    try:
        stat = Path(landed.path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (landed.bytes, landed.modified_ns)


def count_lines(path: Path) -> int:
    """How many lines of a plain or gzipped file are not blank; raise LandingError where one of them has no end."""
    with open_lines(path) as file:
        return count_lines_within(file, where=str(path))


def open_lines(path: Path) -> IO[bytes] | gzip.GzipFile:
    """Open a plain or gzipped file for reading lines of bytes."""
    if path.suffix == ".gz":
        return gzip.open(path, "rb")
    return path.open("rb")


def starts_with_mark(path: Path) -> bool:
    """Whether the first line of a file starts with a byte order mark, which JSON may not."""
    try:
        with open_lines(path) as lines:
            return lines.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK
    except BROKEN_FILE as error:
        raise cannot_be_read(str(path), error) from None


def reason_to_ignore(below: PurePosixPath) -> str | None:
    """Why a file at that path below the landing zone is no file of an export; None where it is one."""
    if below.parent.name == DELETIONS and below.name.endswith(_LINES):
        return None
    matched = _FILE_NAME.match(below.name)
    if not matched:
        return "its name is not like Patient.ndjson, Patient-000.ndjson or Patient.1.ndjson.gz"
    if matched["type"] not in load_types().resources:
        return f"{matched['type']!r} is no FHIR R4 resource type"
    return None


def is_like_an_export(name: str) -> bool:
    """Whether somebody may think that a file is taken in: it is called NDJSON, or begins with a resource type."""
    return ".ndjson" in name.lower() or re.split(r"[._-]", name)[0] in load_types().resources


def place_in_export(below: PurePosixPath) -> tuple[PurePosixPath, str]:
    """The folder of a file's export, and its resource type, by the file's path below the landing zone."""
    folder = below.parent
    resource_type = DELETIONS if folder.name == DELETIONS else re.split(r"[._-]", below.name)[0]
    if folder.name == resource_type:
        folder = folder.parent
    return folder, resource_type


def _reason_to_ignore(landing: Path, path: Path) -> str | None:
    if reason := reason_to_ignore(PurePosixPath(path.relative_to(landing).as_posix())):
        return reason
    if not path.is_file():
        return "it is no file, or a link to nothing"
    try:
        str(path.resolve()).encode()
    except UnicodeEncodeError:
        return "its name is no UTF-8"
    return None


def _visible_files(landing: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise LandingError(f"cannot be listed: {error.strerror}", where=str(error.filename), hint="grant read access")

    entered: set[str] = set()
    for folder, below, names in os.walk(landing, followlinks=True, onerror=refuse):
        real = os.path.realpath(folder)
        # A link that leads back up would be followed for ever.
        below[:] = [] if real in entered else [name for name in below if not name.startswith(".")]
        if real not in entered:
            yield from (Path(folder) / name for name in names if not name.startswith("."))
        entered.add(real)


def _found(landing: Path, path: Path) -> FoundFile:
    below, resource_type = place_in_export(PurePosixPath(path.relative_to(landing).as_posix()))
    folder = landing / below
    export, root = _export_of(landing, folder)
    return FoundFile(
        export=export,
        root=root,
        name=path.relative_to(folder).as_posix(),
        path=str(path),
        resource_type=resource_type,
        bytes=path.stat().st_size,
    )


def _export_of(landing: Path, folder: Path) -> tuple[str, str]:
    """The name of the export in a folder, and the whole path of that folder."""
    name = landing.resolve().name if folder == landing else folder.relative_to(landing).as_posix()
    return name, str(folder.resolve())


def _digest(path: Path, on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            if on_bytes:
                on_bytes(len(chunk))
    return digest.hexdigest()
