"""The files of exports, wherever they are: in a folder, or in S3."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from caremesh.aws import Aws
from caremesh.errors import LandingError
from caremesh.places import Place, S3Place
from caremesh.sources import ndjson, s3
from caremesh.sources.deletions import read_deletions
from caremesh.sources.export_manifest import ExportManifest, parse_manifest
from caremesh.sources.line_limits import read_document
from caremesh.sources.ndjson import DELETIONS, FoundFile, FoundManifest, LandedFile, Listing, cannot_be_read, open_lines


class Exports:
    """Lists export files, takes them in, and brings them to this machine; `aws` is asked only for files in S3."""

    def __init__(self, aws: Aws) -> None:
        """Keep the way to AWS; nothing is sent."""
        self._aws = aws

    def list(self, landing: Place) -> Listing:
        """List the export files below a landing zone; raise LandingError where that cannot be done."""
        if isinstance(landing, S3Place):
            return s3.list_landing(self._aws, landing)
        return ndjson.list_landing(landing)

    def read_manifest(self, found: FoundManifest) -> ExportManifest:
        """Read the manifest of an export; raise LandingError where it cannot be read, or is none."""
        if _is_in_s3(found.path):
            return parse_manifest(s3.read_text(self._aws, found.path), where=found.path)
        try:
            with Path(found.path).open("rb") as file:
                return parse_manifest(read_document(file, where=found.path), where=found.path)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            raise LandingError(reason, where=found.path, hint="grant read access") from None

    def take_in(self, found: FoundFile, *, on_bytes: Callable[[int], None] | None = None) -> LandedFile:
        """Measure one file; one in S3 is taken as its listing shows it, and read when it is used.

        A delete list is read wherever it is: raises LandingError where it says anything else.
        """
        take_in = s3.take_in if _is_in_s3(found.path) else ndjson.take_in
        landed = take_in(found, on_bytes=on_bytes)
        if found.resource_type != DELETIONS:
            return landed
        return replace(landed, concerns=tuple(sorted({gone for gone, _ in self.read_deletions(landed)})))

    def read_deletions(self, file: LandedFile) -> Iterator[tuple[str, str]]:
        """Give resource type and id of each deletion in a delete list; raise LandingError where it is none."""
        if _is_in_s3(file.path):
            # It names patients, so that it is not put on this machine's disk.
            with s3.open_object(self._aws, file) as content:
                lines: Any = gzip.GzipFile(fileobj=content) if file.path.endswith(".gz") else content
                yield from read_deletions(lines, where=file.path)
            return
        try:
            opened = open_lines(Path(file.path))
        except OSError as error:
            raise cannot_be_read(file.path, error) from None
        with opened as lines:
            yield from read_deletions(lines, where=file.path)

    def is_known(self, found: FoundFile, landed: LandedFile | None) -> bool:
        """Whether a file was taken in before, from the same place, and did not change since."""
        if landed is None:
            return False
        if _is_in_s3(found.path):
            return (landed.path, landed.digest) == (found.path, found.digest)
        return landed.path == str(Path(found.path).resolve()) and ndjson.is_unchanged(landed)

    def first_changed(self, landed: Sequence[LandedFile]) -> LandedFile | None:
        """The first file that was taken in and is gone or no longer the same; None where all are as they were."""
        with ThreadPoolExecutor(s3.PARALLEL) as pool:
            unchanged = pool.map(self._is_unchanged, landed)
            return next((file for file, same in zip(landed, unchanged, strict=True) if not same), None)

    def _is_unchanged(self, landed: LandedFile) -> bool:
        return s3.is_unchanged(self._aws, landed) if _is_in_s3(landed.path) else ndjson.is_unchanged(landed)

    def missing(self, landed: Sequence[LandedFile], *, found: Sequence[FoundFile]) -> tuple[LandedFile, ...]:
        """Files that were taken in and are no longer where they were; `found` spares a look at what was just listed."""
        listed = {f.path for f in found}
        return tuple(f for f in landed if f.path not in listed and not self._is_there(f))

    def fetch(
        self, files: Sequence[LandedFile], folder: Path, *, again: Callable[[str], str]
    ) -> tuple[LandedFile, ...]:
        """The same files on this machine, with their lines counted; those in S3 are downloaded into `folder`.

        `again` gives the command by which an export is landed again, by its name.
        Raises LandingError where one changed since it was taken in, or they are more than the scratch folder may hold.
        """
        remote = [f for f in files if _is_in_s3(f.path)]
        fetched = dict(zip(remote, s3.fetch(self._aws, remote, folder, again=again), strict=True)) if remote else {}
        return tuple(fetched.get(f, f) for f in files)

    def _is_there(self, file: LandedFile) -> bool:
        return s3.is_there(self._aws, file) if _is_in_s3(file.path) else Path(file.path).is_file()


def _is_in_s3(path: str) -> bool:
    return path.startswith("s3://")
