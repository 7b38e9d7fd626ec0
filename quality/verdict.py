"""The verdict on a candidate release: how each check came out, in counts only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, cast

from caremesh.products import Number
from quality.check import Check


@dataclass(frozen=True)
class CheckResult:
    """How one check came out.

    `measured` is the number that the contract speaks of: rows that break the check, for `row_count` the rows of the
    table, for `sql` what the query gave (None for null). `detail` names what is wrong with the columns, or says what
    was found and what the contract demands; never a value of a row.
    """

    check: Check
    passed: bool
    rows_checked: int
    measured: Number | None
    detail: str = ""

    @property
    def rows_failed(self) -> int:
        """How many rows break the check; 0 for a check that counts no such rows."""
        return int(self.measured or 0) if self.check.counts_rows else 0

    @property
    def is_critical_failure(self) -> bool:
        """Whether this result alone keeps the candidate from being published."""
        return not self.passed and self.check.severity == "critical"


@dataclass(frozen=True)
class Verdict:
    """What the gate found: `passed` unless a critical check failed.

    Where the columns or types are not the contract's, no other check could be run and `results` holds these two only.
    """

    product_id: str
    passed: bool
    results: tuple[CheckResult, ...]
    rows: int

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The critical checks that failed."""
        return tuple(r for r in self.results if r.is_critical_failure)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The checks that failed but do not stop a release (severity warning or info)."""
        return tuple(r for r in self.results if not r.passed and not r.is_critical_failure)

    def to_json(self) -> dict[str, Any]:
        """The verdict as a JSON document; the same verdict always gives the same keys in the same order."""
        stated = {**asdict(self), "results": [{**asdict(r), "rows_failed": r.rows_failed} for r in self.results]}
        # As it will be read back: a manifest with tuples in it would not equal itself once it was stored.
        return cast(dict[str, Any], json.loads(json.dumps(stated)))


def judge(product_id: str, results: tuple[CheckResult, ...], *, rows: int) -> Verdict:
    """Make the verdict out of the results: a candidate passes where no critical check failed."""
    return Verdict(
        product_id=product_id,
        passed=not any(r.is_critical_failure for r in results),
        results=results,
        rows=rows,
    )
