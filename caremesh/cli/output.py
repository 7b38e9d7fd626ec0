"""What the commands print, and how it looks without a terminal."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from caremesh.errors import CareMeshError

if TYPE_CHECKING:
    from rich.console import Console


def print_line(text: str) -> None:
    """A plain line of results: nothing in it is markup, and no line is broken."""
    print(text)


def report_error(error: CareMeshError) -> None:
    """Show an error that a user can mend."""
    from rich.markup import escape

    stderr().print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def report_internal(error: Exception) -> None:
    """Show where an error of ours came up, and its kind. Its text is withheld: it may quote a row."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    stderr().print(frames, highlight=False, markup=False, soft_wrap=True)
    stderr().print(
        f"[bold red]internal error:[/] {type(error).__name__}; its text is withheld, because it may quote a row. "
        "Please report the lines above.",
        highlight=False,
        soft_wrap=True,
    )


def own_name() -> str:
    """How the user called us, if that works from here: a venv's script is often not on PATH."""
    called = Path(sys.argv[0])
    with suppress(ValueError):
        called = called.resolve().relative_to(Path.cwd().resolve())
    return str(called)


def say(text: str, quiet: bool = False) -> None:
    """A line about the work, beside the results, unless it is not wanted."""
    if not quiet:
        print(text, file=sys.stderr)


def stdout() -> Console:
    """Where results go."""
    return _console(sys.stdout.isatty())


def stderr() -> Console:
    """Where progress and errors go."""
    from rich.console import Console

    return Console(stderr=True)


def _console(is_terminal: bool) -> Console:
    from rich.console import Console

    # Tables piped to a file keep every column whole instead of folding at 80.
    return Console() if is_terminal else Console(width=200)
