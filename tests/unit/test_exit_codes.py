"""One exit code for all that happened: the worst, by an order that stands in one place."""

from __future__ import annotations

import re
from itertools import permutations

import pytest

from caremesh import errors
from caremesh.errors import EXIT_CODES, CareMeshError, worst_exit_code
from tests.conftest import ROOT

IN_A_RUN = (1, 130, 2, 16, 15, 20, 14, 10, 11, 12, 13, 17, 18, 3, 0)
"""As issue 13 states it."""


def test_the_order_is_the_stated_one() -> None:
    assert [code for code in EXIT_CODES if code not in (19, 21)] == list(IN_A_RUN)


@pytest.mark.parametrize("codes", list(permutations(IN_A_RUN, 2)), ids=lambda pair: f"{pair[0]} and {pair[1]}")
def test_of_two_codes_the_one_that_stands_first_is_taken(codes: tuple[int, int]) -> None:
    assert worst_exit_code(codes) == min(codes, key=IN_A_RUN.index)


def test_nothing_that_went_wrong_is_0() -> None:
    assert worst_exit_code([]) == 0


def test_every_kind_of_error_has_a_code_of_its_own() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, CareMeshError)]
    codes = [k.exit_code for k in kinds if "exit_code" in vars(k)]  # several errors at once have that of one
    assert len(set(codes)) == len(codes)
    assert set(codes) | {0, 3, 130} == set(EXIT_CODES)


def test_the_reference_lists_them_in_order_with_their_meaning() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert [(int(c), m) for c, m in re.findall(r"^\| (\d+) \| (.+) \|$", page, re.M)] == list(EXIT_CODES.items())
