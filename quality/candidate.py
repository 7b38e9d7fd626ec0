"""Where a candidate release lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caremesh.settings import DEFAULT_MEMORY_LIMIT


@dataclass(frozen=True)
class LocalCandidate:
    """Parquet files, to be judged by DuckDB; `scratch` is a folder for files that are gone afterwards."""

    files: tuple[Path, ...]
    scratch: Path
    memory_limit: str = DEFAULT_MEMORY_LIMIT
