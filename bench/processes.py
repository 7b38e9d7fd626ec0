"""Times whole processes by the operating system's own account of them."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception)\b.*:.*")
_LONGEST_REASON = 200
_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Cost:
    """What a process took: CPU seconds (user and system), wall seconds, peak resident megabytes of its largest part."""

    cpu: float
    wall: float
    peak_mb: float


@dataclass(frozen=True)
class Command:
    """A process to start: its words, and what it has in its environment besides."""

    words: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    # Exit codes of a process that did its work.
    good: tuple[int, ...] = (0,)
    # What it reads: read once before the clock starts, so that it finds all of it in the page cache.
    reads: tuple[Path, ...] = ()


class ProcessFailed(Exception):
    """A process ended badly; the text is what it said last about why."""


def measure(command: Command, *, log: Path, timeout: float = 900) -> Cost:
    """Run a command to its end, its output into `log`; raise ProcessFailed where it fails or takes too long.

    Python's bytecode is cached, whatever the environment says: users start no program that is compiled each time.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    log.parent.mkdir(parents=True, exist_ok=True)
    report = log.with_suffix(".json")
    report.unlink(missing_ok=True)
    for file in command.reads:
        _read_through(file)
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-I", "-S", str(_LAUNCH), str(report), *command.words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=inherited | dict(command.environment),
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ProcessFailed(f"no end after {timeout:.0f} s") from None
        finally:
            _end(process)
    if code not in command.good:
        raise ProcessFailed(_reason(log, code))
    return Cost(**json.loads(report.read_text()))


@dataclass(frozen=True)
class Measured:
    """Medians over the rounds by command, and what a command that failed said."""

    rounds: int
    costs: Mapping[str, Cost]
    failures: Mapping[str, str]


def measure_interleaved(
    commands: Mapping[str, Command], *, rounds: int, logs: Path, deadline: float = math.inf
) -> Measured:
    """Run every command once a round, in turn; one that fails has no cost and is left out from then.

    After the first round, none begins that would not end before `deadline` (of `time.monotonic`).
    """
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    failures: dict[str, str] = {}
    done, last = 0, 0.0
    while (done < rounds and time.monotonic() + last < deadline) or not done:
        started = time.monotonic()
        for name in [n for n in commands if n not in failures]:
            try:
                taken[name].append(measure(commands[name], log=logs / f"{name}.log"))
            except ProcessFailed as failure:
                failures[name] = str(failure)
        done, last = done + 1, time.monotonic() - started
    return Measured(done, {name: _median(costs) for name, costs in taken.items() if name not in failures}, failures)


def _median(costs: Sequence[Cost]) -> Cost:
    """Give the medians of CPU and wall, and the highest peak."""
    return Cost(
        cpu=statistics.median(c.cpu for c in costs),
        wall=statistics.median(c.wall for c in costs),
        peak_mb=max(c.peak_mb for c in costs),
    )


def _read_through(file: Path) -> None:
    buffer = bytearray(1 << 20)
    with file.open("rb", buffering=0) as source:
        while source.readinto(buffer):
            pass


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is still running of a process and its children: after a time-out, or when the benchmark is stopped."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _reason(log: Path, code: int) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    said = (errors or lines or ["nothing"])[-1]
    return f"exit code {code}: {said[:_LONGEST_REASON]}"
