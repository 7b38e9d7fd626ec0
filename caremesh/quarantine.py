"""What people do with quarantined lines: look at them, give them up for a reason, and take that back.

Decisions stand in the ledger, and are made under the lake's lock. `caremesh.replay` lands lines again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from caremesh.aws import Aws
from caremesh.errors import UsageError
from caremesh.lake.base import Lake
from caremesh.lake.decisions import Decision, index_decisions
from caremesh.lake.ledger import Ledger
from caremesh.lake.ledger_changes import change_held_ledger
from caremesh.lake.opening import open_lake
from caremesh.lake.quarantine import Refusal, decision_on, name_line, read_newest
from caremesh.pipeline import writing
from caremesh.products import Product, find_domains, select_products
from caremesh.settings import Settings

_SHOWN_NAMES = 8


@dataclass(frozen=True)
class Selection:
    """Which quarantined lines are meant; a part that is None leaves all of them. `lines` are as people call them."""

    product: str | None = None
    export: str | None = None
    file: str | None = None
    lines: tuple[str, ...] = ()
    reason_like: str | None = None

    def takes(self, refusal: Refusal) -> bool:
        """Whether a line is among them; which products are read decides on `product`."""
        return (
            self.export in (None, refusal.export)
            and self.file in (None, refusal.file)
            and self.names(refusal.line, refusal.text)
            and (self.reason_like is None or self.reason_like.lower() in refusal.reason.lower())
        )

    def names(self, line: int | None, text: str) -> bool:
        """Whether a line of the file is among those that are named; all are where none is."""
        return not self.lines or not {name_line(line, text), name_line(None, text)}.isdisjoint(self.lines)


@dataclass(frozen=True)
class Judged:
    """A line that a product could not use, and what was decided on it; None where it is open."""

    refusal: Refusal
    decision: Decision | None


def read_quarantine(settings: Settings, selection: Selection, *, raw: bool = False) -> Iterator[Judged]:
    """The selected lines, open and decided, of the newest release of each product, on demand with their text."""
    lake = open_lake(settings, Aws(settings.aws))
    lake.require()
    return read_judged(lake, chosen_products(settings, selection), selection, raw=raw)


def read_open(settings: Settings, selection: Selection, *, raw: bool = False) -> Iterator[Refusal]:
    """The selected lines that are open, each once, whichever products refuse it."""
    return open_once(read_quarantine(settings, selection, raw=raw))


def discard(settings: Settings, selection: Selection, *, reason: str, command: str) -> int:
    """Give the selected open lines up, for a reason; give how many. Raises UsageError where a named one is not open."""
    with holding(settings, command) as lake:
        judged = read_judged(lake, chosen_products(settings, selection), selection, raw=False)
        chosen = list(open_once(judged))
        _refuse_unknown(settings, selection, {(r.line, r.text) for r in chosen}, "open")
        if chosen:
            made = [decide(r, "discarded", reason=reason, at=settings.now) for r in chosen]
            change_held_ledger(lake, lambda ledger: with_decisions(ledger, made))
        return len(chosen)


def reopen(settings: Settings, selection: Selection, *, command: str) -> tuple[Decision, ...]:
    """Take back what was decided on lines of a file; give it. Raises UsageError where a named one is not decided."""
    with holding(settings, command) as lake:
        ledger = lake.read_ledger()
        taken = tuple(d for d in ledger.decisions if _is_about(selection, d))
        if not taken:
            _refuse_unknown_file(ledger, selection)
        _refuse_unknown(settings, selection, {(d.line, d.text) for d in taken}, "decided")
        if taken:
            change_held_ledger(lake, lambda ledger: _without_decisions(ledger, taken))
        return taken


@contextmanager
def holding(settings: Settings, command: str) -> Iterator[Lake]:
    """The lake, held for writing."""
    lake = open_lake(settings, Aws(settings.aws))
    lake.require()
    with writing(settings, lake, command):
        yield lake


def chosen_products(settings: Settings, selection: Selection) -> tuple[Product, ...]:
    """The products whose quarantine is read."""
    return select_products(find_domains(settings.domains_dir), product=selection.product)


def read_judged(lake: Lake, products: Sequence[Product], selection: Selection, *, raw: bool) -> Iterator[Judged]:
    """The selected lines, with what was decided on them; with their text where `raw` says so."""
    ledger = lake.read_ledger()
    index, found = index_decisions(ledger.decisions), False
    for refusal in read_newest(lake, products, ledger, raw=raw):
        if selection.takes(refusal):
            found = True
            yield Judged(refusal, decision_on(index, refusal))
    if not found:
        _refuse_unknown_file(ledger, selection)


def open_once(judged: Iterable[Judged]) -> Iterator[Refusal]:
    """The lines that are open, each once: of a line that several products refuse, the first one's account."""
    seen = set()
    for refusal in (j.refusal for j in judged if j.decision is None):
        if refusal.key not in seen:
            seen.add(refusal.key)
            yield refusal


def decide(
    refusal: Refusal, action: Literal["replayed", "discarded"], *, reason: str, at: str, by: str | None = None
) -> Decision:
    """What is decided on a line, as the ledger keeps it."""
    return Decision(refusal.export, refusal.file, refusal.line, refusal.text, action, reason, at, by)


def with_decisions(ledger: Ledger, made: Sequence[Decision]) -> Ledger:
    """The ledger with decisions on lines that were open; one that somebody else made meanwhile stays as well."""
    # Where only the answer to an earlier attempt was lost, they stand there already.
    known = set(ledger.decisions)
    return replace(ledger, decisions=(*ledger.decisions, *(d for d in made if d not in known)))


def _without_decisions(ledger: Ledger, taken: Collection[Decision]) -> Ledger:
    return replace(ledger, decisions=tuple(d for d in ledger.decisions if d not in taken))


def _is_about(selection: Selection, decision: Decision) -> bool:
    is_of_file = (decision.export, decision.file) == (selection.export, selection.file)
    return is_of_file and selection.names(decision.line, decision.text)


def _refuse_unknown_file(ledger: Ledger, selection: Selection) -> None:
    """Raise where somebody names an export, or a file of it, that was never landed: it may be a slip of the pen."""
    if selection.export is None:
        return
    export = ledger.export(selection.export)
    if export is None:
        names = _some([e.name for e in ledger.exports])
        raise UsageError(f"no export is called {selection.export!r}", hint=f"one of: {names}")
    files = [f.name for f in export.files]
    if selection.file is not None and selection.file not in files:
        raise UsageError(f"export {export.name!r} has no file {selection.file!r}", hint=f"one of: {_some(files)}")


def _some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join([*names[:_SHOWN_NAMES], *(["…"] if len(names) > _SHOWN_NAMES else [])]) or "none is there"


def _refuse_unknown(
    settings: Settings, selection: Selection, found: Collection[tuple[int | None, str]], state: str
) -> None:
    """Raise where somebody names a line that is not there: it may be a slip of the pen."""
    names = {name for line, text in found for name in (name_line(line, text), name_line(None, text))}
    unknown = [line for line in selection.lines if line not in names]
    if unknown:
        raise UsageError(
            f"line {unknown[0]} is not {state}",
            where=f"{selection.export}/{selection.file}",
            hint=settings.command("quarantine list --lines --all"),
        )
