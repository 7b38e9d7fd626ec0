"""Times whole processes by the operating system's own account of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU seconds (user and system), wall seconds, peak resident megabytes."""

    cpu: float
    wall: float
    peak_mb: float


def measure(module: str, arguments: Sequence[str]) -> Cost:
    """Run `python -m module arguments` to its end; raise where it fails."""
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def measure_interleaved(commands: Mapping[str, tuple[str, Sequence[str]]], *, rounds: int) -> dict[str, Cost]:
    """Run each command once a round, in turn, after one round that does not count; give the medians."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for round_number in range(rounds + 1):
        for name, (module, arguments) in commands.items():
            cost = measure(module, arguments)
            if round_number:
                costs[name].append(cost)
    return {
        name: Cost(
            cpu=statistics.median(c.cpu for c in taken),
            wall=statistics.median(c.wall for c in taken),
            peak_mb=max(c.peak_mb for c in taken),
        )
        for name, taken in costs.items()
    }
