"""Runs a contract's suite on DuckDB, through Great Expectations' SQL engine, over a candidate's Parquet files.

Great Expectations (7 s to import) is imported inside the functions that need it. It does not know DuckDB: it closes
a connection before it fetches, and DuckDB's results end with their connection. For as long as a suite runs,
`duckdb_is_known` adds DuckDB to the dialects whose connection it keeps; the list is private, hence the guard.

What comes back is counts. Rules are asked for as `select 1 …`, results hold no list of values, logs are silent
meanwhile, and the engine's own words on failing data are withheld, because they may quote a row.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import CareMeshError, ContractError, QualityError
from caremesh.products import Product
from caremesh.quoting import quote_file
from quality.suite import build_suite, violations_query

if TYPE_CHECKING:
    import great_expectations as gx

Config: TypeAlias = dict[str, str | bool | int | float | list[str]]

SUPPORTED_VERSION = "1.24.1"
_PATCHED_NAME = "_PERSISTED_CONNECTION_DIALECTS"
_TABLE = "candidate"
_NOISY_LOGGERS = ("great_expectations", "sqlalchemy", "duckdb_engine")
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Count:
    """What Great Expectations says of one check: whether it holds, and how many rows break it."""

    passed: bool
    rows_failed: int


class _DuckDbDialect(str):
    """DuckDB's name in the shape of Great Expectations' own dialect enum: a text that has a `value`."""

    value = "duckdb"


def count_violations(product: Product, files: Sequence[Path], *, scratch: Path, memory_limit: str) -> dict[str, Count]:
    """Count, for each check by name, the rows that break it; DuckDB spills into `scratch` beyond its memory limit.

    Raises ContractError for a rule whose SQL is not valid, QualityError for one that cannot be computed on the data.
    """
    database = scratch / f"{_TABLE}.duckdb"
    config: Config = {**OFFLINE, "memory_limit": memory_limit, "temp_directory": str(scratch / "spill")}
    try:
        _make_database(database, files, config)
        _try_rules(product, database, config)
        with _quiet():
            results = _validate(build_suite(product), database, config)
        broken = [_name(r) for r in results if _is_broken(r.exception_info)]
        if broken:
            raise _uncomputable(_failing_rules(product, database, config) or broken)
    finally:
        for leftover in (database, database.with_name(f"{database.name}.wal")):
            leftover.unlink(missing_ok=True)
    return {_name(r): Count(passed=bool(r.success), rows_failed=_rows_failed(r)) for r in results}


@contextmanager
def duckdb_is_known() -> Iterator[None]:
    """Make Great Expectations keep DuckDB connections open; undone on leaving.

    Raises QualityError where Great Expectations is not the version this was proved with, or not built as expected.
    """
    import great_expectations.execution_engine.sqlalchemy_execution_engine as engine_module

    found = version("great_expectations")
    dialects = getattr(engine_module, _PATCHED_NAME, None)
    if found != SUPPORTED_VERSION or not isinstance(dialects, tuple):
        raise QualityError(
            f"the gate is built for Great Expectations {SUPPORTED_VERSION}; this is {found}"
            + ("" if isinstance(dialects, tuple) else f", without {_PATCHED_NAME}"),
            hint=f"pip install great-expectations=={SUPPORTED_VERSION}",
        )
    setattr(engine_module, _PATCHED_NAME, (*dialects, _DuckDbDialect("duckdb")))
    try:
        yield
    finally:
        setattr(engine_module, _PATCHED_NAME, dialects)


def _make_database(database: Path, files: Sequence[Path], config: Config) -> None:
    database.unlink(missing_ok=True)
    listed = ", ".join(quote_file(f) for f in files)
    with duckdb.connect(str(database), config=config) as connection:
        connection.execute(f"create view {_TABLE} as select * from read_parquet([{listed}], hive_partitioning = false)")


def _try_rules(product: Product, database: Path, config: Config) -> None:
    """Plan the SQL of each rule: DuckDB's words on a mistake in the query itself quote the contract, not rows."""
    with duckdb.connect(str(database), read_only=True, config=config) as connection:
        for name, query in _rule_queries(product):
            try:
                connection.execute(f"explain {query}")
            except duckdb.ProgrammingError as error:
                raise ContractError(
                    f"{name}: {str(error).splitlines()[0]}",
                    where=str(product.contract_file),
                    hint="correct the rule's query: {object} is the table, and it gives one number",
                ) from None
            except duckdb.Error:
                raise _uncomputable([name]) from None


