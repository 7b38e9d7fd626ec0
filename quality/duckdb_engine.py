"""DuckDB as the engine of a suite, over a candidate's Parquet files on this machine.

Great Expectations does not know DuckDB: it closes a connection before it fetches, and DuckDB's results end with their
connection. For as long as a suite runs, `duckdb_is_known` adds DuckDB to the dialects whose connection it keeps; the
list is private, hence the guard.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

import duckdb

from caremesh.duckdb_reading import lock_connection, reading_statement
from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import LakeError, QueryError
from caremesh.quoting import quote_file
from quality.candidate import LocalCandidate
from quality.engine import EngineError, require_version

Config: TypeAlias = dict[str, str | bool | int | float | list[str]]

_PATCHED_NAME = "_PERSISTED_CONNECTION_DIALECTS"
_TABLE = "candidate"


class _DuckDbDialect(str):
    """DuckDB's name in the shape of Great Expectations' own dialect enum: a text that has a `value`."""

    value = "duckdb"


@dataclass(frozen=True)
class DuckDbEngine:
    """A database file whose one view shows the candidate; an `Engine`.

    A contract's SQL may read this view. Its connections open no file but the candidate's own.
    """

    database: Path
    config: Config
    files: tuple[Path, ...]
    dialect: Literal["duckdb"] = "duckdb"
    table: str = _TABLE

    @property
    def asset(self) -> dict[str, str]:
        """The candidate, as a table asset of Great Expectations names it."""
        return {"table_name": self.table}

    def refusal(self, query: str) -> str | None:
        """DuckDB's words on a query that it cannot plan, and ours on one that does more than read the candidate."""
        with self._open() as connection:
            try:
                connection.execute(f"explain {reading_statement(connection, query)}")
            except QueryError as error:
                return error.message
            except duckdb.ProgrammingError as error:
                return str(error).splitlines()[0]
            except duckdb.Error as error:
                raise EngineError(type(error).__name__) from None
        return None

    def run(self, query: str) -> None:
        """Run a query."""
        with self._open() as connection:
            try:
                connection.execute(query)
            except duckdb.Error as error:
                raise EngineError(type(error).__name__) from None

    @contextmanager
    def known(self) -> Iterator[None]:
        """Have Great Expectations keep DuckDB's connections, and lock each as it is made."""
        with duckdb_is_known(), _locking(self.files):
            yield

    def add_source(self, context: Any) -> Any:
        """Add the database as a datasource."""
        # The path goes in as an argument: within a connection string, ? or % in it would be read as syntax.
        arguments = {"database": str(self.database), "read_only": True, "config": self.config}
        return context.data_sources.add_sql(
            name=_TABLE,
            connection_string="duckdb://",
            create_temp_table=False,
            kwargs={"connect_args": arguments},
        )

    def close(self, source: Any) -> None:
        """Close both connections: the one that the table was looked for with, and the one that is kept."""
        source.get_engine().dispose()
        kept = source.get_execution_engine()
        with kept.get_connection() as connection:
            connection.close()
        kept.engine.dispose()

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.database), read_only=True, config=self.config) as connection:
            lock_connection(connection, files=self.files)
            yield connection


@contextmanager
def open_duckdb(candidate: LocalCandidate) -> Iterator[DuckDbEngine]:
    """Make the database in the candidate's scratch folder, where DuckDB also spills to, and remove it afterwards."""
    database = candidate.scratch / f"{_TABLE}.duckdb"
    spill = str(candidate.scratch / "spill")
    bounds: Config = {"memory_limit": candidate.memory_limit, "threads": candidate.threads}
    config: Config = {**OFFLINE, **bounds, "temp_directory": spill}
    # By their whole paths, wherever a link leads: the lock on what may be opened knows files by these.
    files = tuple(file.resolve() for file in candidate.files)
    listed = ", ".join(map(quote_file, files))
    try:
        database.unlink(missing_ok=True)
        _make_database(database, config, f"select * from read_parquet([{listed}], hive_partitioning = false)")
        yield DuckDbEngine(database, config, files)
    finally:
        for leftover in (database, database.with_name(f"{database.name}.wal")):
            leftover.unlink(missing_ok=True)


def _make_database(database: Path, config: Config, rows: str) -> None:
    try:
        with duckdb.connect(str(database), config=config) as connection:
            connection.execute(f"create view {_TABLE} as {rows}")
    except duckdb.Error as error:
        raise LakeError(
            f"the database to check a candidate with could not be written ({type(error).__name__})",
            where=str(database),
            hint="free disk space, then run again",
        ) from None


@contextmanager
def _locking(files: Sequence[Path]) -> Iterator[None]:
    """Lock every connection to DuckDB that SQLAlchemy makes meanwhile.

    Great Expectations takes no function to call on a connection, and DuckDB no such lock as an argument.
    """
    from duckdb_engine import ConnectionWrapper
    from sqlalchemy import event
    from sqlalchemy.pool import Pool

    def lock(connection: Any, _: Any) -> None:
        if isinstance(connection, ConnectionWrapper):
            lock_connection(cast(duckdb.DuckDBPyConnection, connection), files=files)

    event.listen(Pool, "connect", lock)
    try:
        yield
    finally:
        event.remove(Pool, "connect", lock)


@contextmanager
def duckdb_is_known() -> Iterator[None]:
    """Make Great Expectations keep DuckDB connections open; undone on leaving.

    Raises QualityError where Great Expectations is not the version this was proved with, or not built as expected.
    """
    import great_expectations.execution_engine.sqlalchemy_execution_engine as engine_module

    dialects = getattr(engine_module, _PATCHED_NAME, None)
    require_version(lacking="" if isinstance(dialects, tuple) else _PATCHED_NAME)
    setattr(engine_module, _PATCHED_NAME, (*(dialects or ()), _DuckDbDialect("duckdb")))
    try:
        yield
    finally:
        setattr(engine_module, _PATCHED_NAME, dialects)
