"""Athena as the engine of a suite, over the table of a candidate that Athena wrote.

Great Expectations reaches it through PyAthena's SQLAlchemy dialect (https://pyathena.dev/sqlalchemy.html), which asks
Glue for columns. What it lacks on that dialect (patterns) is a query of ours here as on DuckDB. Nothing that is sent
asks for a value of a row, so Athena's result files in S3 hold counts only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

from caremesh.aws import telling_errors
from caremesh.errors import AwsError
from caremesh.quoting import quote_name
from quality.candidate import AthenaCandidate, AthenaQuery
from quality.engine import EngineError

OnQuery: TypeAlias = Callable[[AthenaQuery], None]

# Athena says so of SQL that it does not take: where in the text it is wrong.
_PLACE = re.compile(r"\bline \d+:\d+: ")
# What the API says of a statement that it does not start: a refusal of the SQL, and not of who asks.
_STATEMENT = re.compile(r"line \d+:\d+|queries of this type", re.IGNORECASE)
_CODE = re.compile(r"[A-Z][A-Z_]+(?=: )")


@dataclass(frozen=True)
class AthenaEngine:
    """The table of a candidate; an `Engine`. `on_query` is told of each query that Athena has run.

    `trouble` is what AWS refused while Great Expectations asked. Statements are held to `AwsSettings.bytes_limit`.
    """

    candidate: AthenaCandidate
    on_query: OnQuery
    trouble: list[Exception] = field(default_factory=list)
    dialect: Literal["athena"] = "athena"

    @property
    def table(self) -> str:
        """The candidate, as SQL names it."""
        return f"{quote_name(self.candidate.database)}.{quote_name(self.candidate.table)}"

    @property
    def asset(self) -> dict[str, str]:
        """The candidate, as a table asset of Great Expectations names it."""
        # In quotes, as otherwise it takes care that the table's name, of all names, stands without them.
        return {"table_name": quote_name(self.candidate.table), "schema_name": self.candidate.database}

    def refusal(self, query: str) -> str | None:
        """Athena's words on a query that it cannot plan; validating one reads no row, so they quote none.

        See https://docs.aws.amazon.com/athena/latest/ug/athena-explain-statement.html.
        """
        import pyathena

        try:
            self._query(f"explain (type validate) {query}")
        except pyathena.Error as error:
            first = str(error).splitlines()[0] if str(error) else ""
            if _PLACE.search(first):
                return first
            raise EngineError(error_kind(error)) from None
        return None

    def run(self, query: str) -> None:
        """Run a query."""
        self.count(query)

    def count(self, query: str) -> int:
        """The one number that a query gives; raise EngineError where it fails."""
        import pyathena

        try:
            ((number,),) = self._query(query)
        except pyathena.Error as error:
            raise EngineError(error_kind(error)) from None
        return int(number)

    @contextmanager
    def known(self) -> Iterator[None]:
        """Great Expectations knows Athena; raise here what AWS refused, which it hides in results and own errors."""
        try:
            yield
        except Exception as error:
            self._note(error)
            if not self.trouble:
                raise
        if self.trouble:
            with telling_errors():
                raise self.trouble[0] from None

    def add_source(self, context: Any) -> Any:
        """Add Athena as a datasource; the connection string holds nothing."""
        from sqlalchemy import event

        source = context.data_sources.add_sql(
            name=self.candidate.table,
            connection_string="awsathena+rest://",
            create_temp_table=False,
            kwargs={"connect_args": self._arguments()},
        )
        for engine in (source.get_engine(), source.get_execution_engine().engine):
            event.listen(engine, "after_cursor_execute", self._tell)
            event.listen(engine, "handle_error", lambda context: self._note(context.original_exception))
        return source

    def close(self, source: Any) -> None:
        """Let go of the connections, which are HTTP clients only."""
        source.get_engine().dispose()
        source.get_execution_engine().engine.dispose()

    def _query(self, query: str) -> list[Any]:
        """Run a query; raise AwsError where AWS refuses more than the query itself."""
        import pyathena

        with telling_errors():
            try:
                with pyathena.connect(**self._arguments()) as connection, connection.cursor() as cursor:
                    cursor.execute(query)
                    self._tell(None, cursor)
                    return list(cursor.fetchall())
            except pyathena.Error as error:
                if trouble := find_trouble(error):
                    raise trouble from None
                raise

    def _tell(self, _: object, cursor: Any, *__: object) -> None:
        self.on_query(AthenaQuery(cursor.query_id, int(cursor.data_scanned_in_bytes or 0)))

    def _note(self, error: BaseException) -> None:
        if trouble := find_trouble(error):
            self.trouble.append(trouble)

    def _check_bytes(self, execution: Any) -> None:
        """Stop a query that scans more than the limit: Athena itself knows one per work group only."""
        limit, scanned = self.candidate.aws.settings.bytes_limit, int(execution.data_scanned_in_bytes or 0)
        if limit is None or scanned <= limit:
            return
        # Why the wait ended matters more than whether the stop succeeded.
        with suppress(Exception):
            self.candidate.aws.client("athena").stop_query_execution(QueryExecutionId=execution.query_id)
        raise AwsError(
            f"Athena query {execution.query_id} scanned {scanned:,} bytes; the limit is {limit:,}",
            hint="raise CAREMESH_ATHENA_BYTES_LIMIT",
        )

    def _arguments(self) -> dict[str, Any]:
        from botocore.config import Config
        from pyathena.util import RetryConfig

        aws = self.candidate.aws
        return {
            "session": aws.session,
            "region_name": aws.session.region_name,
            # PyAthena adds its name to what it is given; botocore tries again, and PyAthena not once more.
            "config": aws.config.merge(Config()),
            "retry_config": RetryConfig(attempt=1),
            "schema_name": self.candidate.database,
            "work_group": aws.settings.work_group,
            # Empty, PyAthena leaves it to the work group; None, it would look into the environment.
            "s3_staging_dir": self.candidate.output_location or "",
            "encryption_option": "SSE_KMS" if aws.settings.kms_key else None,
            "kms_key": aws.settings.kms_key,
            "poll_interval": aws.settings.poll_seconds,
            "on_poll": self._check_bytes,
        }


def find_trouble(error: BaseException) -> Exception | None:
    """What AWS refused, in an error or in what it came from; None for an error of a statement, or not of AWS."""
    from botocore.exceptions import BotoCoreError, ClientError

    found: BaseException | None = error
    while found is not None:
        is_refusal = isinstance(found, ClientError) and not _STATEMENT.search(str(found))
        if is_refusal or isinstance(found, (AwsError, BotoCoreError)):
            return cast(Exception, found)
        found = found.__cause__ or found.__context__
    return None


def error_kind(error: BaseException) -> str:
    """The kind of an error: AWS's code (`AccessDeniedException`), Athena's (`HIVE_BAD_DATA`), or its class."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    athena = _CODE.match(str(error))
    return str(answer.get("Error", {}).get("Code") or (athena[0] if athena else type(error).__name__))
