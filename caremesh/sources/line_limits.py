"""Lines and documents from outside, read within limits: a file of one endless line must not fill the memory.

A line that is too long for the engines (32 MB) is quarantined. Far beyond that, no line of a file is held at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from caremesh.errors import LandingError

LONGEST_READ = 128 << 20
"""Bytes of a line that are ever held; a file with a longer one is refused."""

LONGEST_DOCUMENT = 64 << 20
"""Bytes of a manifest, or of another document that is parsed whole."""

BLOCK = 1 << 18


class LineCounter:
    """Counts lines in blocks of a file, and holds none: `lines` are those before `rest` that are not blank."""

    def __init__(self, *, keep: int = 0) -> None:
        """Count from nothing; `keep` is how many bytes of the last, unfinished line are kept in `rest`."""
        self.lines = 0
        self.rest = bytearray()
        self.longest = 0
        self._keep = keep
        self._length = 0
        self._is_blank = True

    def feed(self, block: bytes) -> None:
        """Take the next block."""
        first, *others = block.split(b"\n")
        self._go_on(first)
        if others:
            *whole, last = others
            self.lines += (not self._is_blank) + sum(1 for line in whole if line and not line.isspace())
            self.longest = max(self.longest, *map(len, whole), 0)
            self._length, self._is_blank = 0, True
            self.rest.clear()
            self._go_on(last)

    @property
    def total(self) -> int:
        """Lines that are not blank, the unfinished one among them."""
        return self.lines + (not self._is_blank)

    def _go_on(self, piece: bytes) -> None:
        self._length += len(piece)
        self.longest = max(self.longest, self._length)
        self._is_blank = self._is_blank and (not piece or piece.isspace())
        self.rest += piece[: self._keep - len(self.rest)]


def count_lines_within(file: IO[bytes] | Any, *, where: str) -> int:
    """How many lines of an opened file are not blank; raise LandingError where one is longer than anybody may hold."""
    counter = LineCounter()
    while block := file.read(BLOCK):
        counter.feed(block)
        if counter.longest > LONGEST_READ:
            raise _too_long(f"a line is longer than {LONGEST_READ >> 20} MB", where)
    return counter.total


def lines_within(file: IO[bytes] | Any, *, where: str) -> Iterator[bytes]:
    """The lines of an opened file; raise LandingError for one that is longer than anybody may hold."""
    number = 0
    while line := file.readline(LONGEST_READ + 1):
        number += 1
        if len(line) > LONGEST_READ:
            raise _too_long(f"the line is longer than {LONGEST_READ >> 20} MB", f"{where}:{number}")
        yield line


def read_document(file: IO[bytes] | Any, *, where: str) -> bytes:
    """The whole of an opened file that is parsed at once; raise LandingError where it is too long for that."""
    parts, size = [], 0
    while block := file.read(BLOCK):
        parts.append(block)
        size += len(block)
        if size > LONGEST_DOCUMENT:
            raise _too_long(f"is longer than {LONGEST_DOCUMENT >> 20} MB, and was to be a manifest", where)
    return b"".join(parts)


def _too_long(what: str, where: str) -> LandingError:
    return LandingError(what, where=where, hint="a resource stands on a line of its own; export this file again")
