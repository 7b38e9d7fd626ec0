"""The installed command `caremesh`, and `python -m caremesh`: how a process of the command line starts and ends."""

from __future__ import annotations

import atexit
import gc
import os
import sys

_MANY_OBJECTS = 100_000
"""New objects between two looks for unreachable cycles; Python looks every 700, a twentieth of a start's time."""


def enter() -> None:
    """Run the command line, then leave.

    Great Expectations keeps hold of DuckDB's types, about which DuckDB's binding prints a page when libraries are
    unloaded. So where it was loaded, the process ends after its exit handlers without unloading anything.
    """
    gc.set_threshold(_MANY_OBJECTS)
    # A lake holds patients' data: what is written is for its owner and group, and nobody else.
    os.umask(0o027)
    from caremesh.cli import main

    code: int | str | None = 0
    try:
        main()
    except SystemExit as stop:
        code = 0 if stop.code is None else stop.code
    if "great_expectations" in sys.modules and isinstance(code, int):
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    enter()
