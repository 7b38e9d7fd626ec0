"""The command line: the only package that prints, reads the environment and the clock, and gives exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from caremesh.cli import completeness, export, quarantine, view
from caremesh.cli.erase import erase
from caremesh.cli.files import files
from caremesh.cli.mesh import app
from caremesh.cli.output import report_error, report_internal, stderr
from caremesh.errors import CareMeshError

__all__ = ["app", "main"]

app.command()(erase)
app.add_typer(view.app, name="view")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(export.app, name="export")
app.command()(completeness.incomplete)
app.command()(files)


def main() -> None:
    """Run the command line; turn every CareMeshError into its message and exit code."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except CareMeshError as error:
        report_error(error)
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        stderr().print("interrupted; the same command again completes the rest")
        sys.exit(130)
    except Exception as error:
        # Wrong usage comes as click's own exception, which knows how to show itself.
        show: Callable[[], None] | None = getattr(error, "show", None)
        if show is not None:
            show()
            sys.exit(getattr(error, "exit_code", 2))
        report_internal(error)
        sys.exit(1)
