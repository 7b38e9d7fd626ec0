"""Writing to disk so that a reader, or the next run after a crash, sees the old state or the new one and no other."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from typing import Any, TypeVar

from caremesh.errors import LakeError

T = TypeVar("T")

_SEALED = 0o440
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def telling_failed_writes(place: str) -> Iterator[None]:
    """Turn what the operating system says where it cannot write into a LakeError with the next move."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        raise LakeError(
            f"could not be written: {os.strerror(error.errno) if error.errno else type(error).__name__}",
            where=place,
            hint=f"{'free disk space' if is_full else 'see to it that it can be written'}, then run again: "
            "what was current still is, and what is done is not done again",
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write a file aside, flush it to disk, and put it into place in one step.

    The name aside is a fixed one: the lake has one writer, and what a killed one left is overwritten by the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    with telling_failed_writes(str(path)):
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document in one step; keys keep their order, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path, parse: Callable[[Any], T] = lambda value: value) -> T:
    """Read a JSON document of the lake and `parse` it; raise LakeError where it is damaged."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        kind = type(error).__name__
        raise LakeError(f"cannot be read ({kind})", where=str(path), hint="restore it from a backup") from None


def move_folder(source: Path, target: Path) -> None:
    """Rename a finished folder into place and flush both parents."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    sync(target.parent)
    if source.parent != target.parent:
        sync(source.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder and all in it, if it is there."""
    if path.exists():
        shutil.rmtree(path)


def sync_folder(folder: Path) -> None:
    """Flush all that a finished folder holds."""
    for path in sorted(folder.rglob("*"), reverse=True):
        sync(path)


def seal_files(folder: Path) -> None:
    """Take the right to write off all files of a folder that nobody will change again, and all rights of others.

    Whoever may write their folder can still rename or remove them.
    """
    for path in folder.rglob("*"):
        mode = S_IMODE(path.lstat().st_mode)
        # A file that came by a link may belong to somebody else, and is sealed already.
        if path.is_file() and not path.is_symlink() and mode & ~_SEALED:
            path.chmod(mode & _SEALED)


def sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
