"""The reference of contracts names every metric, operator and unit that a rule may have."""

from __future__ import annotations

import re

from caremesh.products.conditions import OPERATORS, UNITS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "reference" / "contracts.md").read_text(encoding="utf-8")


def first_cells(title: str) -> tuple[str, ...]:
    """What the first column of the table under a title names."""
    section = PAGE.split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    return tuple(re.findall(r"^\| `(\w+)` \|", section, re.M))


def test_the_page_lists_what_a_rule_may_have() -> None:
    assert first_cells("Operators") == OPERATORS
    assert first_cells("Units") == UNITS
    assert first_cells("Metrics") == ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
