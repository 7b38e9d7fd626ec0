"""The export folder as HealthLake lays it out, written as a stream and shown only when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from caremesh.errors import UsageError

_BUFFER = 1 << 18


class ExportFolder:
    """Takes resources line by line and spreads them over `<Type>/<Type>-<digits>-<n>-0.ndjson`.

    One file for every type is open at a time, with a buffer of 256 KiB: memory does not grow with the export.
    """

    def __init__(self, root: Path, digits: str, resources_per_file: int) -> None:
        self._root = root
        self._digits = digits
        self._resources_per_file = resources_per_file
        self._open: dict[str, BinaryIO] = {}
        self._counts: dict[str, int] = {}

    def add(self, resource_type: str, line: bytes) -> None:
        """Write one resource; `line` ends with a line feed."""
        count = self._counts.get(resource_type, 0)
        if count % self._resources_per_file == 0:
            self._next_file(resource_type, count // self._resources_per_file)
        self._counts[resource_type] = count + 1
        self._open[resource_type].write(line)

    def close(self) -> None:
        """Close every file."""
        with ExitStack() as stack:
            for file in self._open.values():
                stack.callback(file.close)

    def _next_file(self, resource_type: str, number: int) -> None:
        if number == 0:
            (self._root / resource_type).mkdir()
        else:
            self._open[resource_type].close()
        path = self._root / resource_type / f"{resource_type}-{self._digits}-{number}-0.ndjson"
        self._open[resource_type] = path.open("wb", buffering=_BUFFER)


@contextmanager
def appear_at_once(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` to write to, and rename it to `folder` when the block ends well.

    Its name starts with a dot, so nobody takes the remains of an interrupted run for an export; the next run
    removes them.
    """
    if folder.exists():
        raise UsageError("this export is there already", where=str(folder), hint="use it, or delete the folder first")
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(folder)
