"""What one invocation works with: folders, target and limits. The command line fills it in; nothing else reads env."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caremesh.errors import UsageError

Target = Literal["local", "aws"]

DEFAULT_MEMORY_LIMIT = "512MB"
"""Bound of DuckDB's buffers where none is given."""

_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Folders, target and limits of one invocation.

    `now` is the clock as the command line read it once (ISO 8601, UTC): everything below is reproducible.
    `memory_limit` bounds DuckDB's buffers; the process needs some 200 MB beside them.
    """

    project: Path
    lake: Path
    now: str
    landing: Path | None = None
    target: Target = "local"
    memory_limit: str = DEFAULT_MEMORY_LIMIT
    threads: int = 2

    def __post_init__(self) -> None:
        """Refuse a memory limit that DuckDB would not read."""
        check_memory_limit(self.memory_limit)

    @property
    def domains_dir(self) -> Path:
        """The folder of domains and their data products."""
        return self.project / "domains"

    @property
    def dbt_dir(self) -> Path:
        """The dbt project of the curated tables."""
        return self.project / "dbt_project"

    def require_landing(self) -> Path:
        """The landing zone; raise where none was given or it is not a folder."""
        if self.landing is None:
            raise UsageError("no landing zone was given", hint="--landing DIR, the folder that holds the export")
        if not self.landing.is_dir():
            raise UsageError("the landing zone is not a folder", where=str(self.landing), hint="check the path")
        return self.landing


def check_memory_limit(text: str) -> None:
    """Refuse an amount of memory that DuckDB would not read."""
    if not _SIZE.fullmatch(text):
        raise UsageError(f"{text!r} is no amount of memory", hint="--memory-limit 512MB, or 4GB")


def project_root(explicit: Path | None) -> Path:
    """The folder with `domains/` and `dbt_project/`: as given, or the copy that came with this installation."""
    root = explicit or Path(__file__).resolve().parent.parent
    if not (root / "domains").is_dir():
        raise UsageError("there is no domains folder here", where=str(root), hint="give --project DIR")
    return root
