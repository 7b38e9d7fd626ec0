"""The gate: holds a candidate release against the contract of its product."""

from __future__ import annotations

from collections.abc import Sequence

from caremesh.errors import QualityError
from caremesh.products import Product
from quality.candidate import LocalCandidate
from quality.duckdb_engine import open_duckdb
from quality.engine import Count, count_violations
from quality.shape import Shape, read_shape
from quality.suite import Check, expectations_of
from quality.verdict import CheckResult, Verdict, judge


def run_gate(product: Product, candidate: LocalCandidate) -> Verdict:
    """Run every check of the contract on the candidate, where it lies.

    Columns and types come first: where they differ, other checks would fail for that reason alone and are not run.
    Raises QualityError where a check cannot be run at all, ContractError where the contract's SQL is not valid.
    """
    if not candidate.files:
        raise QualityError(f"the candidate of {product.id} has no Parquet file")
    checks = expectations_of(product)
    shape = read_shape(product, candidate.files)
    if shape.column_difference or shape.type_difference:
        return judge(product.id, _shape_results(checks, shape), rows=shape.rows)
    with open_duckdb(candidate) as engine:
        counts = count_violations(product, engine)
    shaped = {r.check.name: r for r in _shape_results(checks, shape)}
    results = tuple(_result(c, counts[c.name], shape) if c.name in counts else shaped[c.name] for c in checks)
    return judge(product.id, results, rows=shape.rows)


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
