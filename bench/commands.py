"""What is measured, as commands: our own processes, the yardsticks, and the peers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data import DAMAGED_VIEW, LARGE_VIEW, START_VIEW, VIEWS, Data
from bench.peers import Environment, Peer
from bench.processes import Command
from caremesh.engines.duckdb import read_lines_sql
from caremesh.errors import EXIT_QUARANTINED
from caremesh.fhir import DUCKDB, compile_view, parse_view

ROOT = Path(__file__).resolve().parent.parent
_BENCH = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Workshop:
    """Where the benchmark works: its data, and a folder for what it writes."""

    data: Data
    folder: Path

    @property
    def logs(self) -> Path:
        """What the measured processes print."""
        return self.folder / "logs"

    def view(self, name: str) -> Path:
        """The ViewDefinition of a name."""
        return _BENCH / "views" / f"{name}.json"

    def exact_view(self, name: str) -> Path:
        """The same with every decimal as it is written: `ansi/type` VARCHAR."""
        definition = json.loads(self.view(name).read_text())
        for select in definition["select"]:
            for column in select["column"]:
                if column["type"] == "decimal":
                    column["tag"] = [{"name": "ansi/type", "value": "VARCHAR"}]
        return self._write(f"views/{name}.exact.json", json.dumps(definition))

    def hand_written(self, name: str) -> Path:
        """The SQL that an expert would write for a view."""
        return _BENCH / "sql" / f"{name}.sql"

    def compiled(self, name: str, file: Path) -> Path:
        """The SQL that the compiler writes for it, over one file."""
        text = compile_sql(self.view(name), file)
        return self._write(f"sql/{name}.{file.parent.name}.sql", text)

    def output(self, name: str) -> Path:
        """A file for rows."""
        self.folder.joinpath("out").mkdir(parents=True, exist_ok=True)
        return self.folder / "out" / name

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


def compile_sql(view: Path, file: Path) -> str:
    """Write the complete SQL of a view over one NDJSON file."""
    compiled = compile_view(parse_view(view.read_text(), where=view.name), DUCKDB)
    source = read_lines_sql([file], DUCKDB.source_columns(compiled.shape))
    return f"with src as (select * from {source}) {compiled.query}"


def python(shop: Workshop, *words: object, reads: Path, good: tuple[int, ...] = (0,)) -> Command:
    """A process of this Python that finds this project; its bytecode is cached in a folder of the benchmark's own."""
    environment = (("PYTHONPATH", str(ROOT)), ("PYTHONPYCACHEPREFIX", str(shop.folder / "bytecode")))
    return Command((sys.executable, *map(str, words)), environment, good, (reads,))


def run_view(shop: Workshop, view: Path, file: Path, *, output: Path, quarantine: Path | None = None) -> Command:
    """`caremesh view run`, to Parquet; strict, unless a quarantine is named: setting lines aside is then no failure."""
    aside = ("--quarantine", quarantine) if quarantine else ("--strict",)
    words = ("view", "run", view, file, "--format", "parquet", "-o", output, *aside)
    good = (0, EXIT_QUARANTINED) if quarantine else (0,)
    return python(shop, "-c", "from caremesh.__main__ import enter; enter()", *words, reads=file, good=good)


def run_query(shop: Workshop, query: Path, file: Path, *output: Path) -> Command:
    """One query in a bare DuckDB process."""
    return python(shop, "-m", "bench.query_pass", query, file, *output, reads=file)


def yardsticks(shop: Workshop, name: str) -> dict[str, Command]:
    """Everything of ours that is measured for one view, by `<view> <what>`."""
    resource = VIEWS[name]
    full = shop.data.file("full", resource)
    rows, aside = shop.output(f"{name}.parquet"), shop.output(f"{name}.quarantine.ndjson")
    view, hand = shop.view(name), shop.hand_written(name)
    commands = {
        "orjson": python(shop, "-m", "bench.parse_pass", full, reads=full),
        "validate": run_query(shop, _BENCH / "sql" / "validate.sql", full),
        "hand": run_query(shop, hand, full, rows),
        "compiled": run_query(shop, shop.compiled(name, full), full, shop.output(f"{name}.compiled.parquet")),
        "strict": run_view(shop, view, full, output=rows),
        "run": run_view(shop, view, full, output=rows, quarantine=aside),
        "exact": run_view(shop, shop.exact_view(name), full, output=rows, quarantine=aside),
    }
    if name == DAMAGED_VIEW:
        damaged = shop.data.file("damaged", resource)
        commands["damaged"] = run_view(shop, view, damaged, output=rows, quarantine=aside)
    if name == START_VIEW:
        one = shop.data.file("one", resource)
        commands["orjson start"] = python(shop, "-m", "bench.parse_pass", one, reads=one)
        commands["bare start"] = run_query(shop, hand, one, rows)
        commands["strict start"] = run_view(shop, view, one, output=rows)
    return {f"{name} {what}": command for what, command in commands.items()}


def beside_peers(
    shop: Workshop, name: str, environments: Mapping[str, Environment], *, peers: Sequence[Peer]
) -> dict[str, Command]:
    """The peers over one view, each beside `view run --strict`, by `<view> <what>`."""
    resource = VIEWS[name]
    view, rows = shop.view(name), shop.output(f"{name}.parquet")
    kinds = {"": "full"}
    if name == START_VIEW:
        kinds[" start"] = "one"
    if name == LARGE_VIEW:
        kinds[" large"] = "large"
    files = {suffix: shop.data.file(kind, resource) for suffix, kind in kinds.items()}
    commands = {f"{name} strict{suffix}": run_view(shop, view, file, output=rows) for suffix, file in files.items()}
    for peer in peers:
        theirs = shop.output(f"{name}.{peer.name}.{peer.output}")
        for suffix, file in files.items():
            if suffix == " large" and peer.marginal_limit is None:
                continue
            timed = file if suffix else shop.data.file(peer.timed_on, resource)
            words = environments[peer.name].words(peer, view=view, file=timed, output=theirs)
            commands[f"{name} {peer.name}{suffix}"] = Command(words, reads=(timed,))
    return commands
