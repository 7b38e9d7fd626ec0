"""Decisions on quarantined lines: on which line each one is, and how the ledger keeps them."""

from __future__ import annotations

import hashlib

import pytest

from caremesh.lake.decisions import Decision, find_decision, index_decisions
from caremesh.lake.ledger import LandedExport, Ledger, ledger_from_json, ledger_to_json
from caremesh.quarantine import with_decisions
from caremesh.sources.line_digest import digest_text

TEXT, OTHER = "a" * 16, "b" * 16


def decided(line: int | None, *, text: str = TEXT, by: str | None = None) -> Decision:
    action = "replayed" if by else "discarded"
    return Decision("export", "Patient.ndjson", line, text, action, "because", "2026-01-02T03:04:05Z", by)


@pytest.mark.parametrize(
    ("line", "text", "is_decided"),
    [
        pytest.param(7, TEXT, True, id="the line itself"),
        pytest.param(8, TEXT, False, id="another line with the same text"),
        pytest.param(7, OTHER, False, id="the same number in a file that came anew"),
        pytest.param(None, TEXT, True, id="the line as Athena read it, without a number"),
        pytest.param(None, OTHER, False, id="another line without a number"),
    ],
)
def test_a_decision_is_about_one_line_and_its_text(line: int | None, text: str, is_decided: bool) -> None:
    index = index_decisions([decided(7)])

    found = find_decision(index, export="export", file="Patient.ndjson", line=line, text=text)

    assert (found is not None) == is_decided


def test_a_decision_without_a_number_is_about_every_line_of_its_text() -> None:
    index = index_decisions([decided(None)])

    assert find_decision(index, export="export", file="Patient.ndjson", line=3, text=TEXT)
    assert not find_decision(index, export="export2", file="Patient.ndjson", line=3, text=TEXT)


def test_a_text_is_told_by_the_start_of_its_sha_256() -> None:
    assert digest_text("é\n") == hashlib.sha256("é\n".encode()).hexdigest()[:16]


def test_a_ledger_of_an_earlier_version_has_no_decisions() -> None:
    assert ledger_from_json({"exports": []}) == Ledger()


def test_decisions_survive_in_the_ledger() -> None:
    ledger = Ledger(decisions=(decided(7), decided(None, text=OTHER, by="replay-1")))

    assert ledger_from_json(ledger_to_json(ledger)) == ledger


def test_dropping_a_replay_opens_its_lines_again() -> None:
    exports = tuple(LandedExport(name, "/", "2026-01-02T03:04:05Z", ()) for name in ("export", "replay-1"))
    ledger = Ledger(exports, (decided(1), decided(2, by="replay-1"), decided(3, by="replay-2")))

    assert [d.line for d in ledger.without("replay-1").decisions] == [1, 3]


def test_a_change_whose_answer_was_lost_is_made_once_and_what_others_decided_stays() -> None:
    ours, theirs = [decided(1), decided(2)], decided(3)
    once = with_decisions(Ledger(decisions=(theirs,)), ours)
    assert once.decisions == (theirs, *ours)
    assert with_decisions(once, ours) == once
