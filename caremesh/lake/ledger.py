"""The ledger: which exports were taken into the lake, with every file's bytes, digest and lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from caremesh.errors import LandingError
from caremesh.sources.ndjson import LandedFile


@dataclass(frozen=True)
class LandedExport:
    """One export: its name, the folder it was found in, when it was first taken in, its files by name."""

    name: str
    root: str
    landed_at: str
    files: tuple[LandedFile, ...]


@dataclass(frozen=True)
class Ledger:
    """The exports in the order of their landing; `version` is what a lake tells writers apart by, if it must."""

    exports: tuple[LandedExport, ...] = ()
    version: str | None = None

    def export(self, name: str) -> LandedExport | None:
        """The export of that name, if it was taken in."""
        return next((e for e in self.exports if e.name == name), None)

    def with_export(self, export: LandedExport) -> Ledger:
        """The ledger with one export added at the end, or replaced in its place."""
        if self.export(export.name) is None:
            return replace(self, exports=(*self.exports, export))
        return replace(self, exports=tuple(export if e.name == export.name else e for e in self.exports))

    def without(self, name: str) -> Ledger:
        """The ledger without one export; what was built from it stays until the next run."""
        if self.export(name) is None:
            known = ", ".join(e.name for e in self.exports) or "none"
            raise LandingError(f"no export is called {name!r}", hint=f"one of: {known}")
        return replace(self, exports=tuple(e for e in self.exports if e.name != name))

    def files_of(self, resource_type: str) -> tuple[LandedFile, ...]:
        """All files of one resource type, oldest export first."""
        return tuple(f for e in self.exports for f in e.files if f.resource_type == resource_type)


def ledger_from_json(stated: Any) -> Ledger:
    """Read a ledger back from a JSON document."""
    return Ledger(
        tuple(
            LandedExport(e["name"], e["root"], e["landed_at"], tuple(LandedFile(**f) for f in e["files"]))
            for e in stated["exports"]
        )
    )


def ledger_to_json(ledger: Ledger) -> dict[str, Any]:
    """The ledger as a JSON document."""
    return {"exports": [asdict(e) for e in ledger.exports]}
