"""The objects of a lake in S3: small documents that are replaced in one step, and files that go up and come down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

from caremesh.aws import Aws, error_code, telling_errors
from caremesh.errors import LakeError
from caremesh.places import S3Place

T = TypeVar("T")

_MISSING = ("404", "NoSuchKey")
# S3 answers 404 to a conditional write of an object that somebody removed meanwhile.
_CONFLICT = ("NoSuchKey", "404", "412", "PreconditionFailed", "409", "ConditionalRequestConflict")
_DELETED_AT_ONCE = 1000


class Conflict(Exception):
    """Somebody else wrote the object since it was read."""


@dataclass(frozen=True)
class Objects:
    """The objects below the lake's prefix, by key relative to it. Every write is encrypted as the settings say."""

    aws: Aws
    place: S3Place

    def read(self, key: str) -> tuple[bytes, str] | None:
        """The content of an object and its ETag; None where there is none."""
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                answer = self._s3.get_object(Bucket=self.place.bucket, Key=self._key(key))
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            return answer["Body"].read(), answer["ETag"]

    def exists(self, key: str) -> bool:
        """Whether there is an object."""
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                self._s3.head_object(Bucket=self.place.bucket, Key=self._key(key))
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return False
                raise
        return True

    def read_json(self, key: str, parse: Callable[[Any], T]) -> T | None:
        """Read a JSON document and `parse` it; None where there is none, LakeError where it is damaged."""
        found = self.read_json_version(key, parse)
        return found[0] if found else None

    def read_json_version(self, key: str, parse: Callable[[Any], T]) -> tuple[T, str] | None:
        """The same, with the ETag of what was read."""
        found = self.read(key)
        if found is None:
            return None
        try:
            return parse(json.loads(found[0])), found[1]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            kind = type(error).__name__
            place = str(self.place / key)
            raise LakeError(f"cannot be read ({kind})", where=place, hint="restore an earlier version of it") from None

    def write(self, key: str, content: bytes, *, type: str = "application/octet-stream") -> None:
        """Write an object, whatever stood there."""
        self._put(key, content, type)

    def write_json(self, key: str, value: Any) -> None:
        """Write a JSON document, whatever stood there."""
        self._put(key, as_json(value), "application/json")

    def create(self, key: str, content: bytes, *, type: str = "application/json") -> None:
        """Write an object that nobody wrote before; raise Conflict where somebody did (If-None-Match)."""
        self._put(key, content, type, IfNoneMatch="*")

    def swap(self, key: str, content: bytes, *, etag: str | None, type: str = "application/json") -> None:
        """Write an object that still is as it was read, or is still not there; raise Conflict where it is not so."""
        if etag is None:
            self.create(key, content, type=type)
        else:
            self._put(key, content, type, IfMatch=etag)

    def upload(self, file: Path, key: str) -> None:
        """Send a file, in parts where it is large; awswrangler's `s3.upload` would hold all of it in memory, twice."""
        with telling_errors(), file.open("rb") as content:
            self._s3.upload_fileobj(content, self.place.bucket, self._key(key), ExtraArgs=self.aws.encryption)

    def download(self, key: str, file: Path) -> None:
        """Bring an object here."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with telling_errors():
            self._s3.download_file(self.place.bucket, self._key(key), str(file))

    def move(self, target: S3Place, *, prefix: str) -> None:
        """Move all objects to another place, by their own names after a prefix; S3 copies, nothing comes here."""
        keys = [*self.list()]
        for key in keys:
            source = {"Bucket": self.place.bucket, "Key": self._key(key)}
            goal = target / f"{prefix}{key.replace('/', '-')}"
            with telling_errors():
                self._s3.copy(source, goal.bucket, goal.prefix, ExtraArgs=self.aws.encryption)
        self.delete(keys)

    def copy_into(self, key: str, file: IO[bytes]) -> None:
        """Write the content of an object into an open file."""
        with telling_errors():
            self._s3.download_fileobj(self.place.bucket, self._key(key), file)

    def list(self, key: str = "") -> Iterator[str]:
        """The keys below a key, in order."""
        yield from (name for name, _ in self.list_dated(key))

    def list_dated(self, key: str = "") -> Iterator[tuple[str, str]]:
        """The keys below a key, in order, and when each was last written (ISO 8601, UTC)."""
        start = len(self._key("")) if self.place.prefix else 0
        for stated in self._stated(key):
            yield stated["Key"][start:], stated["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")

    def size(self, key: str) -> int:
        """How many bytes stand below a key."""
        return sum(stated["Size"] for stated in self._stated(key))

    def _stated(self, key: str) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_objects_v2")
        with telling_errors():
            for page in pages.paginate(Bucket=self.place.bucket, Prefix=f"{self._key(key)}/" if key else self._key("")):
                yield from page.get("Contents", [])

    def folders(self, key: str) -> tuple[str, ...]:
        """The names of what lies directly below a key."""
        pages = self._s3.get_paginator("list_objects_v2")
        prefix = f"{self._key(key)}/"
        with telling_errors():
            found = [
                stated["Prefix"]
                for page in pages.paginate(Bucket=self.place.bucket, Prefix=prefix, Delimiter="/")
                for stated in page.get("CommonPrefixes", [])
            ]
        return tuple(name.removeprefix(prefix).rstrip("/") for name in found)

    def clear(self) -> None:
        """Remove everything."""
        self.delete([*self.list()])

    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return next(self.list(), None) is None

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects."""
        names = [self._key(key) for key in keys]
        for start in range(0, len(names), _DELETED_AT_ONCE):
            batch = [{"Key": name} for name in names[start : start + _DELETED_AT_ONCE]]
            with telling_errors():
                answer = self._s3.delete_objects(Bucket=self.place.bucket, Delete={"Objects": batch, "Quiet": True})
            for failure in answer.get("Errors", []):
                place = f"s3://{self.place.bucket}/{failure.get('Key')}"
                raise LakeError(f"could not be removed ({failure.get('Code')})", where=place, hint="remove it by hand")

    @property
    def _s3(self) -> Any:
        return self.aws.client("s3")

    def _key(self, key: str) -> str:
        return f"{self.place.prefix}/{key}" if self.place.prefix else key

    def _put(self, key: str, content: bytes, content_type: str, **conditions: str) -> None:
        from botocore.exceptions import ClientError

        with telling_errors():
            try:
                self._s3.put_object(
                    Bucket=self.place.bucket,
                    Key=self._key(key),
                    Body=content,
                    ContentType=content_type,
                    **conditions,
                    **self.aws.encryption,
                )
                return
            except ClientError as error:
                if error_code(error) not in _CONFLICT:
                    raise
        # An earlier attempt of ours may have written it, and only the answer was lost.
        if (found := self.read(key)) is None or found[0] != content:
            raise Conflict(key)


def as_json(value: Any) -> bytes:
    """A JSON document as it stands in every lake; keys keep their order, so that equal values give equal bytes."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
