"""Changing the ledger as it stands, whoever else is at it."""

from __future__ import annotations

from collections.abc import Callable

from caremesh.errors import LakeLockedError
from caremesh.lake.base import Lake
from caremesh.lake.ledger import Ledger

ATTEMPTS = 5
"""So many times a change is made anew where another run replaced the ledger meanwhile."""


def change_ledger(lake: Lake, change: Callable[[Ledger], Ledger]) -> Ledger:
    """Read the ledger, change it and write it; the change is made anew where another run was faster."""
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
