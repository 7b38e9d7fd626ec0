"""The curated tables of one dbt build: immutable Parquet files and the pointer that makes a build current."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from caremesh.products import Classification


@dataclass(frozen=True)
class CuratedColumn:
    """One column of a curated table, as its dbt model states it; the classification is None where it states none."""

    name: str
    data_type: str
    classification: Classification | None
    description: str


@dataclass(frozen=True)
class CuratedTable:
    """One curated table of a build; `folder` is where its Parquet files stand, below the lake."""

    schema: str
    name: str
    folder: str
    description: str
    rows: int
    columns: tuple[CuratedColumn, ...]
    depends_on: tuple[str, ...]

    @property
    def id(self) -> str:
        """`<schema>.<table>`: its name in SQL."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class CuratedBuild:
    """A dbt build that passed its tests. `build` is a digest of the releases and the dbt project.

    `version` is what a lake tells writers apart by, if it must: that of this build where it was read, and that of the
    build before where it is to be written.
    """

    build: str
    built_at: str
    tests_passed: int
    tables: tuple[CuratedTable, ...]
    version: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The build as a JSON document; its version belongs to the place where it stands."""
        return {name: value for name, value in asdict(self).items() if name != "version"}

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> CuratedBuild:
        """Read a build back."""
        tables = tuple(
            CuratedTable(
                **{
                    **t,
                    "columns": tuple(CuratedColumn(**c) for c in t["columns"]),
                    "depends_on": tuple(t["depends_on"]),
                }
            )
            for t in stated["tables"]
        )
        return cls(**{**stated, "tables": tables})
