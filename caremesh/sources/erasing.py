"""Files of exports, line by line, and their rewriting without some of these lines.

A line that goes leaves an empty one, so that the lines after it keep their numbers; engines and counts pass empty lines
over. A file is written aside, as a hidden one that no landing sees, and replaced in one step.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from caremesh.errors import LandingError
from caremesh.sources.export_manifest import MANIFEST_FILE, ExportManifest, parse_manifest, write_manifest
from caremesh.sources.ndjson import BROKEN_FILE, DELETIONS, INCOMING, cannot_be_read, open_lines

_LINES = re.compile(r"\.ndjson(\.gz)?$")
_ASIDE = ".erasing"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Line:
    """A line of a file: its number from 1, its text (bytes that are no UTF-8 as escapes), its bytes, and its end."""

    number: int
    text: str
    raw: bytes
    end: bytes


@dataclass(frozen=True)
class Rewritten:
    """A file as it is after rewriting: digest, bytes, lines that are not blank, and how many lines went or changed."""

    digest: str
    bytes: int
    lines: int
    removed: int
    scrubbed: int


Change = Callable[[Line], str | None]
"""Gives a line's new text; None where the line goes, the same text where it stays as it is."""


def find_files(roots: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """All files below some folders, hidden ones too: those of lines, and the others; each once, wherever links lead.

    Downloads that go on are left out.
    """
    seen: set[Path] = set()
    entered: set[str] = set()
    for root in roots:
        for folder, below, names in os.walk(root, followlinks=True, onerror=_refuse):
            real = os.path.realpath(folder)
            # A link that leads back up would be followed for ever.
            below[:] = [] if real in entered else [name for name in below if not name.startswith(INCOMING)]
            entered.add(real)
            seen.update(path.resolve() for name in names if (path := Path(folder, name)).is_file())
    files = sorted(path for path in seen if not path.name.endswith(_ASIDE))
    return [p for p in files if _LINES.search(p.name)], [p for p in files if not _LINES.search(p.name)]


def find_downloads(folders: Iterable[Path]) -> list[Path]:
    """The downloads that go on in or beside some folders of exports.

    Raises LandingError where a process is at one now.
    """
    places = {place for folder in folders for place in (folder, folder.parent)}
    found = sorted({p for place in places for p in place.glob(f"{INCOMING}*") if p.is_dir()})
    for download in found:
        descriptor = os.open(download, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LandingError(
                "an export is being fetched", where=str(download), hint="wait for it to end, or end it; then erase"
            ) from None
        finally:
            os.close(descriptor)
    return found


def type_of(path: Path) -> str:
    """The resource type of a file's lines, by its name."""
    return DELETIONS if path.parent.name == DELETIONS else re.split(r"[._-]", path.name)[0]


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a plain or gzipped file that are not blank; raise LandingError where it cannot be read."""
    for line in _lines(path):
        if not line.raw.isspace() and line.raw:
            yield line


def measure(path: Path, change: Change) -> Rewritten:
    """What a file will be after rewriting; nothing is written."""
    return _rewrite(path, change, None)


def rewrite(path: Path, change: Change) -> Rewritten:
    """Rewrite a file in one step."""
    aside = path.with_name(f".{path.name}{_ASIDE}")
    with aside.open("wb") as file:
        done = _rewrite(path, change, file)
        file.flush()
        os.fsync(file.fileno())
    aside.chmod(path.stat().st_mode & 0o7777)
    aside.replace(path)
    return done


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_BLOCK):
            digest.update(chunk)
    return digest.hexdigest()


def restated(
    manifest: ExportManifest, root: Path, sizes: Mapping[Path, int], types: Sequence[str] | None
) -> ExportManifest:
    """The manifest of the export in a folder, with new sizes of files, by their whole path, and its types, if any."""
    changes: dict[str, object] = {"types": tuple(types)} if types else {}
    if manifest.files is not None:
        stated = [(f, sizes.get((root / f.name).resolve(), f.bytes)) for f in manifest.files]
        changes["files"] = tuple(f.model_copy(update={"bytes": size}) for f, size in stated)
    return manifest.model_copy(update=changes)


def rewrite_manifest(path: Path, sizes: Mapping[Path, int], types: Sequence[str] | None) -> None:
    """Let `export.json` state what became of the files that were rewritten."""
    before = parse_manifest(path.read_bytes(), where=str(path))
    after = restated(before, path.parent, sizes, types)
    if after == before:
        return
    aside = path.with_name(f".{path.name}{_ASIDE}")
    with aside.open("w", encoding="utf-8") as file:
        file.write(write_manifest(after))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def is_manifest(path: Path) -> bool:
    """Whether a file is called as the manifest of an export is."""
    return path.name == MANIFEST_FILE


def contains(path: Path, is_named: Callable[[str], bool]) -> bool:
    """Whether a file of any kind holds, in a line of it, what `is_named` looks for."""
    try:
        with path.open("rb") as file:
            return any(is_named(block.decode("utf-8", errors="replace")) for block in _pieces(file))
    except OSError as error:
        raise LandingError(f"cannot be read: {error.strerror}", where=str(path), hint="grant read access") from None


def _refuse(error: OSError) -> None:
    raise LandingError(f"cannot be listed: {error.strerror}", where=str(error.filename), hint="grant read access")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, and long ones in pieces that overlap, so that no name is cut in two."""
    rest = b""
    while line := file.readline(_BLOCK):
        yield rest + line
        rest = b"" if line.endswith(b"\n") else line[-256:]


def _lines(path: Path) -> Iterator[Line]:
    try:
        with open_lines(path) as file:
            for number, whole in enumerate(file, start=1):
                raw = whole.rstrip(b"\r\n")
                yield Line(number, raw.decode("utf-8", errors="backslashreplace"), raw, whole[len(raw) :])
    except BROKEN_FILE as error:
        raise cannot_be_read(str(path), error) from None


class _Sink:
    """Takes the bytes of a file: counts and digests them, and writes them where there is a place."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self.file, self.digest, self.bytes = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.bytes += len(data)
        if self.file:
            self.file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""


def _rewrite(path: Path, change: Change, file: IO[bytes] | None) -> Rewritten:
    sink = _Sink(file)
    if path.suffix == ".gz":
        # No name and no time in it, so that copies of a file stay copies.
        with gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0) as packed:
            counts = _copy(path, change, packed)
    else:
        counts = _copy(path, change, sink)
    return Rewritten(sink.digest.hexdigest(), sink.bytes, *counts)


def _copy(path: Path, change: Change, target: _Sink | gzip.GzipFile) -> tuple[int, int, int]:
    lines = removed = scrubbed = 0
    blank = b""
    for line in _lines(path):
        text = line.text if not line.raw.strip() else change(line)
        if text is None:
            removed += 1
        elif text != line.text:
            scrubbed += 1
        raw = b"" if text is None else line.raw if text == line.text else text.encode()
        if not raw.strip():
            blank += raw + line.end
            continue
        lines += 1
        target.write(blank + raw + line.end)
        blank = b""
    # A file that has lost all its lines is empty.
    return lines, removed, scrubbed
