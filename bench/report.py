"""Writes what was found as Markdown: every number beside its limit, every failure by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.compare import Verdict
from bench.data import DAMAGED_VIEW, START_VIEW, VIEWS
from bench.peers import PEERS, Environment, Peer
from bench.processes import Cost
from bench.results import Limit, Results, marginal_ratio, own_limits, own_ratio, peer_limits, peer_ratio

PROCESSES = {
    "orjson": "one `orjson.loads` pass",
    "validate": "DuckDB, JSON validated only",
    "hand": "hand-written SQL, bare process",
    "compiled": "compiled SQL, bare process",
    "strict": "**`view run --strict`**",
    "run": "`view run`, quarantine",
    "exact": "**`view run`, quarantine, exact decimals**",
    "damaged": "**`view run`, quarantine, 10 bad lines in the file**",
    "orjson start": "*one line:* `orjson.loads`",
    "bare start": "*one line:* hand-written SQL, bare process",
    "strict start": "*one line:* `view run --strict`",
}

_NONE = "-"

_METHOD = """\
Every figure is of a whole process, start-up included, as the operating system accounts for it: CPU is user and system
time of all its threads and children, memory the highest peak of a process. Processes run one after another, in turn,
round by round; times are medians. The machine is shared and noisy: trust ratios of CPU before ratios of wall, and both
before seconds. Rows are written as Parquet with zstd unless a note says otherwise. The data are synthetic
(`caremesh.demo`); a file is read once before each process that reads it starts, so that it lies in the page cache.
`view run` checks every line as far as the view reads it, looks for repeated ids, and accounts for each line; with
`--strict` it checks every line, and the first that is amiss ends it. The bare processes refuse broken JSON and what
does not fit the types that they read; they ask for no resource type and no id, and account for nothing.
"""

_ROWS = """\
Compared as multisets with the rows of `view run --strict`, before anything was timed. Decimals are compared as doubles,
the rest as text; of a key, a resource type before it (`Patient/…`) is taken off, because the specification leaves open
what a key looks like. Nothing else is normalised. Of the file with bad lines, the lines set aside are compared as well.
"""

_PEERS = """\
{rounds} round(s), `view run --strict` in each of them: like it, no peer sets lines aside. A peer on the full file is
compared as a whole process. For a peer on an extract, start-up (one line) is subtracted on both sides, and its work is
scaled to the full file, linearly.
"""

_REPRODUCE = """\
`make bench` writes this page; `make bench QUICK=1` leaves the peers out and writes `.bench/quick.md`. Views stand in
`bench/views/`, the hand-written SQL in `bench/sql/`, what runs in a peer's environment in `bench/peers/`. Data and
environments are made once, in `.bench/`; delete that folder to start afresh. Pathling's jar is fetched with Maven.
"""


def write_report(results: Results) -> str:
    """Write the whole page."""
    sections = {
        "How it is measured": [_METHOD, *table(("", "here"), results.machine.items()), *_sizes(results)],
        "Limits": ["Ratios of CPU seconds.", "", *_limits([*own_limits(results), *peer_limits(results)])],
        "Rows": [_ROWS, *_rows(results)],
        "CareMesh and its yardsticks": [f"{results.own.rounds} round(s).", "", *_own(results)],
        "Peers": _peers(results),
        "How to reproduce": [_REPRODUCE],
    }
    lines = ["# Benchmarks", "", f"Written by `make bench` on {results.date}; not edited.", ""]
    for title, section in sections.items():
        lines += [f"## {title}", "", *section]
    return "\n".join(lines).rstrip() + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a Markdown table and the blank line after it; a bar within a cell is escaped."""
    ruler = [":--", *("--:" for _ in headers[1:])]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in (headers, ruler, *rows))
    return [*("| " + " | ".join(row) + " |" for row in cells), ""]


def _sizes(results: Results) -> list[str]:
    rows = [
        (name, f"{size.full / 1e6:.0f}", f"{size.resources:,}", f"{size.rows:,}")
        for name, size in results.sizes.items()
    ]
    return table(("view", "MB", "resources", "rows"), rows)


def _limits(limits: Iterable[Limit]) -> list[str]:
    rows: dict[str, dict[str, str]] = {}
    for limit in limits:
        bound = f"{'≤' if limit.is_ceiling else '≥'} {limit.bound:g}x"
        found = "not measured" if limit.measured is None else _beside(limit.measured, limit.bound)
        rows.setdefault(limit.what, {})[limit.view] = f"{bound}: {found} {'ok' if limit.is_kept else '**missed**'}"
    return table(("", *VIEWS), [(what, *(cells.get(name, "") for name in VIEWS)) for what, cells in rows.items()])


