"""A console of Rich that shows no sign from outside that would steer the terminal; imported to draw something."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from caremesh.terminal import printable


class ShownConsole(Console):
    """Spells out in all that is drawn what a cell, a label or a message did not spell out itself."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What Rich draws; its own control codes come marked as such, and stay."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text)
            yield segment if text == segment.text else Segment(text, segment.style)
