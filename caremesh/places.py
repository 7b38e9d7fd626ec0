"""Where a lake or a landing zone lies: a folder, or a prefix in an S3 bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from caremesh.errors import UsageError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True)
class S3Place:
    """A prefix in a bucket, without slashes around it; the empty prefix is the whole bucket."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def __truediv__(self, below: str) -> S3Place:
        """What lies below, as with `Path`."""
        return S3Place(self.bucket, f"{self.prefix}/{below}".strip("/"))

    @property
    def name(self) -> str:
        """The last part, for people."""
        return self.prefix.rpartition("/")[2] or self.bucket

    @property
    def folder(self) -> str:
        """The place as Glue and Athena want the location of a table: with a slash at its end."""
        return f"{self}/"


Place: TypeAlias = Path | S3Place


def parse_place(text: str) -> Place:
    """Read a folder's path or an `s3://bucket/prefix`; raise UsageError for an S3 address that cannot be one."""
    if not text.lower().startswith("s3:"):
        return Path(text)
    bucket, _, prefix = text[len("s3:") :].lstrip("/").partition("/")
    parts = prefix.strip("/").split("/") if prefix.strip("/") else []
    if not text.startswith("s3://") or not _BUCKET.fullmatch(bucket) or "" in parts:
        raise UsageError(f"{text!r} is no place in S3", hint="s3://bucket/prefix")
    return S3Place(bucket, "/".join(parts))


def split_address(address: str) -> tuple[str, str]:
    """The bucket and the key of an `s3://bucket/key`."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key
