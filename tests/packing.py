"""How tests are packed on the cores: in groups that stay together, the longest first.

A file is a group. All tests that need Trino are one, so that there is exactly one Trino. `durations.txt` names the
files and tests that take long, in CPU seconds as CI runs them: a test that is named there is a group of its own for
each of its parameters. The numbers need not be exact; they decide what is begun first.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

DURATIONS = Path(__file__).with_name("durations.txt")
SECONDS_OF_A_TEST = 0.1
"""What a test takes of which nothing is known."""

TRINO = "trino"


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist keep the order that is made here; by itself it begins with the groups of most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group, and sort the groups by what they take."""
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[group_of(item)].append(item)
    for name, members in groups.items():
        for item in members:
            item.add_marker(pytest.mark.xdist_group(name))
    ordered = sorted(groups.items(), key=lambda group: (-seconds_of(group[0], len(group[1])), group[0]))
    items[:] = [item for _, members in ordered for item in members]


def group_of(item: pytest.Item) -> str:
    """The name of the group that a test belongs to."""
    if item.get_closest_marker("athena"):
        return TRINO
    file, _, test = item.nodeid.partition("::")
    return item.nodeid if f"{file}::{test.partition('[')[0]}" in durations() else file


def seconds_of(group: str, tests: int) -> float:
    """What a group takes, or what so many tests take on average."""
    return durations().get(group.partition("[")[0], SECONDS_OF_A_TEST * tests)


@cache
def durations() -> dict[str, float]:
    """CPU seconds of what takes long, by file, test or group."""
    lines = DURATIONS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: float(seconds) for seconds, name in pairs}
