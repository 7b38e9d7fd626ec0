"""Ctrl-C while dbt works: its queries are cancelled until it has come to its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_PAUSE = 0.2
"""Seconds between two looks for queries to cancel."""


@contextmanager
def cancelling_on_interrupt() -> Iterator[None]:
    """Within the block, have an interrupt cancel every query of dbt, also those that its threads begin afterwards.

    dbt itself cancels once and then waits for its threads: a query that began a moment later would run to its end.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    ended = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=_cancel_until, args=(ended,), daemon=True).start()
        before(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        ended.set()
        signal.signal(signal.SIGINT, before)


def _cancel_until(ended: threading.Event) -> None:
    from dbt.adapters.factory import FACTORY

    while not ended.wait(_PAUSE):
        for adapter in list(FACTORY.adapters.values()):
            # A connection may close at this moment, and then there is nothing to cancel.
            with suppress(Exception):
                adapter.connections.cancel_open()
