"""DuckDB as the engine of flatten: connections with limits, and SQL text that reads NDJSON files as typed columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.fhir import DUCKDB, CompiledView, exact_names, with_numbers
from caremesh.quoting import quote_file, quote_name, quote_text

REFUSALS = (duckdb.InvalidInputException, duckdb.DataError)
"""What DuckDB raises when input does not fit: malformed JSON, a type contradiction, a cast or guard that failed."""

Source: TypeAlias = Path | str
"""A file on disk, or what a file system that was registered with the connection goes by."""


@contextmanager
def open_engine(*, memory_limit: str, threads: int, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory DuckDB that spills into `scratch` beyond its memory limit.

    Row order is not kept: it costs memory, and a product's rows are a set.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": str(scratch / "spill"),
            "preserve_insertion_order": False,
            **OFFLINE,
        }
    )
    try:
        connection.execute("set enable_progress_bar = false; set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


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
