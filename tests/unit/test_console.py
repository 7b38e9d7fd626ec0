"""What is drawn while something goes on."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from caremesh.console import RunWatcher


def test_a_label_that_looks_like_markup_is_shown_as_it_is() -> None:
    drawn = StringIO()
    watcher = RunWatcher(Console(file=drawn, force_terminal=True, width=120), clock=lambda: 0.0, quiet=False)
    watcher.begin("export", total=0, unit="")
    watcher.advance(0, "[/done] [bold]50%")
    watcher.close()
    assert "[/done] [bold]50%" in drawn.getvalue()
