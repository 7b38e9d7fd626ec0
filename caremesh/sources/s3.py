"""FHIR bulk exports in S3: the same layouts as in a folder, listed with sizes and ETags, and downloaded when used."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from caremesh.aws import ATTEMPTS, Aws, error_code, telling_errors
from caremesh.errors import LandingError
from caremesh.places import S3Place, split_address
from caremesh.sources.export_manifest import MANIFEST_FILE
from caremesh.sources.line_limits import read_document
from caremesh.sources.ndjson import (
    BROKEN_FILE,
    FoundFile,
    FoundManifest,
    IgnoredFile,
    LandedFile,
    Listing,
    add_found,
    cannot_be_read,
    count_lines,
    is_like_an_export,
    place_in_export,
    reason_to_ignore,
)

PARALLEL = 8
"""So many objects are downloaded at once."""

_BLOCK = 1 << 20
_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CHANGED = ("412", "PreconditionFailed", "404", "NoSuchKey")


def list_landing(aws: Aws, landing: S3Place) -> Listing:
    """List the export files below a prefix, and what was passed over and why.

    Raises LandingError where two files would go by one name, AwsError where the bucket cannot be listed.
    """
    files: dict[tuple[str, str], FoundFile] = {}
    ignored: list[IgnoredFile] = []
    manifests: list[FoundManifest] = []
    for stated in _objects(aws, landing):
        below = PurePosixPath(stated["Key"].removeprefix(f"{landing.prefix}/" if landing.prefix else ""))
        if stated["Key"].endswith("/") or any(part.startswith(".") for part in below.parts):
            continue
        if below.name == MANIFEST_FILE:
            manifests.append(
                FoundManifest(*_export_of(landing, below.parent), f"s3://{landing.bucket}/{stated['Key']}")
            )
        elif reason := reason_to_ignore(below):
            ignored.append(IgnoredFile(f"s3://{landing.bucket}/{stated['Key']}", reason, is_like_an_export(below.name)))
        else:
            add_found(files, _found(landing, below, stated))
    return Listing(tuple(sorted(files.values(), key=lambda f: (f.export, f.name))), tuple(ignored), tuple(manifests))


@contextmanager
def open_object(aws: Aws, file: LandedFile) -> Iterator[BinaryIO]:
    """A landed object, open for reading; raise LandingError where it is another one, or gone."""
    with telling_errors(), closing(_open(aws, file, "caremesh land again")) as body:
        yield cast(BinaryIO, BufferedReader(body, _BLOCK))


def read_text(aws: Aws, path: str) -> bytes:
    """The content of a small object; raise LandingError where it is gone."""
    from botocore.exceptions import ClientError

    bucket, key = split_address(path)
    with telling_errors():
        try:
            with closing(aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"]) as body:
                return read_document(body, where=path)
        except ClientError as error:
            if error_code(error) in _CHANGED:
                raise LandingError("is gone since it was listed", where=path, hint="run again") from None
            raise


def take_in(found: FoundFile, *, on_bytes: Callable[[int], None] | None = None) -> LandedFile:
    """Take an object as its listing shows it: its size, and its ETag as the digest of its content."""
    if on_bytes:
        on_bytes(found.bytes)
    return LandedFile(
        export=found.export,
        name=found.name,
        path=found.path,
        resource_type=found.resource_type,
        bytes=found.bytes,
        modified_ns=0,
        digest=found.digest or "",
        lines=None,
    )


def is_unchanged(aws: Aws, landed: LandedFile) -> bool:
    """Whether the object is there and has the size and the ETag that it was taken in with."""
    head = _head(aws, landed)
    return head is not None and (head["ContentLength"], _digest(head["ETag"])) == (landed.bytes, landed.digest)


def is_there(aws: Aws, landed: LandedFile) -> bool:
    """Whether an object of that name is there, with whatever content."""
    return _head(aws, landed) is not None


def fetch(
    aws: Aws,
    files: Sequence[LandedFile],
    folder: Path,
    *,
    again: Callable[[str], str],
    pause: Callable[[float], None] = time.sleep,
) -> tuple[LandedFile, ...]:
    """Download objects, several at once, and count their lines; they keep export and name, and get a path here.

    `again` gives the command by which an export is landed again, by its name. An object whose stream breaks is read
    once more from its start, up to `ATTEMPTS` times in all, with growing pauses.
    Raises LandingError where an object is not the one that was taken in, and where all of them are more than
    `scratch_bytes` of the settings.
    """
    size, limit = sum(f.bytes for f in files), aws.settings.scratch_bytes
    if size > limit:
        raise LandingError(
            f"{size:,} bytes of {files[0].resource_type} are more than the {limit:,} that may be downloaded",
            where=files[0].path,
            hint="flatten them where they are: --engine athena; or raise CAREMESH_SCRATCH_BYTES",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return tuple(pool.map(lambda f: _fetch_one(aws, f, folder, again(f.export), pause), files))


def _head(aws: Aws, landed: LandedFile) -> dict[str, Any] | None:
    """What S3 says about an object; None where it is gone."""
    from botocore.exceptions import ClientError

    bucket, key = split_address(landed.path)
    with telling_errors():
        try:
            return dict(aws.client("s3").head_object(Bucket=bucket, Key=key))
        except ClientError as error:
            if error_code(error) in _CHANGED:
                return None
            raise


def _objects(aws: Aws, landing: S3Place) -> Iterator[dict[str, Any]]:
    pages = aws.client("s3").get_paginator("list_objects_v2")
    prefix = f"{landing.prefix}/" if landing.prefix else ""
    with telling_errors():
        for page in pages.paginate(Bucket=landing.bucket, Prefix=prefix):
            yield from page.get("Contents", [])


def _found(landing: S3Place, below: PurePosixPath, stated: dict[str, Any]) -> FoundFile:
    folder, resource_type = place_in_export(below)
    export, root = _export_of(landing, folder)
    return FoundFile(
        export=export,
        root=root,
        name=str(below.relative_to(folder)),
        path=f"s3://{landing.bucket}/{stated['Key']}",
        resource_type=resource_type,
        bytes=stated["Size"],
        digest=_digest(stated["ETag"]),
    )


def _export_of(landing: S3Place, folder: PurePosixPath) -> tuple[str, str]:
    """The name of the export below a folder of the landing zone, and the whole address of that folder."""
    is_top = folder == PurePosixPath()
    return (landing.name, str(landing)) if is_top else (str(folder), str(landing / str(folder)))


def _fetch_one(aws: Aws, file: LandedFile, folder: Path, again: str, pause: Callable[[float], None]) -> LandedFile:
    """Download one object as it was taken in, and count its lines; the size is checked once more."""
    name = hashlib.sha256(f"{file.export}\n{file.name}".encode()).hexdigest()[:16]
    target = folder / (name + "".join(PurePosixPath(file.name).suffixes[-2:]))
    size = _download(aws, file, target, again, pause)
    if size != file.bytes:
        raise LandingError(f"{size:,} bytes came, of {file.bytes:,}", where=file.path, hint="run again")
    try:
        lines = count_lines(target)
    except BROKEN_FILE as error:
        raise cannot_be_read(file.path, error) from None
    return replace(file, path=str(target.resolve()), lines=lines)


def _download(aws: Aws, file: LandedFile, target: Path, again: str, pause: Callable[[float], None]) -> int:
    """Read an object into a file, from its start again where the stream broke; give its size."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    attempt = 1
    with telling_errors():
        while True:
            # Up to the first byte botocore tries again itself.
            body = _open(aws, file, again)
            try:
                return _copy(body, target)
            except (HTTPClientError, IncompleteReadError):
                if attempt == ATTEMPTS:
                    raise
            pause(min(_PAUSE * 2**attempt, _LONGEST_PAUSE))
            attempt += 1


def _open(aws: Aws, file: LandedFile, again: str) -> Any:
    """The stream of an object as it was taken in; raise LandingError where it is another one, or gone."""
    from botocore.exceptions import ClientError

    bucket, key = split_address(file.path)
    etag = file.digest.removeprefix("etag:")
    try:
        return aws.client("s3").get_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"')["Body"]
    except ClientError as error:
        if error_code(error) in _CHANGED:
            raise LandingError("changed, or is gone, since it was landed", where=file.path, hint=again) from None
        raise


def _copy(body: Any, target: Path) -> int:
    with closing(body), target.open("wb") as written:
        for block in body.iter_chunks(_BLOCK):
            written.write(block)
        return written.tell()


def _digest(etag: str) -> str:
    return f"etag:{etag.strip(chr(34))}"
