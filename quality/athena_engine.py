"""Athena as the engine of a suite, over the table of a candidate that Athena wrote.

Great Expectations reaches it through PyAthena's SQLAlchemy dialect (https://pyathena.dev/sqlalchemy.html), which asks
Glue for columns. What it lacks on that dialect (patterns) is a query of ours here as on DuckDB. Nothing that is sent
asks for a value of a row, so Athena's result files in S3 hold counts only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from caremesh.quoting import quote_name
from quality.candidate import AthenaCandidate, AthenaQuery
from quality.engine import EngineError

OnQuery: TypeAlias = Callable[[AthenaQuery], None]

# Athena says so of SQL that it does not take: where in the text it is wrong.
_PLACE = re.compile(r"\bline \d+:\d+: ")
_CODE = re.compile(r"[A-Z][A-Z_]+(?=: )")


@dataclass(frozen=True)
class AthenaEngine:
    """The table of a candidate; an `Engine`. `on_query` is told of each query that Athena has run."""

    candidate: AthenaCandidate
    on_query: OnQuery
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
        try:
            self._query(f"explain (type validate) {query}")
        except _athena_errors() as error:
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
        try:
            ((number,),) = self._query(query)
        except _athena_errors() as error:
            raise EngineError(error_kind(error)) from None
        return int(number)

    def known(self) -> AbstractContextManager[None]:
        """Great Expectations knows Athena."""
        return nullcontext()

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
        return source

    def close(self, source: Any) -> None:
        """Let go of the connections, which are HTTP clients only."""
        source.get_engine().dispose()
        source.get_execution_engine().engine.dispose()

    def _query(self, query: str) -> list[Any]:
        import pyathena

        with pyathena.connect(**self._arguments()) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            self._tell(None, cursor)
            return list(cursor.fetchall())

    def _tell(self, _: object, cursor: Any, *__: object) -> None:
        self.on_query(AthenaQuery(cursor.query_id, int(cursor.data_scanned_in_bytes or 0)))

    def _arguments(self) -> dict[str, Any]:
        return {
            "region_name": self.candidate.region,
            "schema_name": self.candidate.database,
            "work_group": self.candidate.work_group,
            # Empty, PyAthena leaves it to the work group; None, it would look into the environment.
            "s3_staging_dir": self.candidate.output_location or "",
            "poll_interval": self.candidate.poll_seconds,
        }


def error_kind(error: BaseException) -> str:
    """The kind of an error: AWS's code (`AccessDeniedException`), Athena's (`HIVE_BAD_DATA`), or its class."""
    answer = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    athena = _CODE.match(str(error))
    return str(answer.get("Error", {}).get("Code") or (athena[0] if athena else type(error).__name__))


def _athena_errors() -> tuple[type[BaseException], ...]:
    import pyathena
    from botocore.exceptions import BotoCoreError, ClientError

    return (pyathena.Error, BotoCoreError, ClientError)
