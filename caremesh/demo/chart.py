"""The chart: takes a patient's resources and hands on those that an export's window holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import orjson

from caremesh.demo.clock import instant
from caremesh.demo.plan import Window

Json = dict[str, Any]
Sink = Callable[[str, bytes], None]


def new_id(rng: Random) -> str:
    """Draw a resource id shaped like a UUID."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Chart:
    """Writes resources as lines of JSON to a sink, leaving out what changed before or after the window.

    A history is drawn without regard to the window, and only here is it cut. So a base export and its increments
    always tell one story: an increment is exactly what changed after the export before it.
    """

    __slots__ = ("_since", "_sink", "_until", "base")

    def __init__(self, sink: Sink, window: Window) -> None:
        self._sink = sink
        self.base = window.base
        self._since, self._until = window.since, window.until

    def reached(self, moment: int) -> bool:
        """Tell whether a moment lies before the end of the window: what comes later is not known yet."""
        return moment <= self._until

    def add(
        self, resource_type: str, resource_id: str, recorded: int, fields: Json, *, tags: Sequence[Json] = ()
    ) -> None:
        """Add a resource that was recorded once and never changed."""
        if self._since < recorded <= self._until:
            self._write(resource_type, resource_id, recorded, 1, fields, tags)

    def add_changed(self, resource_type: str, resource_id: str, changes: Sequence[int], fields: Json) -> None:
        """Add a resource that was recorded at the first of `changes` (in order) and changed at the others.

        `fields` is its state at the last change that the window reached.
        """
        reached = [moment for moment in changes if moment <= self._until]
        if reached and reached[-1] > self._since:
            seen_by_base = sum(moment <= self.base for moment in reached) or 1
            self._write(resource_type, resource_id, reached[-1], 1 + len(reached) - seen_by_base, fields)

    def _write(
        self,
        resource_type: str,
        resource_id: str,
        recorded: int,
        version: int,
        fields: Json,
        tags: Sequence[Json] = (),
    ) -> None:
        # The milliseconds come from the id: they look drawn, and cost no draw.
        stamp = instant(recorded, int(resource_id[-4:], 16) % 1000)
        head: Json = {
            "resourceType": resource_type,
            "id": resource_id,
            "meta": {"versionId": str(version), "lastUpdated": stamp},
        }
        if tags:
            head["meta"]["tag"] = list(tags)
        self._sink(resource_type, orjson.dumps(head | fields, option=orjson.OPT_APPEND_NEWLINE))
