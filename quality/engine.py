"""Measures each check of a contract: what every engine has in common.

Great Expectations takes seconds to import, and is imported inside the functions that need it. It is used beyond what
it declares (`duckdb_engine`, and the context that `_run` takes back), so it must be the one version that this was
proved with.

What comes back is numbers. A rule's query gives one, results hold no list of values, logs are silent meanwhile,
and the engine's own words on failing data are withheld, because they may quote a row.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from caremesh.errors import CareMeshError, ContractError, QualityError
from caremesh.products import Number, Product
from quality.check import CheckKind, expectations_of
from quality.expectation import NUMBER_EXPECTATION, plain_number
from quality.light_import import import_great_expectations
from quality.measuring import Dialect, measuring_query
from quality.suite import build_suite

if TYPE_CHECKING:
    import great_expectations as gx

SUPPORTED_VERSION = "1.24.1"
QUERY_HINT = "correct the rule's query: {object} is the table, and it gives one number"
_NAME = "candidate"
_NOISY_LOGGERS = ("great_expectations", "sqlalchemy", "duckdb_engine", "pyathena", "botocore")
_WITH_QUERIES: tuple[CheckKind, ...] = ("key", "unique", "duplicates", "missing_values", "pattern", "sql")
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Measure:
    """What Great Expectations says of one check: its own word on it, and the number that it measured, if any."""

    passed: bool
    number: Number | None


class EngineError(Exception):
    """A query failed; says the kind of failure only, as the engine's own words may quote a row."""


class Engine(Protocol):
    """What runs the SQL of a suite over one candidate."""

    @property
    def dialect(self) -> Dialect:
        """How its SQL is spelled."""

    @property
    def table(self) -> str:
        """The candidate, as SQL names it."""

    @property
    def asset(self) -> dict[str, str]:
        """The candidate, as a table asset of Great Expectations names it."""

    def refusal(self, query: str) -> str | None:
        """Why it refuses a query before it reads any row, in its own words; None where it takes it.

        Raises EngineError where it cannot say.
        """

    def run(self, query: str) -> None:
        """Run a query; raise EngineError where it fails."""

    def known(self) -> AbstractContextManager[None]:
        """What Great Expectations must be told of the engine for as long as a suite runs."""

    def add_source(self, context: Any) -> Any:
        """Add the engine to a context of Great Expectations as a datasource."""

    def close(self, source: Any) -> None:
        """Close what the datasource keeps open."""


def measure_checks(product: Product, engine: Engine) -> dict[str, Measure]:
    """Measure each check, by name.

    Raises ContractError for a rule whose SQL is not valid, QualityError for one that cannot be computed on the data.
    """
    with quiet():
        import_great_expectations()
        suite = build_suite(product, engine.dialect)
        _try_rules(product, engine)
        results = _validate(suite, engine)
        broken = [_name(r) for r in results if _is_broken(r.exception_info)]
        if broken:
            raise _uncomputable(_failing_checks(product, engine) or broken)
    return {_name(r): Measure(passed=bool(r.success), number=_measured(r)) for r in results}


def require_version(*, lacking: str = "") -> None:
    """Refuse a Great Expectations that is not the version this was proved with, or that lacks a part it had."""
    found = version("great_expectations")
    if found != SUPPORTED_VERSION or lacking:
        raise QualityError(
            f"the gate is built for Great Expectations {SUPPORTED_VERSION}; this is {found}"
            + (f", without {lacking}" if lacking else ""),
            hint=f"pip install great-expectations=={SUPPORTED_VERSION}",
        )


@contextmanager
def quiet() -> Iterator[None]:
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


def _try_rules(product: Product, engine: Engine) -> None:
    """Have each SQL rule planned: an engine's words on a mistake in the query itself quote no rows."""
    for name, query in _own_queries(product, engine, "sql"):
        try:
            refusal = engine.refusal(query)
        except EngineError as error:
            raise _uncomputable([f"{name} ({error})"]) from None
        if refusal is not None:
            raise ContractError(
                f"{name}: {refusal}",
                where=next(r.place for r in product.rules if r.name == name) or str(product.contract_file),
                hint=QUERY_HINT,
            )


def _failing_checks(product: Product, engine: Engine) -> list[str]:
    """Names of the checks whose SQL fails on the data: one failure makes Great Expectations report others with it."""
    failing = []
    for name, query in _own_queries(product, engine, *_WITH_QUERIES):
        try:
            engine.run(query)
        except EngineError:
            failing.append(name)
    return failing


def _uncomputable(names: Sequence[str]) -> QualityError:
    return QualityError(
        f"could not be computed on the candidate: {', '.join(names)}",
        hint="run the check's SQL on the candidate by hand; the engine's message may quote rows and is withheld",
    )


def _own_queries(product: Product, engine: Engine, *kinds: CheckKind) -> Iterator[tuple[str, str]]:
    for check in (c for c in expectations_of(product) if c.kind in kinds):
        query = measuring_query(check, product, source=engine.table, dialect=engine.dialect)
        if query:
            yield check.name, query


def _validate(suite: gx.ExpectationSuite, engine: Engine) -> Sequence[Any]:
    require_version()
    try:
        with engine.known():
            results = _run(suite, engine)
    except CareMeshError:
        raise
    except Exception as error:
        # Only the kind of error: its message may quote a row.
        raise QualityError(f"Great Expectations could not run {suite.name}: {type(error).__name__}") from None
    if len(results) != len(suite.expectations):
        raise QualityError(f"Great Expectations gave {len(results)} results for {len(suite.expectations)} checks")
    return results


def _run(suite: gx.ExpectationSuite, engine: Engine) -> Sequence[Any]:
    import great_expectations as gx
    from great_expectations.data_context.data_context.context_factory import set_context
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = engine.add_source(context)
    try:
        asset = source.add_table_asset(_NAME, **engine.asset)
        batch = asset.add_batch_definition_whole_table(_NAME).get_batch()
        results: Sequence[Any] = batch.validate(suite, result_format=_COUNTS_ONLY).results
    finally:
        engine.close(source)
        set_context(None)  # Great Expectations keeps the last context for good, and with it the engine
    return results


def _is_broken(exception_info: dict[str, Any]) -> bool:
    """Whether a check could not be computed; what failed stands either at the top or under each metric's id."""
    if "raised_exception" in exception_info:
        return bool(exception_info["raised_exception"])
    return bool(exception_info)


def _name(result: Any) -> str:
    return str(result.expectation_config.meta["check"])


def _measured(result: Any) -> Number | None:
    kind = result.expectation_config.type
    if kind == "expect_table_columns_to_match_ordered_list":
        return 0
    if kind in (NUMBER_EXPECTATION, "expect_table_row_count_to_be_between"):
        return plain_number(result.result["observed_value"])
    return int(result.result["unexpected_count"] or 0)  # none for an empty table: a sum over no rows
