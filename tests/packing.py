"""How tests are packed on the cores: in groups that stay together, the longest first.

A file is a group. All tests that need Trino are one, so that there is exactly one Trino. `durations.txt` names the
files and tests that take long, in CPU seconds as CI runs them: a test that is named there is a group of its own for
each of its parameters. The numbers need not be exact; they decide what is begun first.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DURATIONS = Path(__file__).with_name("durations.txt")
SECONDS_OF_A_TEST = 0.1
"""What a test takes of which nothing is known."""

TRINO = "trino"


def pytest_configure(config: pytest.Config) -> None:
    """Have xdist keep the order that is made here; by itself it begins with the groups of most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep groups together: xdist 3.8 would write them into ids, which pytest 9.2 no longer lets it change."""
    from xdist.scheduler import LoadScopeScheduling

    class PackedScheduling(LoadScopeScheduling):
        """Gives a worker a group at a time."""

        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return PackedScheduling(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the groups by what they take."""
    groups: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[group_of(item.nodeid)].append(item)
    ordered = sorted(groups.items(), key=lambda group: (-seconds_of(group[0], len(group[1])), group[0]))
    items[:] = [item for _, members in ordered for item in members]


def group_of(nodeid: str) -> str:
    """The name of the group that a test belongs to, by its id: who gives out the tests knows no more of them."""
    file, _, test = nodeid.partition("::")
    if needs_trino(file):
        return TRINO
    return nodeid if f"{file}::{test.partition('[')[0]}" in durations() else file


@cache
def needs_trino(file: str) -> bool:
    """Whether a test file has tests that need Trino."""
    return "mark.athena" in Path(file if Path(file).is_file() else ROOT / file).read_text(encoding="utf-8")


def seconds_of(group: str, tests: int) -> float:
    """What a group takes, or what so many tests take on average."""
    return durations().get(group.partition("[")[0], SECONDS_OF_A_TEST * tests)


@cache
def durations() -> dict[str, float]:
    """CPU seconds of what takes long, by file, test or group."""
    lines = DURATIONS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name: float(seconds) for seconds, name in pairs}
