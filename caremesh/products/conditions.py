"""What a rule of a contract demands of the number that it measures: ODCS's operators and units, read and judged.

The number is a count of rows, or what an SQL query gives. The gate judges it, so that both engines give one verdict:

- All operators of a rule must hold. `mustBeBetween: [a, b]` is "greater than a and less than b", as the standard has it
  (https://bitol-io.github.io/open-data-contract-standard/v3.1.0/data-quality/), and `mustNotBeBetween` its opposite.
- `unit: percent` is the count as a share of all rows of the table, compared exactly and not rounded.
- On an empty table every count is 0, every percentage is 0, and a query that gives null there gives 0.
- A query that gives null (or NaN) of a table with rows gives no number: the rule is broken with any operator.
- A query's number is read as a double; true is 1 and false is 0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias, get_args

Operator = Literal[
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
]
Unit = Literal["rows", "percent"]
Number: TypeAlias = int | float

OPERATORS: tuple[Operator, ...] = get_args(Operator)
UNITS: tuple[Unit, ...] = get_args(Unit)

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_LARGEST = 2**53
"""Above it a double cannot tell a number from the next one."""

_HOLDS: Mapping[Operator, Callable[..., bool]] = {
    "mustBe": lambda n, a: n == a,
    "mustNotBe": lambda n, a: n != a,
    "mustBeGreaterThan": lambda n, a: n > a,
    "mustBeGreaterOrEqualTo": lambda n, a: n >= a,
    "mustBeLessThan": lambda n, a: n < a,
    "mustBeLessOrEqualTo": lambda n, a: n <= a,
    "mustBeBetween": lambda n, a, b: a < n < b,
    "mustNotBeBetween": lambda n, a, b: not a < n < b,
}
_WORDS: Mapping[Operator, str] = {
    "mustBe": "exactly {}",
    "mustNotBe": "not {}",
    "mustBeGreaterThan": "more than {}",
    "mustBeGreaterOrEqualTo": "at least {}",
    "mustBeLessThan": "less than {}",
    "mustBeLessOrEqualTo": "at most {}",
    "mustBeBetween": "more than {} and less than {}",
    "mustNotBeBetween": "at most {} or at least {}",
}


@dataclass(frozen=True)
class Condition:
    """One operator of a rule and what it compares with; a bound is True or False where a query answers yes or no."""

    operator: Operator
    bounds: tuple[Number, ...]

    def holds(self, number: Fraction) -> bool:
        """Whether a number meets the condition."""
        return _HOLDS[self.operator](number, *(_exact(bound) for bound in self.bounds))

    @property
    def words(self) -> str:
        """The condition in words, for a sentence such as "The number of rows is at most 5"."""
        return _WORDS[self.operator].format(*(_shown(bound) for bound in self.bounds))

    @property
    def stated(self) -> str:
        """The condition as a contract states it: "mustBeLessOrEqualTo: 5"."""
        bounds = [str(b).lower() if isinstance(b, bool) else str(b) for b in self.bounds]
        return f"{self.operator}: {bounds[0] if len(bounds) == 1 else '[' + ', '.join(bounds) + ']'}"


NONE_AT_ALL = (Condition("mustBe", (0,)),)
"""What keys, required and unique columns demand: that no row breaks them."""


def are_met(conditions: tuple[Condition, ...], unit: Unit, measured: Number | None, *, rows: int) -> bool:
    """Whether what was measured on a table of so many rows meets all conditions."""
    if measured is None and not rows:
        measured = 0
    if measured is None or not math.isfinite(measured):
        return False
    number = _exact(measured)
    if unit == "percent":
        number = number * 100 / rows if rows else Fraction(0)
    return all(condition.holds(number) for condition in conditions)


def read_bound(text: str) -> Number | None:
    """A number as a contract writes it; None for another text, and for a number that a double does not hold exactly."""
    if not _NUMBER.fullmatch(text):
        return None
    exact = Fraction(text)
    if abs(exact) > _LARGEST:
        return None
    number = int(exact) if exact.denominator == 1 else float(text)
    return number if _exact(number) == exact else None


def _exact(number: Number) -> Fraction:
    # A float by its shortest text: 0.1 is a tenth here, as it was written.
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _shown(bound: Number) -> str:
    return str(bound).lower() if isinstance(bound, bool) else f"{bound:,}"
