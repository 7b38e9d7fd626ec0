"""Paths in the ledger of a lake in a folder: what stands below the lake is named from there, so that it can move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePath

from caremesh.lake.ledger import Ledger

_S3 = "s3://"


def state_paths(ledger: Ledger, root: Path) -> Ledger:
    """The ledger as it is written: paths below the lake are relative to it."""
    here = root.resolve()

    def state(path: str) -> str:
        return PurePath(path).relative_to(here).as_posix() if PurePath(path).is_relative_to(here) else path

    return _with_paths(ledger, state)


def resolve_paths(ledger: Ledger, root: Path) -> Ledger:
    """The ledger as it is used: all paths are whole ones."""
    here = root.resolve()

    def resolve(path: str) -> str:
        return path if path.startswith(_S3) else str(here / path)

    return _with_paths(ledger, resolve)


def _with_paths(ledger: Ledger, change: Callable[[str], str]) -> Ledger:
    exports = (
        replace(e, root=change(e.root), files=tuple(replace(f, path=change(f.path)) for f in e.files))
        for e in ledger.exports
    )
    return replace(ledger, exports=tuple(exports))
