"""The curated tables of one dbt build: immutable Parquet files and the pointer that makes a build current."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caremesh.lake.files import move_folder, read_json, write_json
from caremesh.lake.local import LocalLake
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
    """One curated table of a build; `file` is its Parquet file's name in the build's folder."""

    schema: str
    name: str
    file: str
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
    """A dbt build that passed its tests. `build` is a digest of the releases, the models and the variables."""

    build: str
    built_at: str
    tests_passed: int
    tables: tuple[CuratedTable, ...]

    def to_json(self) -> dict[str, Any]:
        """The build as a JSON document."""
        return asdict(self)

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


def read_curated(lake: LocalLake) -> CuratedBuild | None:
    """The current build; None where nothing was curated yet."""
    pointer = lake.curated / "current.json"
    return read_json(pointer, CuratedBuild.from_json) if pointer.exists() else None


def curated_file(lake: LocalLake, build: CuratedBuild, table: CuratedTable) -> Path:
    """Where a curated table's rows stand."""
    return lake.curated / build.build / table.file


def publish_curated(lake: LocalLake, folder: Path, build: CuratedBuild) -> None:
    """Move a finished build into place and point to it; earlier builds stay for readers that have them open."""
    if not (lake.curated / build.build).exists():
        move_folder(folder, lake.curated / build.build)
    write_json(lake.curated / "current.json", build.to_json())
