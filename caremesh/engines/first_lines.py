"""Files in S3 that start with a byte order mark, which JSON may not, and which Athena takes away without a word."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from caremesh.aws import Aws, telling_errors
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
    bucket, _, key = path.removeprefix("s3://").partition("/")
    body = aws.client("s3").get_object(Bucket=bucket, Key=key, **request)["Body"]
    return gzip.GzipFile(fileobj=body) if path.endswith(".gz") else body
