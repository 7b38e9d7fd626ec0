"""The history of a pointer: short where it stands, and whole where somebody asks for all of it."""

from __future__ import annotations

import json
import random

import pytest

from caremesh.errors import LakeError
from caremesh.lake.pointer import (
    KEPT_MOVES,
    LONGEST_HISTORY,
    Move,
    Pointer,
    complete_history,
    move_back,
    move_forward,
    moves_from_json,
    moves_to_json,
    shorten_history,
    without,
)


class Stored:
    """A pointer as a lake keeps it: as JSON, and its documents by name."""

    def __init__(self) -> None:
        self.pointer: str | None = None
        self.documents: dict[str, str] = {}

    def read(self) -> Pointer | None:
        return Pointer.from_json(json.loads(self.pointer)) if self.pointer else None

    def read_moves(self, name: str) -> tuple[Move, ...] | None:
        return moves_from_json(json.loads(self.documents[name])) if name in self.documents else None

    def complete(self) -> Pointer | None:
        return complete_history(self.read, self.read_moves, where="here")

    def write(self, pointer: Pointer) -> None:
        short, older = shorten_history(pointer, self.read_moves, where="here")
        if older:
            assert short.archive
            self.documents[short.archive] = json.dumps(moves_to_json(older))
        self.pointer = json.dumps(short.to_json())


@pytest.mark.parametrize("seed", range(5))
def test_no_move_is_ever_lost_and_the_pointer_stays_short(seed: int) -> None:
    dice, stored = random.Random(seed), Stored()
    expected: list[tuple[str, str]] = []
    for number in range(400):
        names = {release for release, _ in expected}
        now = stored.read()
        others = sorted(names - {now.release}) if now else []
        if others and dice.random() < 0.1:
            back = dice.choice(others)
            stored.write(move_back("a.b", stored.complete(), back, at=str(number)))
            expected.append((back, "rollback"))
        elif len(others) > 3 and dice.random() < 0.02:
            gone = set(dice.sample(others, 2))
            complete = stored.complete()
            assert complete
            stored.write(without(complete, gone))
            expected = [move for move in expected if move[0] not in gone]
        else:
            stored.write(move_forward(now, f"r{number}", at=str(number)))
            expected.append((f"r{number}", "publish"))
        now, complete = stored.read(), stored.complete()
        assert now
        assert complete
        assert len(now.history) <= LONGEST_HISTORY
        assert [(m.release, m.action) for m in complete.history] == expected
        assert (now.release, now.withdrawn) == (complete.release, complete.withdrawn)
        assert any(m.action == "publish" for m in now.history)


def test_a_pointer_of_an_earlier_caremesh_is_shortened_by_its_next_move() -> None:
    stored = Stored()
    moves = [{"release": f"r{n}", "at": "2026-01-01T00:00:00Z", "action": "publish"} for n in range(6400)]
    stored.pointer = json.dumps({"release": "r6399", "history": moves, "withdrawn": ["r7"]})
    before = stored.complete()
    assert before
    stored.write(move_forward(stored.read(), "new", at="2026-02-01T00:00:00Z"))
    now, after = stored.read(), stored.complete()
    assert now
    assert after
    assert (len(now.history), now.withdrawn) == (KEPT_MOVES, ("r7",))
    assert after.history == (*before.history, Move("new", "2026-02-01T00:00:00Z", "publish"))
    assert len(stored.pointer) < 8000


def test_after_rollbacks_alone_the_newest_publication_is_still_at_hand() -> None:
    moves = [Move("a", "1", "publish"), Move("b", "2", "publish")]
    moves += [Move("ab"[n % 2], "3", "rollback") for n in range(300)]
    short, older = shorten_history(Pointer("b", tuple(moves)), lambda _: None, where="here")
    assert [m.action for m in short.history[:2]] == ["publish", "rollback"]
    assert [m.release for m in older] == ["a"]


def test_a_document_that_is_gone_is_an_error_and_no_shorter_history() -> None:
    pointer = Pointer("r", tuple(Move(f"r{n}", "1", "publish") for n in range(LONGEST_HISTORY + 1)), archive="gone")
    with pytest.raises(LakeError, match="document of the pointer's older moves is gone"):
        shorten_history(pointer, lambda _: None, where="here")
    with pytest.raises(LakeError, match="document of the pointer's older moves is gone"):
        complete_history(lambda: pointer, lambda _: None, where="here")


def test_a_reader_who_meets_a_document_that_was_just_replaced_reads_the_pointer_again() -> None:
    old, new = Pointer("a", (Move("a", "2", "publish"),), archive="x"), Pointer("b", (Move("b", "3", "publish"),))
    found = iter([old, replaced := new])
    assert complete_history(lambda: next(found), lambda _: None, where="here") == replaced
