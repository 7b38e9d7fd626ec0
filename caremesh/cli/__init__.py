"""The command line: the only package that prints, reads the environment and the clock, and gives exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from caremesh.cli import completeness, export, quarantine, view
from caremesh.cli.erase import erase
from caremesh.cli.files import files
from caremesh.cli.interrupts import noticing_interrupts, was_interrupted
from caremesh.cli.mesh import app
from caremesh.cli.output import stderr, tell_error
from caremesh.errors import EXIT_INTERRUPTED

__all__ = ["app", "main"]

app.command()(erase)
app.add_typer(view.app, name="view")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(export.app, name="export")
app.command()(completeness.incomplete)
app.command()(files)


def main() -> None:
    """Run the command line; turn every error into its message and exit code."""
    with noticing_interrupts():
        code = _call()
    if code == EXIT_INTERRUPTED:
        stderr().print(
            "interrupted: everything that was finished is kept, and the same command again goes on from there",
            soft_wrap=True,
        )
    sys.exit(code)


def _call() -> int:
    try:
        return int(app(standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:
        if was_interrupted():
            return EXIT_INTERRUPTED
        # Wrong usage comes as click's own exception, which knows how to show itself.
        show: Callable[[], None] | None = getattr(error, "show", None)
        if show is None:
            return tell_error(error)
        show()
        return int(getattr(error, "exit_code", 2))
