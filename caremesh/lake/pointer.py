"""A product's pointer: which release is current, and every move that made it so.

The newest moves stand in the pointer itself, older ones in a document that it names: whoever reads the pointer reads no
more of it after years than after a week. The document is written before the pointer names it, and never changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from caremesh.errors import LakeError, PublishError

LONGEST_HISTORY, KEPT_MOVES = 100, 50
"""With more moves than the first, a pointer keeps the newest so many. Glue holds 512,000 characters, 80 a move."""

_ATTEMPTS = 3


@dataclass(frozen=True)
class Move:
    """One movement of a product's pointer."""

    release: str
    at: str
    action: Literal["publish", "rollback"]


@dataclass(frozen=True)
class Pointer:
    """Which release of a product is current, and how it came to be so.

    `history` are the newest moves, the last one at the end. `archive` names the document of those before, None where
    there are none. `withdrawn` are the releases that a rollback left: a run does not publish them again by itself.
    `version` is what a lake tells writers apart by, if it must.
    """

    release: str
    history: tuple[Move, ...]
    withdrawn: tuple[str, ...] = ()
    archive: str | None = None
    version: str | None = None

    @property
    def earlier(self) -> tuple[str, ...]:
        """The releases that were current before, the one that was so last first; the current one is not among them."""
        newest_first = dict.fromkeys(move.release for move in reversed(self.history))
        return tuple(release for release in newest_first if release != self.release)

    @property
    def releases(self) -> frozenset[str]:
        """The releases that `history` names."""
        return frozenset(move.release for move in self.history)

    def to_json(self) -> dict[str, Any]:
        """The pointer as a JSON document; its version belongs to the place where it stands."""
        return {name: value for name, value in asdict(self).items() if name != "version"}

    @classmethod
    def from_json(cls, stated: dict[str, Any]) -> Pointer:
        """Read a pointer back; one of an earlier CareMesh holds all its moves itself."""
        return cls(
            release=stated["release"],
            history=moves_from_json(stated["history"]),
            withdrawn=tuple(stated["withdrawn"]),
            archive=stated.get("archive"),
        )


def moves_from_json(stated: list[dict[str, Any]]) -> tuple[Move, ...]:
    """Read moves back."""
    return tuple(Move(**m) for m in stated)


def moves_to_json(moves: tuple[Move, ...]) -> list[dict[str, Any]]:
    """Moves as a JSON document."""
    return [asdict(m) for m in moves]


def shorten_history(
    pointer: Pointer, read_archive: Callable[[str], tuple[Move, ...] | None], *, where: str
) -> tuple[Pointer, tuple[Move, ...]]:
    """The pointer as it is to be stored, and the moves for the document that it names; none where none is needed.

    `read_archive` gives the moves in a document by its name. Raises LakeError where that of older moves is gone.
    """
    # Candidates are told by the newest publication, which therefore stays at hand.
    published = max((n for n, move in enumerate(pointer.history) if move.action == "publish"), default=0)
    cut = min(len(pointer.history) - KEPT_MOVES, published)
    if len(pointer.history) <= LONGEST_HISTORY or cut == 0:
        return pointer, ()
    older = read_archive(pointer.archive) if pointer.archive else ()
    if older is None:
        raise _gone(where)
    moves = (*older, *pointer.history[:cut])
    name = hashlib.sha256(json.dumps(moves_to_json(moves)).encode()).hexdigest()[:12]
    return replace(pointer, history=pointer.history[cut:], archive=name), moves


def complete_history(
    read: Callable[[], Pointer | None], read_archive: Callable[[str], tuple[Move, ...] | None], *, where: str
) -> Pointer | None:
    """The pointer with all its moves; None where nothing was ever published.

    Raises LakeError where the document of the older ones is gone.
    """
    pointer = read()
    for _ in range(_ATTEMPTS):
        if pointer is None or pointer.archive is None:
            return pointer
        older = read_archive(pointer.archive)
        if older is not None:
            return replace(pointer, history=(*older, *pointer.history), archive=None)
        # Whoever moves the pointer to another document removes the one before.
        pointer = read()
    raise _gone(where)


def move_forward(before: Pointer | None, release: str, *, at: str) -> Pointer:
    """The pointer after a release was made current."""
    move = Move(release, at, "publish")
    if before is None:
        return Pointer(release, (move,))
    withdrawn = tuple(r for r in before.withdrawn if r != release)
    return Pointer(release, (*before.history, move), withdrawn, before.archive)


def move_back(product_id: str, before: Pointer | None, release: str | None, *, at: str) -> Pointer:
    """The pointer after a rollback to `release`, or to the one before the current, which is withdrawn.

    `before` has its complete history. Raises PublishError where there is nothing to go back to.
    """
    if before is None:
        raise PublishError(f"{product_id} was never published", hint="caremesh run first")
    target = release or _previous(product_id, before)
    if target == before.release:
        raise PublishError(f"{target} is the current release of {product_id} already")
    withdrawn = tuple(r for r in dict.fromkeys((*before.withdrawn, before.release)) if r != target)
    return Pointer(target, (*before.history, Move(target, at, "rollback")), withdrawn, before.archive)


def retirable(pointer: Pointer, *, keep: int, before: str) -> tuple[str, ...]:
    """Releases that nobody needs any more: beyond the newest `keep`, and left by the pointer before a time.

    The pointer has its complete history, here and in what follows.
    """
    left: dict[str, str] = {}
    for move, following in pairwise(pointer.history):
        left.pop(move.release, None)
        left[move.release] = following.at
    left.pop(pointer.release, None)
    newest_first = sorted(left, key=lambda release: left[release], reverse=True)
    return tuple(release for release in newest_first[max(keep - 1, 0) :] if left[release] < before)


def without(pointer: Pointer, releases: Collection[str]) -> Pointer:
    """The pointer, once some releases are no longer there to go back to."""
    return replace(
        pointer,
        history=tuple(m for m in pointer.history if m.release not in releases),
        withdrawn=tuple(r for r in pointer.withdrawn if r not in releases),
    )


def renamed(pointer: Pointer, names: Mapping[str, str]) -> Pointer:
    """The pointer, once some releases stand under other names."""
    return replace(
        pointer,
        release=names.get(pointer.release, pointer.release),
        history=tuple(replace(m, release=names.get(m.release, m.release)) for m in pointer.history),
        withdrawn=tuple(names.get(r, r) for r in pointer.withdrawn),
    )


def _previous(product_id: str, pointer: Pointer) -> str:
    earlier = [m.release for m in pointer.history if m.release not in (pointer.release, *pointer.withdrawn)]
    if not earlier:
        raise PublishError(f"{product_id} has no release before {pointer.release}", hint="nothing to go back to")
    return earlier[-1]


def _gone(where: str) -> LakeError:
    return LakeError(
        "the document of the pointer's older moves is gone, or was replaced meanwhile",
        where=where,
        hint="run again; if that does not help, restore the folder `moves` from a backup",
    )
