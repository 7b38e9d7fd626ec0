"""The ledger: which exports were taken into the lake, with every file's bytes, digest and lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caremesh.errors import LandingError
from caremesh.lake.files import read_json, write_json
from caremesh.sources.ndjson import LandedFile

LEDGER_FILE = "ledger.json"


@dataclass(frozen=True)
class LandedExport:
    """One export: its name, the folder it was found in, when it was first taken in, its files by name."""

    name: str
    root: str
    landed_at: str
    files: tuple[LandedFile, ...]


@dataclass(frozen=True)
class Ledger:
    """The exports in the order of their landing."""

    exports: tuple[LandedExport, ...] = ()

    def export(self, name: str) -> LandedExport | None:
        """The export of that name, if it was taken in."""
        return next((e for e in self.exports if e.name == name), None)

    def with_export(self, export: LandedExport) -> Ledger:
        """The ledger with one export added at the end, or replaced in its place."""
        if self.export(export.name) is None:
            return Ledger((*self.exports, export))
        return Ledger(tuple(export if e.name == export.name else e for e in self.exports))

    def without(self, name: str) -> Ledger:
        """The ledger without one export; what was built from it stays until the next run."""
        if self.export(name) is None:
            known = ", ".join(e.name for e in self.exports) or "none"
            raise LandingError(f"no export is called {name!r}", hint=f"one of: {known}")
        return Ledger(tuple(e for e in self.exports if e.name != name))

    def files_of(self, resource_type: str) -> tuple[LandedFile, ...]:
        """All files of one resource type, oldest export first."""
        return tuple(f for e in self.exports for f in e.files if f.resource_type == resource_type)


def read_ledger(lake: Path) -> Ledger:
    """Read the lake's ledger; an empty one where nothing was taken in yet."""
    path = lake / LEDGER_FILE
    return read_json(path, _from_json) if path.exists() else Ledger()


def write_ledger(lake: Path, ledger: Ledger) -> None:
    """Write the lake's ledger in one step."""
    write_json(lake / LEDGER_FILE, asdict(ledger))


def missing_files(exports: Iterable[LandedExport]) -> tuple[LandedFile, ...]:
    """Files that were taken in and are no longer where they were."""
    return tuple(f for e in exports for f in e.files if not Path(f.path).is_file())


def _from_json(stated: Any) -> Ledger:
    return Ledger(
        tuple(
            LandedExport(e["name"], e["root"], e["landed_at"], tuple(LandedFile(**f) for f in e["files"]))
            for e in stated["exports"]
        )
    )
