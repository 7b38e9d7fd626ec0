"""DuckDB as the stages work with it: within the run's bounds, and its failures told without a row's content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import open_engine
from caremesh.errors import LakeError
from caremesh.settings import Settings


@contextmanager
def open_stage_engine(
    subject: str, *, settings: Settings, scratch: Path, hint: str = "give more --memory-limit, or free disk space"
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the engine for work on `subject`; raise LakeError, with `hint`, where it fails."""
    try:
        with open_engine(memory_limit=settings.memory_limit, threads=settings.threads, scratch=scratch) as connection:
            yield connection
    except duckdb.Error as error:
        # The engine's own words may quote a row or an id; only the kind of error goes on.
        raise LakeError(
            f"the engine failed on {subject}: {type(error).__name__}", where=str(scratch), hint=hint
        ) from None