def _failing_rules(product: Product, database: Path, config: Config) -> list[str]:
    """Names of the rules whose SQL fails on the data: one failure makes Great Expectations report others with it."""
    failing = []
    with duckdb.connect(str(database), read_only=True, config=config) as connection:
        for name, query in _rule_queries(product):
            try:
                connection.execute(f"select count(*) from ({query})")
            except duckdb.Error:
                failing.append(name)
    return failing


def _uncomputable(names: Sequence[str]) -> QualityError:
    return QualityError(
        f"could not be computed on the candidate: {', '.join(names)}",
        hint="run the check's SQL on the candidate by hand; the engine's message may quote rows and is withheld",
    )


def _rule_queries(product: Product) -> Iterator[tuple[str, str]]:
    for rule in product.rules:
        if rule.kind in ("pattern", "sql"):
            yield rule.name, violations_query(rule, product, source=_TABLE)


def _validate(suite: gx.ExpectationSuite, database: Path, config: Config) -> Sequence[Any]:
    try:
        with duckdb_is_known():
            results = _run(suite, database, config)
    except CareMeshError:
        raise
    except Exception as error:
        # Only the kind of error: its message may quote a row.
        raise QualityError(f"Great Expectations could not run {suite.name}: {type(error).__name__}") from None
    if len(results) != len(suite.expectations):
        raise QualityError(f"Great Expectations gave {len(results)} results for {len(suite.expectations)} checks")
    return results


def _run(suite: gx.ExpectationSuite, database: Path, config: Config) -> Sequence[Any]:
    import great_expectations as gx
    from great_expectations.data_context.data_context.context_factory import set_context
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # The path goes in as an argument: within a connection string, ? or % in it would be read as syntax.
    arguments = {"database": str(database), "read_only": True, "config": config}
    source = context.data_sources.add_sql(
        name=_TABLE,
        connection_string="duckdb://",
        create_temp_table=False,
        kwargs={"connect_args": arguments},
    )
    try:
        asset = source.add_table_asset(_TABLE, table_name=_TABLE)
        batch = asset.add_batch_definition_whole_table(_TABLE).get_batch()
        results: Sequence[Any] = batch.validate(suite, result_format=_COUNTS_ONLY).results
    finally:
        _close(source)
        set_context(None)  # Great Expectations keeps the last context for good, and with it the engine
    return results


def _close(source: Any) -> None:
    """Close both of a datasource's connections: the one it looks for the table with, and the one that it keeps."""
    source.get_engine().dispose()
    kept = source.get_execution_engine()
    with kept.get_connection() as connection:
        connection.close()
    kept.engine.dispose()


def _is_broken(exception_info: dict[str, Any]) -> bool:
    """Whether a check could not be computed; what failed stands either at the top or under each metric's id."""
    if "raised_exception" in exception_info:
        return bool(exception_info["raised_exception"])
    return bool(exception_info)


def _name(result: Any) -> str:
    return str(result.expectation_config.meta["check"])


def _rows_failed(result: Any) -> int:
    kind = result.expectation_config.type
    if kind == "expect_table_columns_to_match_ordered_list":
        return 0
    if kind == "expect_table_row_count_to_be_between":
        return max(0, int(result.expectation_config.kwargs["min_value"]) - int(result.result["observed_value"]))
    if kind == "unexpected_rows_expectation":
        return int(result.result["observed_value"])
    return int(result.result["unexpected_count"] or 0)  # none for an empty table: a sum over no rows


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations and what it calls from logging and warning; their words may quote rows."""
    loggers = [logging.getLogger(name) for name in _NOISY_LOGGERS]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        # Not by level: loggers below these have levels of their own, but their words pass through here.
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
