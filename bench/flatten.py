"""`make bench`: what flatten costs beside one `orjson.loads` pass over the same bytes.

Both are whole processes, start-up included; landing's own pass (digest and line count) is part of flatten here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from bench.processes import measure_interleaved
from caremesh.demo import ExportPlan, export_name, write_export
from caremesh.products import Product, find_domains
from caremesh.settings import project_root
from caremesh.stages.flatten import compile_product

HEADERS = ("product", "MB", "flatten CPU s", "orjson CPU s", "ratio", "ratio without start-up", "MB/s wall", "peak MB")


def main() -> None:
    """Generate an export once, measure every product on it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    plan = ExportPlan(patients=options.patients)
    export = options.folder / export_name(plan)
    if not export.exists():
        write_export(plan, options.folder)
    empty = options.folder / "empty"
    empty.mkdir(exist_ok=True)
    table = Table(box=box.SIMPLE_HEAD)
    for header in HEADERS:
        table.add_column(header, justify="left" if header == "product" else "right", no_wrap=True)
    for domain in find_domains(project_root(None) / "domains"):
        for product in domain.products:
            table.add_row(product.id, *_measure(product, export, empty, rounds=options.rounds))
    Console(width=140).print(table)


def _measure(product: Product, export: Path, empty: Path, *, rounds: int) -> list[str]:
    files = sorted((export / compile_product(product).resource).glob("*.ndjson"))
    costs = measure_interleaved(
        {
            "flatten": ("bench.flatten_pass", [str(product.folder), str(export)]),
            "orjson": ("bench.parse_pass", [str(f) for f in files]),
            "flatten nothing": ("bench.flatten_pass", [str(product.folder), str(empty)]),
            "parse nothing": ("bench.parse_pass", []),
        },
        rounds=rounds,
    )
    flat, parse = costs["flatten"], costs["orjson"]
    work = flat.cpu - costs["flatten nothing"].cpu
    yardstick = parse.cpu - costs["parse nothing"].cpu
    megabytes = sum(f.stat().st_size for f in files) / 1e6
    return [
        f"{megabytes:.0f}",
        f"{flat.cpu:.2f}",
        f"{parse.cpu:.2f}",
        f"{flat.cpu / parse.cpu:.2f}",
        f"{work / yardstick:.2f}",
        f"{megabytes / flat.wall:.0f}",
        f"{flat.peak_mb:.0f}",
    ]


if __name__ == "__main__":
    main()
