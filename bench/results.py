"""What a run of the benchmark found, and the ratios that limits are set on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.compare import Verdict
from bench.data import DAMAGED_VIEW, LARGE_VIEW, START_VIEW, VIEWS
from bench.peers import PEERS, Environment, Peer
from bench.processes import Measured

Figure = Literal["cpu", "wall"]


@dataclass(frozen=True)
class Size:
    """How much a view reads: bytes of its files, resources in the full one; and the rows that these give."""

    full: int
    extract: int
    resources: int
    rows: int


@dataclass(frozen=True)
class Results:
    """Everything that a report tells; costs go by `<view> <what>`."""

    date: str
    machine: Mapping[str, str]
    sizes: Mapping[str, Size]
    own: Measured
    own_rows: Mapping[str, Mapping[str, Verdict]]
    damaged: Verdict
    # None where the run was to leave the peers out.
    peers: Measured | None = None
    peer_rows: Mapping[tuple[str, str], Verdict] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)


@dataclass(frozen=True)
class Limit:
    """A promise about a ratio of CPU seconds on one view, and what was measured; None where a part of it failed."""

    what: str
    view: str
    bound: float
    is_ceiling: bool
    measured: float | None

    @property
    def is_kept(self) -> bool:
        """Tell whether the promise holds; what was not measured does not."""
        if self.measured is None:
            return False
        return self.measured <= self.bound if self.is_ceiling else self.measured >= self.bound


def own_limits(results: Results) -> list[Limit]:
    """Give the limits that need no peer."""
    every = tuple(VIEWS)
    pairs = (
        ("`view run --strict` / one `orjson.loads` pass", "strict", "orjson", 2.0, every),
        ("`view run`, quarantine, exact decimals / one `orjson.loads` pass", "exact", "orjson", 3.0, every),
        ("compiled SQL / hand-written SQL, both in a bare process", "compiled", "hand", 1.10, every),
        ("`view run`, quarantine, 10 bad lines in the file / none", "damaged", "run", 1.4, (DAMAGED_VIEW,)),
    )
    return [
        Limit(what, name, bound, True, own_ratio(results, name, over, under))
        for what, over, under, bound, names in pairs
        for name in names
    ]


def peer_limits(results: Results) -> list[Limit]:
    """Give the limits against peers; none where the run left them out."""
    limits: list[Limit] = []
    for peer in PEERS if results.peers else ():
        way = "whole process" if peer.timed_on == "full" else "without start-up"
        for name, bound in peer.limits.items():
            ratio = peer_ratio(results, peer, name, "cpu")
            limits.append(Limit(f"{peer.name} / `view run --strict`, {way}", name, bound, False, ratio))
        if peer.marginal_limit is not None:
            ratio = marginal_ratio(results, peer, "cpu")
            what = f"{peer.name} / `view run --strict`, what the large file takes longer"
            limits.append(Limit(what, LARGE_VIEW, peer.marginal_limit, False, ratio))
    return limits


def own_ratio(results: Results, name: str, over: str, under: str, figure: Figure = "cpu") -> float | None:
    """Give the ratio of two of our measurements on a view."""
    one, other = (_take(results.own, f"{name} {what}", figure) for what in (over, under))
    return _divide(one, other)


def peer_ratio(results: Results, peer: Peer, name: str, figure: Figure) -> float | None:
    """Tell how many times ours a peer takes: of whole processes, or of its work alone scaled to the full file."""
    theirs, ours = (_take(results.peers, f"{name} {what}", figure) for what in (peer.name, "strict"))
    if peer.timed_on == "full":
        return _divide(theirs, ours)
    start, our_start = (_take(results.peers, f"{START_VIEW} {what} start", figure) for what in (peer.name, "strict"))
    work, our_work = _subtract(theirs, start), _subtract(ours, our_start)
    size = results.sizes[name]
    return _divide(work * size.full / size.extract if work is not None else None, our_work)


def marginal_ratio(results: Results, peer: Peer, figure: Figure) -> float | None:
    """Tell how many times ours a peer takes for what the large file has more than the full one."""
    theirs, ours = (
        _subtract(*(_take(results.peers, f"{LARGE_VIEW} {what}{suffix}", figure) for suffix in (" large", "")))
        for what in (peer.name, "strict")
    )
    return _divide(theirs, ours)


def _take(measured: Measured | None, name: str, figure: Figure) -> float | None:
    cost = measured.costs.get(name) if measured else None
    return float(getattr(cost, figure)) if cost else None


def _subtract(one: float | None, other: float | None) -> float | None:
    return one - other if one is not None and other is not None else None


def _divide(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
