"""Changes of the ledger by whoever holds the lake only for that; again where somebody else was faster."""

from __future__ import annotations

from collections.abc import Callable

from caremesh.errors import LakeLockedError
from caremesh.lake.base import Lake
from caremesh.lake.ledger import Ledger

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


def change_ledger(
    lake: Lake,
    change: Callable[[Ledger], Ledger],
    *,
    command: str,
    now: str,
    pause: Callable[[float], None],
    patience: float,
    on_wait: Callable[[str], None] | None = None,
) -> Ledger:
    """Change the ledger as it is now, and give it; wait while another process holds the lake.

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
