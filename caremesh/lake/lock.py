"""One writer at a time: locks that the operating system gives back when their holder dies, however it dies.

Two of them: on the file that says who holds the lake, and on the folder itself. Somebody may remove the file of a lock
that is held, by hand or by a service that cleans up; whoever makes it anew would hold another lock.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from caremesh.errors import LakeError, LakeLockedError

LOCK_FILE = "run.lock"


@contextmanager
def hold_lock(lake: Path, *, command: str, since: str) -> Iterator[None]:
    """Hold the lake for writing, or raise LakeLockedError at once, naming who holds it."""
    path = lake / LOCK_FILE
    with _open(path) as file, _open_folder(lake) as folder:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _lock_folder(folder)
        except BlockingIOError:
            raise LakeLockedError(
                f"the lake is in use by {_holder(path)}", where=str(lake), hint="wait for it to end, then run again"
            ) from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "command": command, "since": since}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+", encoding="utf-8")
    except OSError as error:
        raise LakeError(
            f"cannot be used as a lake: {error.strerror}", where=str(path.parent), hint="give another --lake"
        ) from None


@contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock_folder(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # Network file systems lock only what is open for writing, as no folder is; then the file alone counts.
        return


def _holder(path: Path) -> str:
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        return f"process {stated['pid']} ({stated['command']!r}, since {stated['since']})"
    except (OSError, ValueError, KeyError):
        return "another process that just started"
