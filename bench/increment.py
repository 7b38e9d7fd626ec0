"""`make bench-increment`: what a run costs that brings a small increment to a large product, beside rewriting it.

The lake holds one product, made by CareMesh from synthetic observations. The yardstick is a bare DuckDB process that
reads the product's Parquet file and writes it again, with the same compression, memory and threads: nothing that makes
an immutable release can cost less.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.machine import describe_machine
from bench.processes import Command, Cost, measure

CAREMESH = str(Path(sys.executable).with_name("caremesh"))
MEMORY = "256MB"
_REWRITE = """
import sys, duckdb
source, target, memory, spill = sys.argv[1:]
config = {"memory_limit": memory, "threads": 2, "preserve_insertion_order": False, "temp_directory": spill}
duckdb.connect(config=config).execute(f"copy (from '{source}') to '{target}' (format parquet, compression zstd)")
"""
_PAGE = """\
# What an increment costs

{date}. A run (all six stages, `--memory-limit {memory}`) that brings an increment of 10 MB to a lake with a product of
{size} MB of Parquet, beside a bare DuckDB process that only writes that Parquet again, with the same memory and
threads. The lake holds the demo's other products too; the run checks every row against the contract, builds the curated
tables and registers everything. Whole processes; peak is that of the largest one.

| round | run: CPU s | rewrite: CPU s | ratio | run: wall s | rewrite: wall s | ratio | run: peak MiB | rewrite: MiB |
| --: | --: | --: | --: | --: | --: | --: | --: | --: |
{lines}
| machine | |
| :-- | :-- |
{machine}
`make bench-increment` writes this page.
"""
_FILES = 16
_LINE = """
    '{"resourceType":"Observation","id":"' || uuid_of(n) || '","meta":{"versionId":"' || {version}
    || '","lastUpdated":"' || instant(timestamp '2025-01-01' + to_seconds(n % 31000000 + {version} * 40000000))
    || '"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    || 'observation-category","code":"laboratory","display":"Laboratory"}]}],"code":{"coding":[{"system":'
    || '"http://loinc.org","code":"' || (10000 + hash(n) % 400) || '-' || hash(n) % 9 || '","display":"Test '
    || hash(n) % 400 || '"}],"text":"Test ' || hash(n) % 400 || '"},"subject":{"reference":"Patient/'
    || uuid_of(-(hash(n) % 200000)::bigint - 1) || '"},"encounter":{"reference":"Encounter/'
    || uuid_of(-(hash(n + 7) % 2000000)::bigint - 300000) || '"},"effectiveDateTime":"'
    || instant(timestamp '2015-01-01' + to_seconds(n % 310000000)) || '","issued":"'
    || instant(timestamp '2015-01-01' + to_seconds(n % 310000000)) || '","valueQuantity":{"value":'
    || (hash(n + 3) % 100000) / 100.0 || ',"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}'
"""
_MACROS = """
    create macro instant(t) as strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ');
    create macro uuid_of(n) as (
        select substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) || '-' || substr(h, 17, 4) || '-'
        || substr(h, 21, 12) from (select md5(cast(n as varchar)) as h)
    );
"""


@dataclass(frozen=True)
class Outcome:
    """One round: the run with the increment, the rewriting of the product's Parquet, and how large that is."""

    run: Cost
    rewrite: Cost
    bytes: int


