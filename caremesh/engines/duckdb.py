"""DuckDB as the engine of flatten: connections with limits, and SQL text that reads NDJSON files as typed columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.fhir import DUCKDB, CompiledView, exact_names, with_numbers
from caremesh.quoting import quote_file, quote_name, quote_text

REFUSALS = (duckdb.InvalidInputException, duckdb.DataError)
"""What DuckDB raises when input does not fit: malformed JSON, a type contradiction, a cast or guard that failed."""

Source: TypeAlias = Path | str
"""A file on disk, or what a file system that was registered with the connection goes by."""


class DuckDb:
    """A DuckDB in memory that gives each piece of work a connection of its own; it spills into `scratch`.

    To open one costs 20 ms, a further connection 0.01 ms. What a connection makes must be temporary: it goes with the
    connection. Settings and file systems belong to the whole DuckDB, so a piece of work that begins while another one
    is at it is given a DuckDB of its own.

    Row order is not kept: it costs memory, and a product's rows are a set.
    """

    def __init__(self, *, memory_limit: str, threads: int, scratch: Path) -> None:
        """State the bounds; nothing is opened before there is work."""
        self._config = {
            "memory_limit": memory_limit,
            "threads": threads,
            "preserve_insertion_order": False,
            # It would keep what was read of files, until the next piece needs that memory.
            "enable_external_file_cache": False,
            **OFFLINE,
        }
        self._scratch = scratch
        self._shared: duckdb.DuckDBPyConnection | None = None
        self._is_taken = Lock()
        self._others = count(1)

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a connection for one piece of work; all that it made is gone afterwards."""
        if not self._is_taken.acquire(blocking=False):
            with closing(self._open(f"spill-{next(self._others)}")) as connection:
                yield connection
            return
        try:
            with closing(self._connect_shared()) as connection:
                yield connection
        finally:
            self._is_taken.release()

    def close(self) -> None:
        """Give its memory back; a piece of work that comes later opens it anew."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def _connect_shared(self) -> duckdb.DuckDBPyConnection:
        """A connection to the DuckDB of all pieces. After an internal error a DuckDB answers nothing any more."""
        if self._shared is not None:
            try:
                return _ready(self._shared.cursor())
            except duckdb.Error:
                self.close()
        self._shared = self._open("spill")
        return _ready(self._shared.cursor())

    def _open(self, spill: str) -> duckdb.DuckDBPyConnection:
        opened = duckdb.connect(config={**self._config, "temp_directory": str(self._scratch / spill)})
        opened.execute("set global TimeZone = 'UTC'")
        return _ready(opened)


def _ready(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The connection, with the settings that the work before it may have left otherwise."""
    return connection.execute("set enable_progress_bar = false; set preserve_insertion_order = false")


@contextmanager
def open_engine(*, memory_limit: str, threads: int, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a `DuckDb` for one piece of work."""
    with (
        closing(DuckDb(memory_limit=memory_limit, threads=threads, scratch=scratch)) as engine,
        engine.connect() as connection,
    ):
        yield connection


def read_lines_sql(
    paths: Sequence[Source], columns: Mapping[str, str], *, exact: Sequence[str] = (), tolerant: bool = False
) -> str:
    """SQL that reads NDJSON files strictly as the given columns (name → DuckDB type).

    Without files it gives no rows of the same columns. The virtual column `filename` names each row's file.
    Numbers under the JSON names `exact` come as they were written. That way in is not strict about types: DuckDB has
    no strict one, so what has not been read strictly before may hold nulls where it contradicts its type. The tolerant
    way gives a row of nulls for a line that is no JSON.
    """
    if not paths:
        typed = ", ".join(f"cast(null as {sql_type}) as {quote_name(name)}" for name, sql_type in columns.items())
        return f"(select {typed}, cast(null as varchar) as filename where false)"
    files = quote_sources(paths)
    if exact:
        fields = transform_sql("json", columns, exact=exact)
        lines = f"read_ndjson_objects([{files}], hive_partitioning = false)"
        # The list is a wall: without it, a condition on a field would be moved before it, and all fields read twice.
        return f"(select unnest(fields), filename from (select unnest([{fields}]) as fields, filename from {lines}))"
    types = ", ".join(f"{quote_name(name)}: {quote_text(sql_type)}" for name, sql_type in columns.items())
    options = "hive_partitioning = false" + (", ignore_errors = true" if tolerant else "")
    return f"read_json([{files}], format = 'newline_delimited', {options}, columns = {{{types}}})"


def quote_sources(paths: Sequence[Source]) -> str:
    """Files to read, as SQL writes them in a list."""
    return ", ".join(quote_file(path) if isinstance(path, Path) else quote_text(path) for path in paths)


def transform_sql(line: str, columns: Mapping[str, str], *, exact: Sequence[str]) -> str:
    """SQL for a struct of these columns from the text of a line; numbers named `exact` as they were written."""
    return f"json_transform({DUCKDB.quote_numbers(line, exact)}, {quote_text(json.dumps(dict(columns)))})"


def read_view_sql(
    view: CompiledView, paths: Sequence[Source], *, source: str = "", fields: str = "*", where: str = ""
) -> str:
    """SQL for the rows of a view over files, or a `source` of their lines.

    `where` picks lines (alias `line`), `fields` what is read of each.
    """
    source = source or read_lines_sql(paths, DUCKDB.source_columns(view.shape), exact=exact_names(view.shape))
    return f"with src as (select {fields} from {source} as line{where})\n{view.query}"


def strict_columns(view: CompiledView) -> dict[str, str]:
    """The columns that the strict reader reads; numbers are numbers for it, also those that are wanted as written."""
    return DUCKDB.source_columns(with_numbers(view.shape))


def check_strictly(connection: duckdb.DuckDBPyConnection, view: CompiledView, paths: Sequence[Source]) -> None:
    """Read all that a view reads, strictly, for the refusals alone; raises what DuckDB raises."""
    check_columns(connection, strict_columns(view), paths)


def check_columns(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, str], paths: Sequence[Source]) -> None:
    """Read columns strictly, for the refusals alone; raises what DuckDB raises."""
    # What a query does not use is not read, and so not refused.
    everything = ", ".join(quote_name(name) for name in columns)
    connection.execute(f"select bit_xor(hash({everything})) from {read_lines_sql(paths, columns)}").fetchone()
