"""The quarantine of a release as it is read: its lines, and how many of them are still open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from caremesh.lake.base import Lake
from caremesh.lake.decisions import Decided, Decision, find_decision, index_decisions
from caremesh.lake.ledger import Ledger
from caremesh.lake.release import Manifest
from caremesh.products import Product

_TEXT = "text-"


@dataclass(frozen=True)
class Refusal:
    """A line that a product could not use, as its release keeps it.

    `text` is the digest of its text; `raw` the text itself, empty where nobody asked for it, and in no `repr`.
    """

    product: str
    release: str
    export: str
    file: str
    line: int | None
    reason: str
    text: str
    raw: str = field(default="", repr=False)

    @property
    def number(self) -> str:
        """The line's number; where nobody knows it, what its text is told by."""
        return name_line(self.line, self.text)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells the line from all others, whichever product refuses it."""
        return self.export, self.file, self.number


@dataclass(frozen=True)
class Counts:
    """How many lines of a release stand in quarantine, and on how many of them somebody decided."""

    quarantined: int
    decided: int

    @property
    def open(self) -> int:
        """Lines that still wait for a decision."""
        return self.quarantined - self.decided


def name_line(line: int | None, text: str) -> str:
    """How people call a line within its file."""
    return f"{_TEXT}{text}" if line is None else str(line)


def newest_release(lake: Lake, product: Product) -> Manifest | None:
    """The release whose quarantine counts: the candidate that stands aside, else the current one."""
    return next(iter(lake.candidates(product)), None) or lake.current(product)


def read_refusals(lake: Lake, product: Product, manifest: Manifest, *, raw: bool) -> Iterator[Refusal]:
    """The lines that a release could not use, a batch at a time; their text only where `raw` says so."""
    from caremesh.lake.quarantine_parts import read_batches

    if not manifest.quarantined:
        return
    for part in lake.quarantine_parts(product, manifest):
        for batch in read_batches(part, raw=raw):
            for row in batch.to_pylist():
                yield Refusal(
                    product=product.id,
                    release=manifest.release,
                    export=row["export"],
                    file=row["file"],
                    line=row["line"],
                    reason=row["reason"],
                    text=row["digest"],
                    raw=row["raw"] or "",
                )


def decision_on(index: Decided, refusal: Refusal) -> Decision | None:
    """The decision on a line; None where it is open."""
    return find_decision(index, export=refusal.export, file=refusal.file, line=refusal.line, text=refusal.text)


def count_decided(lake: Lake, product: Product, manifest: Manifest, ledger: Ledger) -> Mapping[tuple[str, str], int]:
    """On how many quarantined lines of each file somebody decided, by export and file.

    The quarantine is read only where there is a decision on a file of it.
    """
    about = {(d.export, d.file) for d in ledger.decisions}
    if not any(i.quarantined and (i.export, i.name) in about for i in manifest.inputs):
        return {}
    index = index_decisions(ledger.decisions)
    refusals = read_refusals(lake, product, manifest, raw=False)
    return Counter((r.export, r.file) for r in refusals if decision_on(index, r))


def count_quarantine(lake: Lake, product: Product, manifest: Manifest, ledger: Ledger) -> Counts:
    """How many lines of a release are quarantined, and how many of them are decided upon."""
    return Counts(manifest.quarantined, sum(count_decided(lake, product, manifest, ledger).values()))


def read_newest(lake: Lake, products: Iterable[Product], ledger: Ledger, *, raw: bool) -> Iterator[Refusal]:
    """The lines that the newest releases of these products could not use, of files that the ledger still lists.

    What came with an export that was dropped, or replaced, is not to be decided on: the next run knows nothing of it.
    """
    landed = {(f.export, f.name): f.digest for e in ledger.exports for f in e.files}
    for product in products:
        manifest = newest_release(lake, product)
        if manifest:
            stated = {(i.export, i.name): i.digest for i in manifest.inputs}
            for refusal in read_refusals(lake, product, manifest, raw=raw):
                place = (refusal.export, refusal.file)
                if stated[place] == landed.get(place):
                    yield refusal
