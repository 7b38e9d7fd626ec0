"""The fixed core of landing sequences shows every pair of events that a sequence can show."""

from __future__ import annotations

from collections import Counter

from tests.integration.core_sequences import OFTEN_ENOUGH, SIZE, all_pairs, core, pairs_in

# A torn landing forgets nothing; what was forgotten, or is a copy, does not grow.
NEVER = {("copy", "with", "grown"), ("forget", "with", "grown"), ("forget", "with", "torn")}


def test_the_core_shows_every_pair_of_events_more_than_once() -> None:
    seen = Counter(pair for seed in core() for pair in pairs_in(seed))
    assert len(core()) == SIZE
    missing = sorted(all_pairs() - NEVER - {pair for pair, count in seen.items() if count >= OFTEN_ENOUGH})
    assert not missing, "choose the core again: python -m tests.integration.core_sequences"
