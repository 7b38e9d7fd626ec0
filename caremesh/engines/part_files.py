"""Files without some of their bytes, which DuckDB reads as if they stood on disk.

A copy would cost as much as reading the file, and room for it. DuckDB takes a file system written in Python instead; it
asks for megabytes at a time, so that Python is in nobody's way. A pipe will not do: DuckDB keeps all it reads of one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

from caremesh.sources.sieve import Span

_PROTOCOL = "part"
_M_MMAP_THRESHOLD = -3
"""What `mallopt` sets: from how many bytes on an allocation is memory of its own, which goes back once it is freed."""


class PartFiles(AbstractFileSystem):  # type: ignore[misc]
    """A file system of parts of files, by names that are given with them."""

    protocol = _PROTOCOL
    cachable = False

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the parts readable on this connection."""
        super().__init__()
        _return_freed_memory()
        self._parts: dict[str, tuple[Path, Sequence[Span]]] = {}
        self._connection = connection
        connection.register_filesystem(self)

    def close(self) -> None:
        """Make them unreadable again; else connection and parts would keep each other alive until the process ends."""
        self._connection.unregister_filesystem(_PROTOCOL)

    def show(self, name: str, path: Path, spans: Sequence[Span]) -> str:
        """Let `name` be these runs of bytes of a file, one after the other; give what DuckDB is to read."""
        place = f"{_PROTOCOL}://{name}"
        self._parts[place] = (path, spans)
        return place

    def glob(self, path: str, maxdepth: int | None = None, **options: Any) -> list[str]:  # noqa: ARG002
        """No name here is a pattern."""
        return [path] if path in self._parts else []

    def open(self, path: str, *_: object, **__: object) -> PartFile:
        """Open a part for reading."""
        return PartFile(*self._parts[path])

    def info(self, path: str, **_: object) -> dict[str, Any]:
        """What is known of a part."""
        spans = self._parts[path][1]
        return {"name": path, "size": sum(end - start for start, end in spans), "type": "file"}


class PartFile:
    """What DuckDB calls of an open file. Its threads share it, so that each has a position of its own."""

    def __init__(self, path: Path, spans: Sequence[Span]) -> None:
        """Open a file of which only these runs of bytes are seen."""
        self._file = path.open("rb", buffering=0)
        self._spans = spans
        # Where each span starts in what is seen, and the end of all.
        self._starts = list(accumulate((end - start for start, end in spans), initial=0))
        self._place = threading.local()

    def seek(self, position: int) -> int:
        """Go to a position."""
        self._place.position = position
        return position

    def tell(self) -> int:
        """The position of this thread."""
        position: int = getattr(self._place, "position", 0)
        return position

    def read(self, count: int) -> bytes:
        """So many bytes from the position on; less only at the end.

        DuckDB asks for 32 MB for each thread, and copies what it is given: keeping a buffer here took as much again.
        """
        position = self.tell()
        end = min(position + count, self._starts[-1])
        pieces = []
        while position < end:
            index = bisect_right(self._starts, position) - 1
            size = min(end, self._starts[index + 1]) - position
            piece = os.pread(self._file.fileno(), size, self._spans[index][0] + position - self._starts[index])
            if not piece:
                raise EOFError("the file became shorter while it was read")
            pieces.append(piece)
            position += len(piece)
        self.seek(position)
        # Most often there is one piece; joining that is no copy.
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _return_freed_memory() -> None:
    """Have the C library give back what DuckDB is lent for a read as soon as it was copied.

    After the first 32 MB that are freed glibc would keep up to 64 MB for each thread (`man 3 mallopt`). Other C
    libraries have no such habit, and no such function.
    """
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(_M_MMAP_THRESHOLD, 1 << 22)
