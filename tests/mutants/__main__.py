"""`python -m tests.mutants`: has every fault made and tells which of them the tests notice; `--check` only reads them.

Exit code 1 where a fault survives, where a test file fails without any, or where a fault cannot be made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests import scale
from tests.mutants.fault import LEAST, Fault, read_faults
from tests.mutants.run import Result, judge

CI_SCALE = "5"


def main(arguments: Sequence[str]) -> int:
    """Read the command line, and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--check", action="store_true", help="only see whether every fault can be made")
    parser.add_argument("--scale", default=CI_SCALE, help="size of the tests, in per cent of the full one")
    parser.add_argument("--seeds", type=int, default=1, help="so many seeds for each fault")
    parser.add_argument("--at-once", type=int, default=2, help="so many at a time")
    parser.add_argument("names", nargs="*", help="only these faults")
    options = parser.parse_args(arguments)
    faults = [f for f in read_faults() if not options.names or f.name in options.names]
    problems = [f"tests/mutants/faults/{f.name}.toml: {p}" for f in faults if (p := f.problem())]
    if not options.names and len(faults) < LEAST:
        problems.append(f"{len(faults)} faults, {LEAST} at least")
    if problems or options.check:
        print("\n".join(problems))  # noqa: T201
        return bool(problems)
    return _run(faults, size=options.scale, seeds=options.seeds, at_once=options.at_once)


def _run(faults: Sequence[Fault], *, size: str, seeds: int, at_once: int) -> int:
    """Judge every fault with every seed; and the code as it is, as a test that fails anyway notices nothing."""
    first = scale.seed()
    asked: list[tuple[Fault | None, str, int]] = [(None, test, first) for test in sorted({f.test for f in faults})]
    asked += [(fault, fault.test, first + n) for n in range(seeds) for fault in faults]
    bad = 0
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(at_once) as pool:
        jobs = [
            pool.submit(judge, fault, test, seed=seed, size=size, folder=Path(home) / str(number))
            for number, (fault, test, seed) in enumerate(asked)
        ]
        for job in as_completed(jobs):
            bad += _tell(job.result())
    print(f"{len(asked) - bad} as they should be, {bad} not: scale {size}, first seed {first}")  # noqa: T201
    return bool(bad)


def _tell(result: Result) -> bool:
    """Print one result; true where it is not as it should be."""
    is_good = result.ending == ("killed" if result.fault else "survived")
    what = result.fault or f"(no fault) {result.test}"
    mark = "ok    " if is_good else "AMISS "
    ending = result.ending if result.fault or not is_good else "passed"
    print(f"{mark} {ending:10} {result.seconds:6.1f} s  {what}: {result.last_line[:100]}", flush=True)  # noqa: T201
    return not is_good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