def main() -> None:
    """Make the lake, measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True, help="the date that the report bears")
    parser.add_argument("--resources", type=int, default=13_000_000, help="in the product; about 80 bytes each")
    parser.add_argument("--changed", type=int, default=14_000, help="in the increment; about 700 bytes each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".bench/increment"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmark-increment.md"))
    options = parser.parse_args()
    folder: Path = options.folder.resolve()
    prepare(folder, resources=options.resources, changed=options.changed)
    rounds = [play(folder, number) for number in range(options.rounds)]
    options.out.write_text(report(options.date, rounds))
    print(options.out.read_text())


def prepare(folder: Path, *, resources: int, changed: int) -> None:
    """Make exports, project and the lake that the increment comes to; what is there already is kept."""
    if (folder / "ready").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    step = -(-resources // _FILES)
    for number in range(_FILES):
        first = number * step
        write_lines(folder / "first/base" / f"Observation-{number:03}.ndjson", first, min(first + step, resources), 1)
    # Half of it replaces resources that stand all over the product, half of it is new.
    write_lines(
        folder / "second/increment/Observation-000.ndjson", 0, changed // 2, 2, stride=resources // (changed // 2)
    )
    write_lines(folder / "second/increment/Observation-001.ndjson", resources, resources + changed // 2, 1)
    demo = folder / "demo"
    subprocess.run([CAREMESH, "demo", "--folder", str(demo), "--export-only", "--quiet"], check=True)
    (demo / "landing").rename(folder / "first/demo")
    subprocess.run(run_command(folder / "first", folder / "lake"), check=True)
    (folder / "ready").touch()


def run_command(landing: Path, lake: Path) -> tuple[str, ...]:
    """All stages, as a user types them."""
    return (CAREMESH, "run", "--landing", str(landing), "--lake", str(lake), "--memory-limit", MEMORY, "--quiet")


def write_lines(path: Path, first: int, end: int, version: int, *, stride: int = 1) -> None:
    """Write observations number `first` to `end`, or every `stride`-th from `first` on so many times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        connection.execute("set preserve_insertion_order = false")
        connection.execute(_MACROS)
        line = _LINE.replace("{version}", str(version))
        connection.execute(
            f"copy (select {line} from (select unnest(range({first}, {end})) * {stride} as n)) to '{path}' "
            "(format csv, header false, quote '', delimiter '\x01')"
        )


def play(folder: Path, number: int) -> Outcome:
    """Bring the increment to a copy of the lake, and rewrite the product's Parquet beside it."""
    lake, logs = folder / f"lake-{number}", folder / "logs"
    shutil.rmtree(lake, ignore_errors=True)
    # Releases are never changed, so that links will do.
    shutil.copytree(folder / "lake", lake, copy_function=lambda a, b: Path(b).hardlink_to(a))
    for name in ("ledger.json", "run.lock"):
        (lake / name).unlink(missing_ok=True)
        shutil.copy(folder / "lake" / name, lake / name)
    try:
        run = measure(Command(run_command(folder / "second", lake)), log=logs / f"run-{number}.log")
        made = product_files(lake)[-1]
        target = folder / "again.parquet"
        words = (sys.executable, "-c", _REWRITE, str(made), str(target), MEMORY, str(folder / "spill"))
        rewrite = measure(Command(words, reads=(made,)), log=logs / f"rewrite-{number}.log")
        return Outcome(run, rewrite, made.stat().st_size)
    finally:
        shutil.rmtree(lake)


def product_files(lake: Path) -> list[Path]:
    """The Parquet files of the product's releases, the newest last."""
    found = (lake / "products/clinical/observation/releases").glob("*/data/*.parquet")
    return sorted(found, key=lambda file: file.stat().st_mtime)


def report(date: str, rounds: Sequence[Outcome]) -> str:
    """The report as Markdown."""
    machine = "".join(f"| {name} | {value} |\n" for name, value in describe_machine().items())
    lines = "".join(
        f"| {n} | {o.run.cpu:.1f} | {o.rewrite.cpu:.1f} | **{o.run.cpu / o.rewrite.cpu:.2f}x** | {o.run.wall:.1f} | "
        f"{o.rewrite.wall:.1f} | {o.run.wall / o.rewrite.wall:.2f}x | {o.run.peak_mb:.0f} | {o.rewrite.peak_mb:.0f} |\n"
        for n, o in enumerate(rounds, start=1)
    )
    return _PAGE.format(date=date, size=f"{rounds[0].bytes / 1e6:,.0f}", machine=machine, memory=MEMORY, lines=lines)


if __name__ == "__main__":
    main()
