"""What the commands print, and how it looks without a terminal."""

from __future__ import annotations

import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from caremesh.errors import EXIT_INTERNAL, CareMeshError
from caremesh.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console


def print_line(text: str) -> None:
    """A plain line of results: nothing in it is markup, and no line is broken. A file or a pipe gets it as it is."""
    print(printable(text) if is_terminal(sys.stdout) else text)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what goes to a stream; None is one that the shell closed."""
    return stream is not None and stream.isatty()


class ShownText:
    """Standard output for rows: a file or a pipe gets them as they are, a terminal without what would steer it."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out
        self._is_terminal = out.isatty()

    def write(self, text: str) -> int:
        """Write a piece of text."""
        return self._out.write(printable(text) if self._is_terminal else text)


def tell_error(error: BaseException) -> int:
    """Show an error, a user's or one of ours; give its exit code."""
    if isinstance(error, CareMeshError):
        report_error(error)
        return error.exit_code
    report_internal(error)
    return EXIT_INTERNAL


def report_error(error: CareMeshError) -> None:
    """Show an error that a user can mend."""
    from rich.markup import escape

    stderr().print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def report_internal(error: BaseException) -> None:
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
    if not quiet and sys.stderr is not None:
        print(printable(text) if is_terminal(sys.stderr) else text, file=sys.stderr)


def stdout() -> Console:
    """Where results go."""
    return _console(is_terminal(sys.stdout))


def stderr() -> Console:
    """Where progress and errors go."""
    from caremesh.cli.shown_console import ShownConsole

    return ShownConsole(stderr=True)


def _console(is_shown: bool) -> Console:
    from caremesh.cli.shown_console import ShownConsole

    # Tables piped to a file keep every column whole instead of folding at 80.
    return ShownConsole() if is_shown else ShownConsole(width=200)
