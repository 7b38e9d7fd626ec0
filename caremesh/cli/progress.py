"""A bar for one long run of the engine, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

OnConnect = Callable[["duckdb.DuckDBPyConnection"], None]


@contextmanager
def shown_progress(*, is_wanted: bool) -> Iterator[OnConnect]:
    """Show how far the engine has come, where stderr is a terminal; gives what is to be called with its connection."""
    if not (is_wanted and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TimeElapsedColumn
    from rich.text import Text

    watched: list[duckdb.DuckDBPyConnection] = []

    class Percent(ProgressColumn):
        """What the engine says of the statement that it is at."""

        def render(self, task: Task) -> Text:
            percent = max(0.0, watched[0].query_progress()) if watched else 0.0
            task.completed = percent
            return Text(f"{percent:3.0f}%")

    def watch(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("set enable_progress_bar = true; set enable_progress_bar_print = false")
        watched.append(connection)

    columns = (SpinnerColumn(), Percent(), BarColumn(bar_width=28), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task("", total=100)
        try:
            yield watch
        finally:
            watched.clear()
