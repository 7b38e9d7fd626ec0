"""Random views over random resources: compiled SQL on DuckDB gives the rows that the interpreter gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.generative.judge import Judge, open_judge
from tests.generative.views import examples
from tests.scale import draw, shrinks

NET = "random_views"
FULL, PART_SIZE = 10_000, 200
SEEDS = draw(NET, FULL // PART_SIZE)
"""Each gives a part of so many views."""


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Judge]:
    with open_judge(tmp_path) as opened:
        yield opened


def lane(size: int) -> settings:
    """So many examples, kept nowhere between runs."""
    return settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=[Phase.generate, *([Phase.shrink] if shrinks() else [])],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SEEDS)
def test_random_views_give_the_rows_of_the_interpreter(judge: Judge, number: int) -> None:
    def compare(example: tuple[str, list[str]]) -> None:
        judge.compare(*example)

    seed(number)(lane(PART_SIZE)(given(examples())(compare)))()
    counts = ", ".join(f"{count} {what}" for what, count in judge.counts.most_common())
    print(counts)  # noqa: T201
    assert judge.counts["compared"] + judge.counts["both raise"] > 0.9 * judge.counts["examples"], counts
