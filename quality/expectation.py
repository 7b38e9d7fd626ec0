"""The expectation that a rule's query counts no rows: Great Expectations' own kind of it fetches the rows themselves.

`UnexpectedRowsExpectation` sends a rule's query twice, once for its rows and once for their number. The number is all
that a verdict needs, all that may leave the data, and on Athena each query costs a scan.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

COUNT_EXPECTATION = "expect_query_to_count_no_rows"
"""Its name in Great Expectations, which makes it out of the name of the class."""


@cache
def count_expectation() -> Any:
    """Give the expectation's class; made once, as each making registers it with Great Expectations.

    As https://docs.greatexpectations.io/docs/core/customize_expectations/ has it: a class with the metric it needs.
    """
    from great_expectations.expectations.expectation import BatchExpectation

    class ExpectQueryToCountNoRows(BatchExpectation):
        """A query over `{batch}` that gives one number, which is to be 0."""

        query: str

        metric_dependencies: ClassVar[tuple[str, ...]] = ("query.table",)
        success_keys: ClassVar[tuple[str, ...]] = ("query",)
        domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            (row,) = metrics["query.table"]
            (count,) = row.values()
            return {"success": count == 0, "result": {"observed_value": int(count)}}

    return ExpectQueryToCountNoRows
