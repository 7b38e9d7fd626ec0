"""The gate: holds a candidate release against the contract of its product, where the candidate lies.

A local candidate is judged by DuckDB, one that Athena wrote by Athena: same checks, same counts, equal verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from caremesh.errors import QualityError
from caremesh.products import Product
from quality.athena_engine import AthenaEngine, OnQuery
from quality.athena_shape import read_athena_shape
from quality.candidate import AthenaCandidate, LocalCandidate
from quality.duckdb_engine import open_duckdb
from quality.engine import Count, Engine, count_violations
from quality.shape import Shape, read_shape
from quality.suite import Check, expectations_of
from quality.verdict import CheckResult, Verdict, judge


def run_gate(
    product: Product, candidate: LocalCandidate | AthenaCandidate, *, on_query: OnQuery = lambda _: None
) -> Verdict:
    """Run every check of the contract on the candidate.

    Columns and types come first: where they differ, other checks would fail for that reason alone and are not run.
    `on_query` is called with each query that Athena ran and the bytes that it scanned; for a local candidate never.
    Raises QualityError where a check cannot be run at all, ContractError where the contract's SQL is not valid.
    """
    checks = expectations_of(product)
    with _engine(product, candidate, on_query) as (engine, shape):
        if shape.column_difference or shape.type_difference:
            return judge(product.id, _shape_results(checks, shape), rows=shape.rows)
        counts = count_violations(product, engine)
    shaped = {r.check.name: r for r in _shape_results(checks, shape)}
    results = tuple(_result(c, counts[c.name], shape) if c.name in counts else shaped[c.name] for c in checks)
    return judge(product.id, results, rows=shape.rows)


@contextmanager
def _engine(
    product: Product, candidate: LocalCandidate | AthenaCandidate, on_query: OnQuery
) -> Iterator[tuple[Engine, Shape]]:
    if isinstance(candidate, AthenaCandidate):
        athena = AthenaEngine(candidate, on_query)
        yield athena, read_athena_shape(product, athena)
        return
    if not candidate.files:
        raise QualityError(f"the candidate of {product.id} has no Parquet file")
    shape = read_shape(product, candidate.files)
    with open_duckdb(candidate) as duckdb:
        yield duckdb, shape


def _shape_results(checks: Sequence[Check], shape: Shape) -> tuple[CheckResult, ...]:
    details = {"columns": shape.column_difference, "types": shape.type_difference}
    return tuple(
        CheckResult(check=c, passed=not details[c.kind], rows_checked=shape.rows, rows_failed=0, detail=details[c.kind])
        for c in checks
        if c.kind in details
    )


def _result(check: Check, count: Count, shape: Shape) -> CheckResult:
    # A limit is a number of rows, which Great Expectations cannot state; where there is none, its word stands.
    has_limit = check.limit and check.kind != "row_count"
    passed = count.rows_failed <= check.limit if has_limit else count.passed
    return CheckResult(check=check, passed=passed, rows_checked=shape.rows, rows_failed=count.rows_failed)
