"""`make bench`: make the data and the peers' environments, compare rows, measure, write the report."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from bench.commands import Workshop, beside_peers, yardsticks
from bench.compare import Verdict, check_damaged, check_own_rows, check_peer
from bench.data import VIEWS, Sizes, prepare_data
from bench.machine import describe_machine
from bench.peers import PEERS, Environment, install
from bench.processes import Command, Measured, measure_interleaved
from bench.report import write_report
from bench.results import Results, Size
from caremesh.quoting import quote_file

PLAN = """\
Planned: {data}; rows compared; {rounds} rounds of CareMesh and its yardsticks; {peers}.
At most about {minutes} minutes: no round begins that would end later.
"""
# Of the time, what the rounds without peers may use where there are peers.
_OWN_SHARE = 1 / 3


def main() -> None:
    """Run everything that was asked for; print the report and write it down."""
    options = _read_options()
    started = time.monotonic()
    minutes = options.minutes or (5 if options.quick else 25)
    folder: Path = options.folder.resolve()
    _say(_plan(options, minutes, has_data=(folder / "data").exists()))
    results = _run(options, folder, started=started, minutes=minutes)
    text = write_report(results)
    print(text)
    (folder / "quick.md" if options.quick else options.out).write_text(text)
    _say(f"{(time.monotonic() - started) / 60:.1f} minutes")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True, help="the date that the report bears")
    parser.add_argument("--quick", action="store_true", help="leave the peers out")
    parser.add_argument("--rounds", type=int, default=5, help="without peers")
    parser.add_argument("--peer-rounds", type=int, default=3, help="with peers")
    parser.add_argument("--minutes", type=int, help="the bound of the whole; 25, or 5 without peers")
    parser.add_argument("--folder", type=Path, default=Path(".bench"), help="for data, environments and rows")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks.md"), help="where the report goes")
    return parser.parse_args()


def _plan(options: argparse.Namespace, minutes: int, *, has_data: bool) -> str:
    names = ", ".join(peer.name for peer in PEERS)
    return PLAN.format(
        data="the data of an earlier run" if has_data else "2 GB of data made",
        rounds=options.rounds,
        peers="no peers" if options.quick else f"{options.peer_rounds} rounds beside {names}",
        minutes=minutes,
    )


def _run(options: argparse.Namespace, folder: Path, *, started: float, minutes: int) -> Results:
    machine = describe_machine()
    environments = {} if options.quick else _install(folder)
    _say("preparing data, comparing rows")
    shop = Workshop(prepare_data(folder / "data", Sizes()), folder)
    own_rows = {name: check_own_rows(shop, name) for name in VIEWS}
    damaged = check_damaged(shop)
    peer_rows = _compare_peers(shop, environments)
    _say("measuring CareMesh and its yardsticks")
    seconds = minutes * 60
    commands = {what: command for name in VIEWS for what, command in yardsticks(shop, name).items()}
    until = started + seconds * (1 if options.quick else _OWN_SHARE)
    own = measure_interleaved(commands, rounds=options.rounds, logs=shop.logs, deadline=until)
    theirs = None
    if not options.quick:
        _say("measuring peers")
        theirs = _measure_peers(shop, environments, peer_rows, rounds=options.peer_rounds, deadline=started + seconds)
    return Results(
        date=options.date,
        machine=machine,
        sizes={name: _size(shop, name) for name in VIEWS},
        own=own,
        own_rows=own_rows,
        damaged=damaged,
        peers=theirs,
        peer_rows=peer_rows,
        environments=environments,
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _install(folder: Path) -> dict[str, Environment]:
    environments = {}
    for peer in PEERS:
        _say(f"installing {peer.name}, unless it is there")
        environments[peer.name] = install(peer, folder / "peers")
    return environments


def _compare_peers(shop: Workshop, environments: Mapping[str, Environment]) -> dict[tuple[str, str], Verdict]:
    verdicts = {}
    for peer in PEERS if environments else ():
        _say(f"comparing rows with {peer.name}")
        for name in VIEWS:
            verdicts[name, peer.name] = check_peer(shop, name, peer, environments[peer.name])
    return verdicts


def _measure_peers(
    shop: Workshop,
    environments: Mapping[str, Environment],
    verdicts: Mapping[tuple[str, str], Verdict],
    *,
    rounds: int,
    deadline: float,
) -> Measured:
    """Measure the peers that gave rows, whatever rows: how many differ is told beside."""
    commands: dict[str, Command] = {}
    for name in VIEWS:
        able = [peer for peer in PEERS if not verdicts[name, peer.name].failure]
        commands |= beside_peers(shop, name, environments, peers=able)
    return measure_interleaved(commands, rounds=rounds, logs=shop.logs, deadline=deadline)


def _size(shop: Workshop, name: str) -> Size:
    full, extract = (shop.data.file(kind, VIEWS[name]) for kind in ("full", "extract"))
    with full.open("rb") as lines:
        resources = sum(1 for _ in lines)
    rows = shop.output(f"{name}.compiled.parquet")
    found = duckdb.execute(f"select count(*) from {quote_file(rows)}").fetchone() if rows.exists() else None
    return Size(full.stat().st_size, extract.stat().st_size, resources, int(found[0]) if found else 0)


if __name__ == "__main__":
    main()
