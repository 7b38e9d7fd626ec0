"""Ctrl-C: whether it was pressed, whatever the engines at work make of it.

DuckDB ends a query with `RuntimeError`, and Great Expectations and dbt with results that say that something failed: to
look at what was raised is not enough.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_pressed = threading.Event()


@contextmanager
def noticing_interrupts() -> Iterator[None]:
    """Remember an interrupt that comes within the block; it raises KeyboardInterrupt there, as ever."""
    _pressed.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, _notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def was_interrupted() -> bool:
    """Whether an interrupt came since the command began."""
    return _pressed.is_set()


def _notice(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    signal.default_int_handler(number, frame)
