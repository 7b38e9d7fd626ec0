"""What a release is: its manifest (what went in, what came out, how it was judged), and the pointer to the current."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True)
class InputFile:
    """One landed file's part in a release: every line of it is used, superseded or quarantined."""

    export: str
    name: str
    sha256: str
    bytes: int
    lines: int
    used: int
    superseded: int
    quarantined: int


@dataclass(frozen=True)
class Manifest:
    """Everything that is known of one release; stored beside its Parquet files.

    `release` is computed from contract, query and input files: the same input gives the same release.
    `verdict` is the check stage's, as `quality.verdict` writes it; None while the candidate is not checked.
    """

    product: str
    release: str
    made_at: str
    contract_version: str
    contract_digest: str
    query_digest: str
    rows: int
    bytes: int
    columns: tuple[tuple[str, str], ...]
    inputs: tuple[InputFile, ...]
    unresolved_references: tuple[tuple[str, int], ...]
    verdict: dict[str, Any] | None = None

    @property
    def lines(self) -> int:
        """Lines read, over all input files."""
        return sum(i.lines for i in self.inputs)

    @property
    def superseded(self) -> int:
        """Older versions of resources that a newer line replaces."""
        return sum(i.superseded for i in self.inputs)

    @property
    def quarantined(self) -> int:
        """Lines set aside."""
        return sum(i.quarantined for i in self.inputs)

    @property
    def exports(self) -> tuple[str, ...]:
        """Names of the exports that went in, in order of their landing."""
        return tuple(dict.fromkeys(i.export for i in self.inputs))

    @property
    def passed(self) -> bool | None:
        """The verdict in one word; None while there is none."""
        return None if self.verdict is None else bool(self.verdict["passed"])

    def with_verdict(self, verdict: dict[str, Any]) -> Manifest:
        """The same manifest, judged."""
        return replace(self, verdict=verdict)

    def to_json(self) -> dict[str, Any]:
        """The manifest as a JSON document."""
        return asdict(self)

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Manifest:
        """Read a manifest back."""
        return cls(
            **{
                **stated,
                "columns": tuple((name, sql_type) for name, sql_type in stated["columns"]),
                "inputs": tuple(InputFile(**i) for i in stated["inputs"]),
                "unresolved_references": tuple((name, count) for name, count in stated["unresolved_references"]),
            }
        )


@dataclass(frozen=True)
class Move:
    """One movement of a product's pointer."""

    release: str
    at: str
    action: Literal["publish", "rollback"]


@dataclass(frozen=True)
class Pointer:
    """Which release of a product is current, and how it came to be so.

    `withdrawn` are the releases that a rollback left: a run does not publish them again by itself.
    """

    release: str
    history: tuple[Move, ...]
    withdrawn: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The pointer as a JSON document."""
        return asdict(self)

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Pointer:
        """Read a pointer back."""
        return cls(
            release=stated["release"],
            history=tuple(Move(**m) for m in stated["history"]),
            withdrawn=tuple(stated["withdrawn"]),
        )
