"""The gate: holds a candidate release against the contract of its product, where the candidate lies.

A local candidate is judged by DuckDB, one that Athena wrote by Athena: same checks, same counts, equal verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from caremesh.errors import QualityError
from caremesh.products import Number, Product
from caremesh.products.conditions import NONE_AT_ALL
from quality.athena_engine import AthenaEngine, OnQuery
from quality.athena_shape import read_athena_shape
from quality.candidate import AthenaCandidate, LocalCandidate
from quality.check import Check, expectations_of
from quality.duckdb_engine import open_duckdb
from quality.engine import Engine, Measure, measure_checks
from quality.shape import Shape, read_shape
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
        measures = measure_checks(product, engine)
    shaped = {r.check.name: r for r in _shape_results(checks, shape)}
    results = tuple(_result(c, measures[c.name], shape) if c.name in measures else shaped[c.name] for c in checks)
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
        CheckResult(check=c, passed=not details[c.kind], rows_checked=shape.rows, measured=0, detail=details[c.kind])
        for c in checks
        if c.kind in details
    )


def _result(check: Check, measure: Measure, shape: Shape) -> CheckResult:
    if check.kind == "columns":
        return CheckResult(check=check, passed=measure.passed, rows_checked=shape.rows, measured=0)
    number = 0 if measure.number is None and not shape.rows else measure.number
    passed = check.is_kept(number, rows=shape.rows)
    detail = "" if passed or _speaks_for_itself(check) else f"{_found(check, number, shape)}; {check.stated}"
    return CheckResult(check=check, passed=passed, rows_checked=shape.rows, measured=number, detail=detail)


def _speaks_for_itself(check: Check) -> bool:
    return check.counts_rows and check.conditions == NONE_AT_ALL


def _found(check: Check, number: Number | None, shape: Shape) -> str:
    """What was measured, in words: the contract's numbers mean nothing without it."""
    if number is None:
        return "the query gave null instead of a number"
    share = f" of {shape.rows:,}" if check.unit == "percent" else ""
    return f"found {number:,}{share}" + (" rows" if check.kind != "sql" else "")
