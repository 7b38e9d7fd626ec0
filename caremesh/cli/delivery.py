"""How results reach the user: whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from caremesh.errors import UsageError
from caremesh.terminal import printable

_CHUNK = 1 << 20

SafeCsv = Annotated[bool, typer.Option("--safe-csv", help="CSV: disarm texts that a spreadsheet runs as formulas.")]


@contextmanager
def written_aside(output: Path | None, *, scratch: Path) -> Iterator[Path]:
    """Give a path to write to; when the block ends well, what stands there becomes `output`, or goes to stdout (None).

    A file is replaced in one step, so that whoever is killed leaves the old one or the new one.
    """
    place = output.resolve() if output else None
    # What is there and no plain file, such as a pipe or a device, is written to and must not be replaced.
    is_file = place is not None and (place.is_file() or not place.exists())
    if place and not place.parent.is_dir():
        raise UsageError("there is no such folder", where=str(place.parent), hint="make it first")
    aside = place.with_name(f".{place.name}.part") if place and is_file else scratch / "rows"
    try:
        aside.unlink(missing_ok=True)
        yield aside
        if place is None:
            _send_to_stdout(aside)
        elif is_file:
            aside.replace(place)
        else:
            with aside.open("rb") as rows, place.open("wb") as target:
                shutil.copyfileobj(rows, target, _CHUNK)
    finally:
        aside.unlink(missing_ok=True)


def _send_to_stdout(path: Path) -> None:
    sys.stdout.flush()
    try:
        if sys.stdout.isatty():
            with path.open(encoding="utf-8", errors="replace", newline="") as lines:
                while text := lines.read(_CHUNK):
                    sys.stdout.write(printable(text))
            sys.stdout.flush()
            return
        with path.open("rb") as rows:
            shutil.copyfileobj(rows, sys.stdout.buffer, _CHUNK)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough. Python would complain again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
