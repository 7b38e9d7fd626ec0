"""The Parquet files below a location in S3, as Athena sees them, and their footers, each by a small read at its end.

What botocore raises goes through: the caller says what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caremesh.places import split_address

if TYPE_CHECKING:
    from pyarrow import parquet

_TAIL = 64 * 1024
_FOOTER_END = 8  # the footer's length in four bytes, and PAR1


class NoParquet(Exception):
    """An object is no Parquet file, or a broken one; its address is the text."""


@dataclass(frozen=True)
class ParquetFile:
    """An object that is read as Parquet."""

    bucket: str
    key: str
    bytes: int


def list_files(s3: Any, location: str) -> list[ParquetFile]:
    """The files of a table: Athena passes over empty ones, and over those whose name says that they are hidden.

    https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
    """
    bucket, prefix = split_address(location)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix.rstrip("/") + "/")
    listed = [o for page in pages for o in page.get("Contents", ())]
    shown = [o for o in listed if o["Size"] and not o["Key"].rpartition("/")[2].startswith(("_", "."))]
    return [ParquetFile(bucket, o["Key"], o["Size"]) for o in shown]


def read_footer(s3: Any, file: ParquetFile) -> parquet.FileMetaData:
    """The metadata at the end of a file; raise NoParquet where there are none."""
    import pyarrow as pa
    from pyarrow import parquet

    tail = _read_tail(s3, file, min(file.bytes, _TAIL))
    needed = int.from_bytes(tail[-_FOOTER_END:-4], "little") + _FOOTER_END
    if len(tail) < needed <= file.bytes:
        tail = _read_tail(s3, file, needed)
    try:
        return parquet.read_metadata(pa.BufferReader(tail))
    except (OSError, pa.ArrowException):
        raise NoParquet(f"s3://{file.bucket}/{file.key}") from None


def _read_tail(s3: Any, file: ParquetFile, length: int) -> bytes:
    body = s3.get_object(Bucket=file.bucket, Key=file.key, Range=f"bytes=-{length}")["Body"]
    return bytes(body.read())
