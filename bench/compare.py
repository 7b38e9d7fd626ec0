"""Row equality, asked before anything is timed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.commands import Workshop, run_query, run_view
from bench.data import DAMAGED_VIEW, VIEWS
from bench.peers import Environment, Peer
from bench.processes import Command, ProcessFailed, measure
from bench.rows import Difference, compare_rows


@dataclass(frozen=True)
class Verdict:
    """What came of running something beside `view run --strict`: the difference of rows, or why there is none."""

    difference: Difference | None = None
    failure: str | None = None


def check_own_rows(shop: Workshop, name: str) -> dict[str, Verdict]:
    """Compare a strict run with the hand-written SQL, the compiled SQL and the most thorough run, over the extract."""
    file, view = shop.data.file("extract", VIEWS[name]), shop.view(name)
    ours = _run_ours(shop, name, "extract")
    hand, bare, exact = (shop.output(f"{name}.{what}.parquet") for what in ("hand", "bare", "exact"))
    aside = shop.output(f"{name}.quarantine.ndjson")
    others = {
        "hand-written SQL": (hand, run_query(shop, shop.hand_written(name), file, hand)),
        "compiled SQL": (bare, run_query(shop, shop.compiled(name, file), file, bare)),
        "`view run`, quarantine, exact decimals": (
            exact,
            run_view(shop, shop.exact_view(name), file, output=exact, quarantine=aside),
        ),
    }
    return {what: _compare(shop, view, ours, rows, command) for what, (rows, command) in others.items()}


def check_damaged(shop: Workshop) -> Verdict:
    """Compare the rows of the damaged file with those of the clean one, and its quarantine with what was broken."""
    name = DAMAGED_VIEW
    clean = _run_ours(shop, name, "full")
    rows, aside = shop.output(f"{name}.damaged.parquet"), shop.output(f"{name}.quarantine.ndjson")
    aside.unlink(missing_ok=True)
    file = shop.data.file("damaged", VIEWS[name])
    command = run_view(shop, shop.view(name), file, output=rows, quarantine=aside)
    verdict = _compare(shop, shop.view(name), clean, rows, command)
    if verdict.failure:
        return verdict
    found = [json.loads(line)["line"] for line in aside.read_text().splitlines()] if aside.exists() else []
    if sorted(found) != shop.data.broken_lines():
        return Verdict(failure=f"lines {sorted(found)} were set aside, {shop.data.broken_lines()} are broken")
    return verdict


def check_peer(shop: Workshop, name: str, peer: Peer, environment: Environment) -> Verdict:
    """Compare a peer's rows over the small file with ours."""
    if environment.failure:
        return Verdict(failure=environment.failure)
    file, view = shop.data.file("small", VIEWS[name]), shop.view(name)
    ours = _run_ours(shop, name, "small")
    rows = shop.output(f"{name}.{peer.name}.{peer.output}")
    command = Command(environment.words(peer, view=view, file=file, output=rows))
    return _compare(shop, view, ours, rows, command)


def _run_ours(shop: Workshop, name: str, kind: str) -> Path:
    rows = shop.output(f"{name}.{kind}.parquet")
    measure(run_view(shop, shop.view(name), shop.data.file(kind, VIEWS[name]), output=rows), log=shop.logs / "rows.log")
    return rows


def _compare(shop: Workshop, view: Path, ours: Path, theirs: Path, command: Command) -> Verdict:
    try:
        measure(command, log=shop.logs / f"{theirs.name}.log")
        return Verdict(compare_rows(ours, theirs, view=view))
    except (ProcessFailed, duckdb.Error) as failure:
        return Verdict(failure=str(failure).splitlines()[0])