def _rows(results: Results) -> list[str]:
    found = [(what, name, verdict) for name, others in results.own_rows.items() for what, verdict in others.items()]
    found += [("`view run`, 10 bad lines in the file", DAMAGED_VIEW, results.damaged)]
    found += [(peer, name, verdict) for (name, peer), verdict in results.peer_rows.items()]
    return table(("", "view", "rows"), [(what, name, _verdict(verdict)) for what, name, verdict in found])


def _verdict(verdict: Verdict) -> str:
    difference = verdict.difference
    if difference is None:
        return f"does not run here: {verdict.failure}"
    if difference.is_none:
        return f"{difference.rows:,}, equal"
    return (
        f"**{difference.only_ours:,} of {difference.rows:,} rows only here**, {difference.only_theirs:,} only there; "
        f"they differ in {', '.join(difference.columns)}"
    )


def _own(results: Results) -> Iterator[str]:
    for name in VIEWS:
        rows = []
        for what, label in PROCESSES.items():
            if failure := results.own.failures.get(f"{name} {what}"):
                rows.append((f"{label}: failed: {failure}", *[_NONE] * 6))
            elif cost := results.own.costs.get(f"{name} {what}"):
                ratios = (_ratios(results, name, what, yardstick) for yardstick in ("orjson", "validate", "hand"))
                rows.append((label, *_cost(cost), *([_NONE] * 3 if what.endswith("start") else ratios)))
        yield from (f"### {name}", "")
        yield from table(("", "CPU s", "wall s", "peak MB", "/ orjson", "/ validated", "/ hand-written"), rows)
    yield from ("The last three columns are ratios of CPU, and of wall in brackets.", "")


def _ratios(results: Results, name: str, over: str, under: str) -> str:
    cpu, wall = own_ratio(results, name, over, under), own_ratio(results, name, over, under, "wall")
    return f"{_times(cpu)} ({_times(wall)})"


def _peers(results: Results) -> Iterator[str]:
    if results.peers is None:
        yield from ("Left out of this run.", "")
        return
    yield _PEERS.format(rounds=results.peers.rounds)
    rows = [row for peer in PEERS for name in VIEWS for row in _peer_rows(results, peer, name)]
    headers = ("", "view", "MB", "CPU s", "wall s", "peak MB", "start-up CPU s", "CPU / ours", "wall / ours")
    yield from table(headers, rows)
    for peer in PEERS:
        yield from _peer_notes(peer, results.environments[peer.name])
    yield ""


def _peer_rows(results: Results, peer: Peer, name: str) -> Iterator[tuple[str, ...]]:
    """Give a peer's row for a view, the one of the large file, or the reason why there is none."""
    costs, failures = (results.peers.costs, results.peers.failures) if results.peers else ({}, {})
    reason = results.peer_rows[name, peer.name].failure or failures.get(f"{name} {peer.name}")
    if reason:
        yield (f"{peer.name} does not run here: {reason}", name, *[_NONE] * 7)
        return
    size = results.sizes[name]
    start = costs.get(f"{START_VIEW} {peer.name} start")
    yield (
        peer.name,
        name,
        f"{(size.full if peer.timed_on == 'full' else size.extract) / 1e6:.0f}",
        *_cost(costs[f"{name} {peer.name}"]),
        f"{start.cpu:.2f}" if start else _NONE,
        _times(peer_ratio(results, peer, name, "cpu")),
        _times(peer_ratio(results, peer, name, "wall")),
    )
    large = f"{name} {peer.name} large"
    if large in costs:
        margin = _times(marginal_ratio(results, peer, "cpu")), _times(marginal_ratio(results, peer, "wall"))
        yield (
            f"{peer.name}, large file; ratios of large minus full",
            name,
            "",
            *_cost(costs[large]),
            _NONE,
            *margin,
        )
    elif large in failures:
        yield (f"{peer.name}, large file, does not run here: {failures[large]}", name, *[_NONE] * 7)


def _peer_notes(peer: Peer, environment: Environment) -> Iterator[str]:
    yield f"- **{peer.name}**: {', '.join(environment.packages or peer.requirements)}"
    yield from (f"  - {note}" for note in (*environment.notes, *peer.notes))


def _cost(cost: Cost) -> tuple[str, str, str]:
    return f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{cost.peak_mb:.0f}"


def _times(ratio: float | None) -> str:
    if ratio is None:
        return _NONE
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


def _beside(ratio: float, bound: float) -> str:
    """Write a ratio with the digits that tell on which side of its bound it is."""
    short = _times(ratio)
    return short if float(short[:-1]) != bound else f"{ratio:.4g}x"
