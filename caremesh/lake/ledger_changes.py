"""Changes of the ledger as it stands: by who holds the lake, or by who holds it only for that."""

from __future__ import annotations

from collections.abc import Callable

from caremesh.errors import LakeLockedError
from caremesh.lake.base import Lake
from caremesh.lake.ledger import Ledger

ATTEMPTS = 5
"""So many times a change is made anew where another run replaced the ledger meanwhile."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


def change_held_ledger(lake: Lake, change: Callable[[Ledger], Ledger]) -> Ledger:
    """Read the ledger of a lake that the caller holds, change it and write it, and give it.

    A lake in S3 is held by nobody in full: the change is made anew where another run was faster.
    """
    attempt = 1
    while True:
        ledger = change(lake.read_ledger())
        try:
            lake.write_ledger(ledger)
            return ledger
        except LakeLockedError:
            if attempt == ATTEMPTS:
                raise
        attempt += 1


def hold_and_change_ledger(
    lake: Lake,
    change: Callable[[Ledger], Ledger],
    *,
    command: str,
    now: str,
    pause: Callable[[float], None],
    patience: float,
    on_wait: Callable[[str], None] | None = None,
) -> Ledger:
    """Hold the lake, change its ledger as it is then, and give it; wait while another process holds the lake.

    `change` is called anew for each attempt, with the ledger that it would replace. Raises LakeLockedError where the
    lake was held for more than `patience` seconds.
    """
    waited, seconds = 0.0, _FIRST_PAUSE
    while True:
        try:
            with lake.hold(command=command, since=now):
                changed = change(lake.read_ledger())
                lake.write_ledger(changed)
                return changed
        except LakeLockedError as locked:
            if waited >= patience:
                raise
            if on_wait and not waited:
                on_wait(f"{locked.message}: waiting for it")
        pause(seconds)
        waited, seconds = waited + seconds, min(seconds * 2, _LONGEST_PAUSE)
