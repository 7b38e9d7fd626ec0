"""The pointer of a product in a folder: `current.json`, and beside it the document of its older moves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caremesh.errors import LakeError
from caremesh.lake.files import read_json, write_json
from caremesh.lake.layout import CURRENT_FILE, MOVES_FOLDER
from caremesh.lake.pointer import Move, Pointer, complete_history, moves_from_json, moves_to_json, shorten_history


@dataclass(frozen=True)
class LocalPointer:
    """The pointer of the product in `folder`. Reading needs no lock; writing needs the lake held."""

    folder: Path

    def read(self) -> Pointer | None:
        """The pointer with its newest moves; None where nothing was ever published."""
        path = self.folder / CURRENT_FILE
        return read_json(path, Pointer.from_json) if path.exists() else None

    def read_complete(self) -> Pointer | None:
        """The pointer with every move that it ever made; None where nothing was ever published."""
        return complete_history(self.read, self._read_moves, where=str(self.folder / CURRENT_FILE))

    def write(self, pointer: Pointer) -> None:
        """Write the document of older moves, if one is needed, then the pointer; then the document before goes."""
        short, older = shorten_history(pointer, self._read_moves, where=str(self.folder / CURRENT_FILE))
        kept = self._moves_file(short.archive) if short.archive else None
        if kept and older:
            write_json(kept, moves_to_json(older))
        write_json(self.folder / CURRENT_FILE, short.to_json())
        for document in (self.folder / MOVES_FOLDER).glob("*"):
            if document != kept:
                document.unlink()

    def _read_moves(self, name: str) -> tuple[Move, ...] | None:
        path = self._moves_file(name)
        try:
            return read_json(path, moves_from_json)
        except LakeError:
            # A reader holds no lock: the document may have gone since the pointer was read.
            if path.exists():
                raise
            return None

    def _moves_file(self, name: str) -> Path:
        return self.folder / MOVES_FOLDER / f"{name}.json"
