"""Random views over random resources, on Trino: the rows of the interpreter, as on DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from trino.exceptions import TrinoUserError

from caremesh.errors import ViewError
from caremesh.fhir import ATHENA, compile_view, parse_view
from tests.athena.engine import Athena
from tests.generative.judge import Judge, Rows
from tests.generative.views import sample
from tests.scale import draw

pytestmark = pytest.mark.athena

PARTS, PART_SIZE = 20, 25
NET = "random_views_on_trino"


@dataclass(frozen=True)
class OnTrino:
    """Runs views on a running Trino."""

    athena: Athena

    def __call__(self, view: str, lines: Sequence[str]) -> Rows | Exception:
        """The rows, or the error that the engine or its limits refuse them with."""
        try:
            return self.athena.run(compile_view(parse_view(view, where="view.json"), ATHENA), lines)
        except (TrinoUserError, ViewError) as error:
            return error


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", draw(NET, PARTS))
def test_random_views_give_the_rows_of_the_interpreter_on_trino_too(athena: Athena, number: int) -> None:
    judge = Judge(OnTrino(athena))
    for view, lines in sample(PART_SIZE, number=number):
        judge.compare(view, lines)
    assert judge.counts["compared"] + judge.counts["both raise"] > 0.8 * PART_SIZE, judge.counts
