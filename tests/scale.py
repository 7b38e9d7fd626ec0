"""How large random and repeated tests are, and what they draw: the one place that reads the two variables for it.

`CAREMESH_TEST_SCALE` is per cent of the full size: 100 in `make soak`, 5 in `.ci/run`, 1 where nothing is set.
`CAREMESH_TEST_SEED` is the number that all draws start from. It follows the commit: the same commit repeats, and each
commit draws anew. A seed that ever failed goes into `tests/found_seeds/<net>.txt` and runs first from then on.
"""

from __future__ import annotations

import hashlib
import math
import os
import random
import subprocess
from fractions import Fraction
from functools import cache
from pathlib import Path

SCALE = "CAREMESH_TEST_SCALE"
SEED = "CAREMESH_TEST_SEED"
SHRINK = "CAREMESH_TEST_SHRINK"
DEFAULT_SCALE = "1"
SEED_WITHOUT_COMMIT = 1

ROOT = Path(__file__).resolve().parent.parent
FOUND_SEEDS = Path(__file__).with_name("found_seeds")


def scale() -> Fraction:
    """Per cent of the full size, above 0."""
    stated = os.environ.get(SCALE) or DEFAULT_SCALE
    try:
        found = Fraction(stated)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if found <= 0:
        raise ValueError(f"{SCALE}={stated} is not a per cent above 0. Try: {SCALE}=5")
    return found


def share(full: int, *, least: int = 1) -> int:
    """How many of the cases of a full run there are at this scale; at least so many, where the full run has them."""
    return max(min(least, full), math.ceil(full * scale() / 100))


def stride(*, most: int) -> int:
    """Which of a row of cases are tried: each one in a full run, else each so-manyth."""
    return min(most, math.ceil(100 / scale()))


def is_soak() -> bool:
    """Whether this run has the full sizes."""
    return scale() >= 100


def seed() -> int:
    """The number that all draws of this run start from."""
    stated = os.environ.get(SEED)
    if not stated:
        return _seed_of_commit()
    if not (stated.isascii() and stated.isdigit()):
        raise ValueError(f"{SEED}={stated} is not a whole number. Try: {SEED}=1")
    return int(stated)


def settle_seed() -> None:
    """Have this process and those that it starts draw from one seed, also where a commit comes in between."""
    os.environ[SEED] = str(seed())


def dice(net: str) -> random.Random:
    """The random numbers of one net of tests in this run."""
    return random.Random(f"{net} {seed()}")


def draw(net: str, full: int, *, least: int = 1) -> list[int]:
    """The seeds of one net: those that once failed, then new ones, as many as `share` gives.

    A smaller run draws what a larger one of the same seed draws first.
    """
    chance = dice(net)
    return [*found_seeds(net), *(chance.getrandbits(32) for _ in range(share(full, least=least)))]


def shrinks() -> bool:
    """Whether an example that fails is made smaller for a reader; `CAREMESH_TEST_SHRINK=no` where nobody reads it."""
    return os.environ.get(SHRINK) != "no"


def found_seeds(net: str) -> list[int]:
    """The seeds of a net that once failed: one a line, with the reason after `#`."""
    file = FOUND_SEEDS / f"{net}.txt"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    stated = (line.partition("#")[0].strip() for line in lines)
    return [int(number) for number in stated if number]


def repeat_with(test: str, *, net: str = "") -> str:
    """How to run a test (its pytest id) again as it ran here; for a net also where its found seeds are kept."""
    keep = f"\nKeep the seed that failed in tests/found_seeds/{net}.txt" if net else ""
    return f"Repeat with: {SEED}={seed()} {SCALE}={_plain(scale())} pytest -m '' '{test}'{keep}"


def stated() -> str:
    """The scale and the seed of this run in one line."""
    return f"{SCALE}={_plain(scale())} {SEED}={seed()}"


def _plain(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):g}"


@cache
def _seed_of_commit() -> int:
    """Eight hexadecimal digits of the digest of HEAD; a constant in a tree without git."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "-q", "HEAD"]
    try:
        commit = subprocess.run(command, capture_output=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return SEED_WITHOUT_COMMIT
    return int(hashlib.sha256(commit).hexdigest()[:8], 16)


if __name__ == "__main__":
    print(stated())  # noqa: T201
