"""Expectations that count, and fetch nothing else: what Great Expectations' own ones send besides.

For each expectation on columns it asks for a sample of the values that break it, also where that is to hold 0 values;
`UnexpectedRowsExpectation` sends a query for the rows and one for their number. The number is all that a verdict
needs and all that may leave the data, and on Athena each query takes a second.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

NUMBER_EXPECTATION = "expect_query_to_give_one_number"
"""The type of `number_expectation`, which Great Expectations makes out of the name of a class."""
_SAMPLE = ".unexpected_values"


@cache
def number_expectation() -> Any:
    """Give the class of an expectation that measures: its query gives one number, or null, and the gate judges it.

    Made once, as each making registers it with Great Expectations. As
    https://docs.greatexpectations.io/docs/core/customize_expectations/ has it: a class with the metric it needs.
    """
    from great_expectations.expectations.expectation import BatchExpectation

    class ExpectQueryToGiveOneNumber(BatchExpectation):
        """A query over `{batch}` that gives one number; null is allowed, and for the gate to judge."""

        query: str

        metric_dependencies: ClassVar[tuple[str, ...]] = ("query.table",)
        success_keys: ClassVar[tuple[str, ...]] = ("query",)
        domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)

        def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
            (row,) = metrics["query.table"]
            (number,) = row.values()
            return {"success": True, "result": {"observed_value": plain_number(number)}}

    return ExpectQueryToGiveOneNumber


def plain_number(found: Any) -> int | float | None:
    """A number as an engine gives it, as int where it is whole; None for null, NaN and infinities."""
    if found is None or not math.isfinite(found):
        return None
    return int(found) if found == int(found) else float(found)


@cache
def counting(name: str) -> Any:
    """Give the class of one of Great Expectations' own expectations on columns, but without the sample."""
    base: Any = getattr(import_module("great_expectations.expectations"), name)

    def get_validation_dependencies(self: Any, *args: Any, **kwargs: Any) -> Any:
        needed = base.get_validation_dependencies(self, *args, **kwargs)
        for metric in [m for m in needed.get_metric_names() if m.endswith(_SAMPLE)]:
            needed.remove_metric_configuration(metric)
        return needed

    attributes = {"__doc__": base.__doc__, "get_validation_dependencies": get_validation_dependencies}
    return type(base)(f"Counting{name}", (base,), attributes)
