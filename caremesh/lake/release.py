"""What a release is: its manifest says what went in, what came out, and how it was judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from caremesh.lake.layout import DATA_FOLDER, QUARANTINE_FOLDER

Engine = Literal["duckdb", "athena"]


@dataclass(frozen=True)
class InputFile:
    """One landed file's part in a release: every line of it is used, superseded, deleted or quarantined."""

    export: str
    name: str
    digest: str
    bytes: int
    lines: int
    used: int
    superseded: int
    quarantined: int
    deleted: int = 0


@dataclass(frozen=True)
class DeletionInput:
    """An export that says what is gone: by delete lists (their digests), by what it leaves out of full types."""

    export: str
    asked_at: str | None
    lists: tuple[str, ...]
    full: tuple[str, ...]


@dataclass(frozen=True)
class SourceInput:
    """A source of what went into a release, its id space, and its exports by name."""

    source: str
    space: str
    exports: tuple[str, ...]


@dataclass(frozen=True)
class EngineQuery:
    """One query that an engine billed: its id, the bytes that it scanned, and what they cost."""

    id: str
    bytes_scanned: int
    cost_usd: float


@dataclass(frozen=True)
class Completeness:
    """Which rows of a release name resources that have not arrived, where its contract asks for that.

    `required` are the products that hold those resources, with the releases that were looked into; None where there was
    none. `rows` counts the incomplete rows, None where the engine did not determine it; `references` counts what they
    miss, by column. `held` of the rows are kept back: they are no rows of the release, and stand in `held_folder`.
    `listed` is the folder of the list.
    """

    required: tuple[tuple[str, str | None], ...]
    rows: int | None = None
    references: tuple[tuple[str, int], ...] = ()
    held: int = 0
    listed: str | None = None
    held_folder: str | None = None

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Completeness:
        """Read it back."""
        pairs = {name: tuple((left, right) for left, right in stated[name]) for name in ("required", "references")}
        return cls(**{**stated, **pairs})


@dataclass(frozen=True)
class Erasure:
    """What the erasure of a person's data took out of a release, which was another one before (`replaces`)."""

    receipt: str
    replaces: str
    rows: int
    cells: int
    keys: int
    quarantined: int


@dataclass(frozen=True)
class Manifest:
    """Everything that is known of one release; stored beside its Parquet files.

    `release` is computed from contract, query and input files: the same input gives the same release, whichever engine
    made it. `data` and `quarantine` are the folders of its Parquet files, below the release's own.
    `sources` are those of the inputs and deletions, in the order in which they keep an id; `claimed` lines of them are
    in quarantine, as another id space keeps their id.
    `keys` is where the resources' keys are, None where the engine wrote none. `why` says why the release was made, and
    `base` from which other one, if it was not made from the landed files alone. `withheld` are full exports that
    removed nothing, as lines of them have no id that can be read.
    `receipts` is where those of removals are, from this and earlier releases; None where there are none.
    `completeness` is None where the contract asks nothing of it.
    `erasures` are what was taken out of it later; the verdict is about what it was before. `has_gaps` where that left
    cells empty in rows that stay: they are not what the views would make of the landed files.
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
    engine: Engine = "duckdb"
    data: str = DATA_FOLDER
    quarantine: str = QUARANTINE_FOLDER
    keys: str | None = None
    receipts: str | None = None
    queries: tuple[EngineQuery, ...] = ()
    deletions: tuple[DeletionInput, ...] = ()
    withheld: tuple[str, ...] = ()
    base: str | None = None
    why: str = ""
    completeness: Completeness | None = None
    erasures: tuple[Erasure, ...] = ()
    has_gaps: bool = False
    sources: tuple[SourceInput, ...] = ()
    claimed: int = 0
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
    def deleted(self) -> int:
        """Resources that an export removed."""
        return sum(i.deleted for i in self.inputs)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of its Parquet files."""
        found = self.completeness
        aside = (found.listed, found.held_folder) if found else ()
        return tuple(folder for folder in (self.data, self.quarantine, self.keys, self.receipts, *aside) if folder)

    @property
    def held(self) -> int:
        """Rows that are kept back, as what they name has not arrived."""
        return self.completeness.held if self.completeness else 0

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
        completeness = stated.get("completeness")
        return cls(
            **{
                **stated,
                "completeness": Completeness.from_json(completeness) if completeness else None,
                "columns": tuple((name, sql_type) for name, sql_type in stated["columns"]),
                "inputs": tuple(InputFile(**i) for i in stated["inputs"]),
                "unresolved_references": tuple((name, count) for name, count in stated["unresolved_references"]),
                "queries": tuple(EngineQuery(**q) for q in stated["queries"]),
                "deletions": tuple(
                    DeletionInput(**{**d, "lists": tuple(d["lists"]), "full": tuple(d["full"])})
                    for d in stated.get("deletions", ())
                ),
                "sources": tuple(
                    SourceInput(**{**s, "exports": tuple(s["exports"])}) for s in stated.get("sources", ())
                ),
                "withheld": tuple(stated.get("withheld", ())),
                "erasures": tuple(Erasure(**e) for e in stated.get("erasures", ())),
            }
        )
