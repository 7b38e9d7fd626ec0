"""DuckDB as the stages work with it: within the run's bounds, and its failures told without a row's content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import DuckDb
from caremesh.errors import LakeError
from caremesh.settings import Settings


@dataclass(frozen=True)
class StageEngine:
    """The one DuckDB of a run, which its stages share piece by piece."""

    shared: DuckDb

    @contextmanager
    def work_on(
        self, subject: str, *, scratch: Path, hint: str = "give more --memory-limit, or free disk space"
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for work on `subject` in `scratch`; raise LakeError, with `hint`, where it fails."""
        try:
            with self.shared.connect() as connection:
                yield connection
        except duckdb.Error as error:
            # The engine's own words may quote a row or an id; only the kind of error goes on.
            raise LakeError(
                f"the engine failed on {subject}: {type(error).__name__}", where=str(scratch), hint=hint
            ) from None

    def rest(self) -> None:
        """Give the engine's memory back until there is more work for it."""
        self.shared.close()


@contextmanager
def open_stage_engine(settings: Settings, *, scratch: Path) -> Iterator[StageEngine]:
    """The engine of one run; it is opened when its first work begins, and spills into `scratch`."""
    bounds = DuckDb(memory_limit=settings.memory_limit, threads=settings.threads, scratch=scratch)
    with closing(bounds) as engine:
        yield StageEngine(engine)
