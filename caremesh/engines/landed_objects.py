"""What is looked at in landed objects beside Athena: their first bytes, how many they hold, and lines where in doubt.

A byte order mark, which JSON may not have, is taken away by Athena without a word.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from caremesh.aws import Aws, telling_errors
from caremesh.places import split_address
from caremesh.sources.ndjson import BROKEN_FILE, BYTE_ORDER_MARK, LandedFile, cannot_be_read

# A gzip header with a long file name in it, and some text.
_GLANCE = 4096
_CHUNK = 1 << 16
_THREADS = 16


@dataclass(frozen=True)
class MarkedLine:
    """The first line of a file, which has a mark; `digest` is the MD5 of what Athena sees of it."""

    path: str
    digest: bytes
    raw: str


def find_marked(aws: Aws, files: Sequence[LandedFile]) -> list[MarkedLine]:
    """Look at the first bytes of files (`s3://…`), and read the first line of those that have a mark."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda path: _look(aws, path), [file.path for file in files if file.bytes])
        return [line for line in found if line]


def plain_sizes(aws: Aws, files: Sequence[LandedFile]) -> list[int]:
    """How many bytes of text each file holds, modulo 2^32 where it is packed: a gzip file ends with that number.

    https://www.rfc-editor.org/rfc/rfc1952#page-8; it is that of the last member, where a file has several.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda file: _plain_size(aws, file), files))


def count_object_lines(aws: Aws, files: Sequence[LandedFile]) -> list[int]:
    """How many lines of each file are not blank; the files are read, and never held in memory."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda file: _count_lines(aws, file.path), files))


def _count_lines(aws: Aws, path: str) -> int:
    count, is_solid = 0, False
    with telling_errors():
        try:
            source = _open(aws, path)
            while chunk := source.read(_CHUNK):
                begun, *others = chunk.split(b"\n")
                is_solid = is_solid or bool(begun.strip())
                for text in others:
                    count += is_solid
                    is_solid = bool(text.strip())
        except BROKEN_FILE as error:
            raise cannot_be_read(path, error) from None
    return count + is_solid


def _plain_size(aws: Aws, file: LandedFile) -> int:
    if not is_packed(file):
        return file.bytes
    bucket, key = split_address(file.path)
    with telling_errors():
        end = aws.client("s3").get_object(Bucket=bucket, Key=key, Range="bytes=-4")["Body"].read()
    return int.from_bytes(end, "little")


def is_packed(file: LandedFile) -> bool:
    """Whether a file is gzipped."""
    return file.path.endswith(".gz")


def _look(aws: Aws, path: str) -> MarkedLine | None:
    with telling_errors():
        try:
            if _open(aws, path, Range=f"bytes=0-{_GLANCE - 1}").read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
                return None
            line = _first_line(_open(aws, path)).rstrip(b"\r")
        except BROKEN_FILE as error:
            raise cannot_be_read(path, error) from None
    digest = hashlib.md5(line[len(BYTE_ORDER_MARK) :], usedforsecurity=False).digest()
    return MarkedLine(path, digest, line.decode("utf-8", errors="backslashreplace"))


def _first_line(source: Any) -> bytes:
    line = bytearray()
    while b"\n" not in line and (chunk := source.read(_CHUNK)):
        line += chunk
    return bytes(line).partition(b"\n")[0]


def _open(aws: Aws, path: str, **request: Any) -> Any:
    bucket, key = split_address(path)
    body = aws.client("s3").get_object(Bucket=bucket, Key=key, **request)["Body"]
    return gzip.GzipFile(fileobj=body) if path.endswith(".gz") else body
