"""What people decided on quarantined lines: a line was replayed, or discarded with a reason.

A decision is about a line, whichever products refuse it, and stands in the ledger, so that it survives every rebuild.
It is bound to the line's text: where a file of the same name comes with other lines, nothing of it is decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Decided = Mapping[tuple[str, str, str], Sequence["Decision"]]
"""Decisions by export, file and text."""


@dataclass(frozen=True)
class Decision:
    """What was decided on one quarantined line; `by` is the export that a replayed one went into.

    `line` is None where nobody knows the number, as Athena reads lines without; `text` is the digest of its text.
    """

    export: str
    file: str
    line: int | None
    text: str
    action: Literal["replayed", "discarded"]
    reason: str
    at: str
    by: str | None = None


def index_decisions(decisions: Iterable[Decision]) -> Decided:
    """The decisions, to be found by line."""
    index: dict[tuple[str, str, str], list[Decision]] = {}
    for decision in decisions:
        index.setdefault((decision.export, decision.file, decision.text), []).append(decision)
    return index


def find_decision(index: Decided, *, export: str, file: str, line: int | None, text: str) -> Decision | None:
    """The decision on a line; None where it is open. Without a number, lines of the same text are decided as one."""
    same_text = index.get((export, file, text), ())
    return next((d for d in same_text if line is None or d.line is None or d.line == line), None)
