"""Queries of analysts in Athena, through PyAthena: rows as the local query gives them, and what they cost.

Messages of Athena that speak of the analyst's own statement are shown as they are; others may quote a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from caremesh.aws import ATTEMPTS, Aws, telling_errors
from caremesh.errors import QueryError
from caremesh.lake.athena_values import NESTED, ValueType, read_nested, read_type, read_value
from caremesh.lake.query_estimate import Estimate, make_estimate, show_bytes
from caremesh.lake.query_order import move_order
from caremesh.lake.query_reads import Reads, find_reads
from caremesh.lake.query_rows import QueryResult
from caremesh.lake.query_statement import Statement, hush, read_statement
from caremesh.lake.query_tables import Catalog
from caremesh.quoting import quote_name

_PAGE = 1000
_HINT = "tables are called <domain>.<product>, see: caremesh products"
_LIMITED = "read fewer columns or partitions, or name another work group in CAREMESH_ATHENA_WORK_GROUP"
_CODE = re.compile(r"[A-Z][A-Z_]+(?=: )")
# What Athena says under these is about tables and limits; else only words that name a place in the statement are shown.
_SAFE_CODES = frozenset(
    {
        *("DIVISION_BY_ZERO", "NOT_SUPPORTED", "PERMISSION_DENIED", "EXCEEDED_MEMORY_LIMIT", "EXCEEDED_TIME_LIMIT"),
        *("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND", "HIVE_CANNOT_OPEN_SPLIT", "HIVE_METASTORE_ERROR"),
    }
)
_SYNTAX = re.compile(r"line \d+:\d+|queries of this type", re.IGNORECASE)


@dataclass(frozen=True)
class Scanned:
    """What a statement did scan, by Athena's own count."""

    id: str
    bytes: int


@dataclass(frozen=True)
class AthenaQuery:
    """A statement that was looked at, and not run yet."""

    statement: Statement
    reads: Reads
    estimate: Estimate


def prepare_query(aws: Aws, sql: str) -> AthenaQuery:
    """Look at one statement: what it reads, and how much that is.

    Raises QueryError where it would do more than read, or where a table is not there. Nothing is run.
    """
    statement = read_statement(sql)
    catalog = Catalog(aws)
    reads = find_reads(statement, catalog.look_up)
    return AthenaQuery(statement, reads, make_estimate(reads, catalog))


def run_in_athena(
    aws: Aws, query: AthenaQuery, *, output: str, limit: int | None = None
) -> tuple[QueryResult, Scanned]:
    """Run a statement; `output` is the S3 prefix for Athena's results.

    A statement that turns out to scan more than `limit` is stopped. Raises QueryError with Athena's own words.
    """
    session = _Session(aws, output, limit)
    may_be_nested = query.reads.has_nested and not query.statement.is_looking
    nested = session.nested_columns(query.statement) if may_be_nested else None
    cursor = session.run(nested.wrap(query.statement) if nested else query.statement.text)
    scanned = Scanned(str(cursor.query_id), cursor.data_scanned_in_bytes or 0)
    columns = nested.names if nested else tuple(d[0] for d in cursor.description or ())
    return QueryResult(columns, _fetch(cursor, nested)), scanned


@dataclass(frozen=True)
class _Nested:
    """Columns of a result of which some hold lists, maps or rows; None for those that do not."""

    names: tuple[str, ...]
    types: tuple[ValueType | None, ...]

    def wrap(self, statement: Statement) -> str:
        """The statement with its nested columns as JSON; its order is that of the whole, as a subquery has none."""
        shown = ", ".join(self._show(place) for place in range(len(self.names)))
        ordered = move_order(statement, self.names)
        return f"select {shown} from ({ordered.inner}\n) as t({_aliases(ordered.columns)}){ordered.outer}"

    def _show(self, place: int) -> str:
        value = f"c{place}" if self.types[place] is None else f"json_format(cast(c{place} as json))"
        return f"{value} as {quote_name(self.names[place])}"


