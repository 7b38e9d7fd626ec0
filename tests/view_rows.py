"""Running a view on real DuckDB, by the same reader and the same SQL as a product's flatten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from caremesh.engines.duckdb import open_engine, read_lines_sql
from caremesh.fhir import DUCKDB, CompiledView, compile_view, exact_names, parse_view

Rows = list[dict[str, Any]]


def run_view(view: dict[str, Any], resources: Iterable[dict[str, Any]], folder: Path) -> Rows:
    """Give the rows of a view over resources; `folder` takes the NDJSON file."""
    compiled = compile_view(parse_view(json.dumps(view), where="view.json"), DUCKDB)
    return run_compiled(compiled, (json.dumps(r) for r in resources), folder)


def run_compiled(compiled: CompiledView, lines: Iterable[str], folder: Path) -> Rows:
    """Give the rows of a compiled view over lines of NDJSON."""
    file = folder / "resources.ndjson"
    file.write_text("".join(line + "\n" for line in lines))
    source = read_lines_sql([file], DUCKDB.source_columns(compiled.shape), exact=exact_names(compiled.shape))
    with open_engine(memory_limit="1GB", threads=1, scratch=folder) as connection:
        result = connection.execute(f"with src as (select * from {source}) {compiled.query}")
        names = [d[0] for d in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
