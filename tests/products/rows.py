"""The rows that a view of a product gives over lines, taken in as a run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import flatten_files
from caremesh.fhir import CompiledView
from caremesh.sources.ndjson import FoundFile, take_in


def flatten_lines(view: CompiledView, lines: Sequence[str], scratch: Path, *, as_text: bool) -> list[dict[str, Any]]:
    """The rows of a view; every line must count as used, whether it gives rows or not."""
    (folder := scratch / view.resource).mkdir()
    path = folder / f"{view.resource}.ndjson"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    file = take_in(FoundFile("example", str(folder), path.name, str(path), view.resource, path.stat().st_size))
    target = folder / "rows.parquet"
    with open_engine(memory_limit="256MB", threads=1, scratch=folder) as connection:
        intake = flatten_files(connection, view=view, files=[file], target=target, scratch=folder)
        assert [(c.used, c.superseded, c.quarantined) for c in intake.counts] == [(len(lines), 0, 0)]
        columns = "cast(columns(*) as varchar)" if as_text else "*"
        cursor = connection.execute(f"select {columns} from '{target}'")
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
