"""Random views over random resources: compiled SQL on DuckDB gives the rows that the interpreter gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.generative.judge import Judge, open_judge
from tests.generative.views import examples

# Examples of the slow lane, in parts with seeds of their own.
PARTS, PART_SIZE = 4, 2_500


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Judge]:
    with open_judge(tmp_path) as opened:
        yield opened


def hold_together(judge: Judge, chosen: settings, number: int | None = None) -> None:
    """Compare many examples; without a number they are always the same."""

    def compare(example: tuple[str, list[str]]) -> None:
        judge.compare(*example)

    search = chosen(given(examples())(compare))
    (seed(number)(search) if number is not None else search)()
    counts = ", ".join(f"{count} {what}" for what, count in judge.counts.most_common())
    print(counts)  # noqa: T201
    assert judge.counts["compared"] + judge.counts["both raise"] > 0.9 * judge.counts["examples"], counts


def lane(size: int, *, derandomize: bool) -> settings:
    """So many examples, kept nowhere between runs."""
    return settings(
        max_examples=size,
        derandomize=derandomize,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def test_random_views_give_the_rows_of_the_interpreter(judge: Judge) -> None:
    hold_together(judge, lane(200, derandomize=True))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_random_views_give_the_rows_of_the_interpreter(judge: Judge, part: int) -> None:
    hold_together(judge, lane(PART_SIZE, derandomize=False), number=part)
