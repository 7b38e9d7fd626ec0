"""The installed command `caremesh`, and `python -m caremesh`: how a process of the command line starts and ends."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import IO

_MANY_OBJECTS = 100_000
"""New objects between two looks for unreachable cycles; Python looks every 700, a twentieth of a start's time."""


def enter() -> None:
    """Run the command line, then leave."""
    gc.set_threshold(_MANY_OBJECTS)
    # A lake holds patients' data: what is written is for its owner and group, and nobody else.
    os.umask(0o027)
    code: int | str | None = 0
    try:
        from caremesh.cli import main

        main()
    except SystemExit as stop:
        code = stop.code
    except KeyboardInterrupt:
        # Before anything began; from then on, the command line says what became of the work.
        code = 130
    if isinstance(code, str):
        sys.exit(code)
    _leave(code or 0)


def _leave(code: int) -> None:
    """End the process after its exit handlers, and unload nothing.

    Unloading takes a sixth of a start's time; and where Great Expectations holds on to DuckDB's types, DuckDB's binding
    prints a page about it.
    """
    atexit._run_exitfuncs()
    reason = _flush(sys.stdout)
    if reason and sys.stderr:
        sys.stderr.write(f"error: the end of the output could not be written: {reason}\n")
    _flush(sys.stderr)
    os._exit(1 if reason else code)


def _flush(stream: IO[str] | None) -> str | None:
    """Write out what a stream still holds, if it is open; give the reason where that fails."""
    try:
        if stream and not stream.closed:
            stream.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough.
        return None
    except OSError as error:
        return error.strerror
    return None


if __name__ == "__main__":
    enter()
