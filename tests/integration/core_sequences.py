"""A fixed core of landing sequences, chosen so that whatever may happen in one meets everything else that may.

The seeds stand in `core_sequences.txt`, the most telling first. Choose them again where what a seed gives has changed:
`python -m tests.integration.core_sequences`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from tests.integration.landing_model import Export, instant
from tests.integration.landing_sequences import Step, make_sequence

FILE = Path(__file__).with_name("core_sequences.txt")
SIZE, CANDIDATES = 60, 4000
OFTEN_ENOUGH = 3
"""So many sequences of the core should show each pair."""

EVENTS = ("late", "delete", "full", "damage", "gz", "copy", "grown", "forget", "torn")
ENDINGS = ("as it is", "rebuilt", "as it is", "at once")
"""What is compared at the end of a sequence, by the remainder of its seed."""

Pair = tuple[str, str, str]


def core() -> list[int]:
    """The chosen seeds, the most telling first."""
    return [int(line) for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def ending(seed: int) -> str:
    """What is compared at the end."""
    return ENDINGS[seed % len(ENDINGS)]


def pairs_in(seed: int) -> set[Pair]:
    """Which event comes with, and which before, which other one; and each with how the sequence ends."""
    events = list(events_of(make_sequence(seed)[1]))
    found = {(one, "with", other) for now in events for one, other in product(now, now) if one < other}
    for number, earlier in enumerate(events):
        for later in events[number + 1 :]:
            found |= {(one, "before", other) for one, other in product(earlier, later)}
    return found | {(one, "then", ending(seed)) for now in events for one in now}


def all_pairs() -> set[Pair]:
    """Every pair that a sequence could show, though some cannot be."""
    found = {(one, "with", other) for one, other in product(EVENTS, EVENTS) if one < other}
    found |= {(one, "before", other) for one, other in product(EVENTS, EVENTS)}
    return found | {(one, "then", end) for one, end in product(EVENTS, ENDINGS)}


def events_of(steps: Iterable[Step]) -> Iterable[set[str]]:
    """What happens at each landing."""
    known: dict[str, Export] = {}
    for step in steps:
        found = {"forget"} if step.forgotten else set()
        found |= {"torn"} if step.torn else set()
        newest = max((_time(e) for e in known.values()), default="")
        for name, export in step.put.items():
            found |= {"copy"} if "copy" in name else set()
            found |= {"grown"} if name in known and name not in step.forgotten else set()
            found |= {"late"} if newest and _time(export) < newest else set()
            found |= set(_events_in(export))
        known |= step.put
        yield found


def _events_in(export: Export) -> Iterable[str]:
    lines = [line for lines in export.files.values() for line in lines if line.strip()]
    states = {
        "delete": any(export.deleted.values()),
        "full": export.is_full,
        "gz": any(name.endswith(".gz") for name in (*export.files, *export.deleted)),
        "damage": any(not _is_whole(line) for line in lines),
    }
    return (event for event, is_so in states.items() if is_so)


def _time(export: Export) -> str:
    """When an export speaks for; one that does not say it is as late as any."""
    stated = export.manifest["submitted_at"] if export.manifest else None
    return f"{float(instant(stated) or 0):020.6f}" if stated else "9"


def _is_whole(line: str) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and isinstance(found.get("id"), str) and bool(found["id"])


def choose(candidates: Iterable[int], size: int) -> list[int]:
    """So many seeds: always the one that shows most of what was not yet seen often enough."""
    shown = {seed: pairs_in(seed) for seed in candidates}
    seen: Counter[Pair] = Counter()
    chosen: list[int] = []
    for _ in range(size):
        gain = {s: sum(1 / (1 + seen[p]) ** 2 for p in pairs if seen[p] < OFTEN_ENOUGH) for s, pairs in shown.items()}
        best = max(gain, key=lambda seed: (gain[seed], -seed))
        seen.update(shown.pop(best))
        chosen.append(best)
    return chosen


if __name__ == "__main__":
    head = "# Seeds of landing sequences, the most telling first: see core_sequences.py"
    FILE.write_text("\n".join([head, *map(str, choose(range(CANDIDATES), SIZE))]) + "\n", encoding="utf-8")