class _Session:
    """Runs statements through PyAthena, one at a time."""

    def __init__(self, aws: Aws, output: str, limit: int | None) -> None:
        self._aws = aws
        self._limit = limit
        self._running: str | None = None
        hush("pyathena")
        with telling_errors():
            self._connection = self._connect(output)

    def run(self, sql: str) -> Any:
        """Run a statement to its end; it is stopped if anything, Ctrl-C too, ends the wait before."""
        with _telling_errors():
            try:
                return self._connection.cursor().execute(sql, on_start_query_execution=self._note)
            except BaseException:
                # Why the wait ended matters more than whether the stop succeeded.
                with suppress(Exception):
                    self._aws.client("athena").stop_query_execution(QueryExecutionId=self._running)
                raise

    def nested_columns(self, statement: Statement) -> _Nested | None:
        """The columns of a statement, if some are nested: found by queries that read no rows."""
        try:
            found = self.run(f"select * from ({statement.text}\n) limit 0").description
            places = [place for place, column in enumerate(found) if column[1] in NESTED]
            if not places:
                return None
            (texts,) = self.run(_type_query(statement, len(found), places)).fetchall()
        except QueryError:
            # The statement itself says better what is wrong with it.
            return None
        kinds = dict(zip(places, map(read_type, texts), strict=True))
        types = tuple(kinds[p] if p in kinds and kinds[p].is_json_ready else None for p in range(len(found)))
        return _Nested(tuple(column[0] for column in found), types) if any(types) else None

    def _connect(self, output: str) -> Any:
        from botocore.config import Config
        from pyathena import connect
        from pyathena.util import RetryConfig

        settings = self._aws.settings
        return connect(
            s3_staging_dir=output,
            work_group=settings.work_group,
            poll_interval=settings.poll_seconds,
            session=self._aws.session,
            region_name=self._aws.session.region_name,
            config=Config(retries={"mode": "standard", "total_max_attempts": ATTEMPTS}),
            retry_config=RetryConfig(attempt=1),
            encryption_option="SSE_KMS" if settings.kms_key else None,
            kms_key=settings.kms_key,
            converter=_converter(),
            kill_on_interrupt=False,
            on_poll=self._check_bytes,
        )

    def _note(self, query_id: str) -> None:
        self._running = query_id

    def _check_bytes(self, execution: Any) -> None:
        scanned = execution.data_scanned_in_bytes or 0
        if self._limit is not None and scanned > self._limit:
            raise QueryError(
                f"Athena query {execution.query_id} scanned {show_bytes(scanned)}; the limit is "
                f"{show_bytes(self._limit)}, and the estimate was less",
                hint="read fewer columns or partitions, or raise --max-bytes (CAREMESH_ATHENA_BYTES_LIMIT)",
            )


def _converter() -> Any:
    from pyathena.converter import Converter

    class TextConverter(Converter):
        """Reads texts as DuckDB would give the values."""

        def __init__(self) -> None:
            super().__init__({})

        def convert(self, type_: str, value: str | None, type_hint: str | None = None) -> Any:  # noqa: ARG002
            """One value; nobody gives hints."""
            return read_value(type_, value)

    return TextConverter()


def _type_query(statement: Statement, columns: int, places: Sequence[int]) -> str:
    types = ", ".join(f"typeof(c{place})" for place in places)
    rows = f"(select * from ({statement.text}\n) limit 0) as t({_aliases(columns)})"
    return f"select {types} from (select 1) as one(x) left join {rows} on true"


def _aliases(columns: int) -> str:
    return ", ".join(f"c{place}" for place in range(columns))


def _fetch(cursor: Any, nested: _Nested | None) -> Iterator[tuple[Any, ...]]:
    while True:
        with _telling_errors():
            batch = cursor.fetchmany(_PAGE)
        if not batch:
            return
        for row in batch:
            yield _read_row(row, nested.types) if nested else tuple(row)


def _read_row(row: Sequence[Any], types: Sequence[ValueType | None]) -> tuple[Any, ...]:
    return tuple(read_nested(kind, value) if kind else value for kind, value in zip(types, row, strict=True))


@contextmanager
def _telling_errors() -> Iterator[None]:
    """Athena's words on the statement as QueryError, and what AWS says beside that as AwsError."""
    from botocore.exceptions import BotoCoreError, ClientError
    from pyathena.error import Error

    with telling_errors():
        try:
            yield
        except Error as error:
            cause = error.__cause__
            if isinstance(cause, BotoCoreError) or (isinstance(cause, ClientError) and not _SYNTAX.search(str(cause))):
                raise cause from None
            words = _words(error)
            raise QueryError(words, hint=_LIMITED if "bytes scanned limit" in words.lower() else _HINT) from None


def _words(error: Exception) -> str:
    """What Athena says of the statement, without the name of the request; its words on a value are withheld."""
    words = str(error).partition("operation: ")[2] or str(error)
    code = _CODE.match(words)
    is_of_the_statement = _SYNTAX.search(words) or (code[0] in _SAFE_CODES if code else "'" not in words)
    if is_of_the_statement:
        return words
    return f"{code[0] if code else 'failed'}; Athena's words are withheld, because they may quote a row"
