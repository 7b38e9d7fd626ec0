"""Flatten as a run does it: one product over an export, with the accounts of every line, into one Parquet file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from caremesh.engines.duckdb import open_engine
from caremesh.engines.intake import flatten_files
from caremesh.products import read_product
from caremesh.sources.ndjson import list_landing, take_in
from caremesh.stages.flatten import compile_product

if __name__ == "__main__":
    product_folder, landing = Path(sys.argv[1]), Path(sys.argv[2])
    view = compile_product(read_product(product_folder))
    files = [take_in(f) for f in list_landing(landing).files if f.resource_type == view.resource]
    with (
        tempfile.TemporaryDirectory() as scratch,
        open_engine(memory_limit="512MB", threads=2, scratch=Path(scratch)) as connection,
    ):
        flatten_files(connection, view=view, files=files, target=Path(scratch) / "rows.parquet", scratch=Path(scratch))
