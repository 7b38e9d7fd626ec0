"""Running a view on real DuckDB, the way the platform does: NDJSON, pruned columns, SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.fhir import DUCKDB, compile_view, parse_view

Rows = list[dict[str, Any]]


@pytest.fixture
def run_view(tmp_path: Path) -> Callable[[dict[str, Any], Rows], Rows]:
    """Give the rows of a view over resources."""

    def run(view: dict[str, Any], resources: Rows) -> Rows:
        compiled = compile_view(parse_view(json.dumps(view), where="view.json"), DUCKDB)
        file = tmp_path / "resources.ndjson"
        file.write_text("".join(json.dumps(r) + "\n" for r in resources))
        columns = DUCKDB.source_columns(compiled.shape)
        source = f"read_json('{file}', format = 'newline_delimited', columns = {columns!r})"
        with duckdb.connect(config={"threads": 1}) as connection:
            result = connection.execute(f"with src as (select * from {source}) {compiled.query}")
            names = [d[0] for d in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return run
