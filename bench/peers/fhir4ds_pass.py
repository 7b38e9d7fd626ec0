"""Run a view with fhir4ds, as its documentation has it: load, then its SQL, to Parquet.

Started by the benchmark with fhir4ds's own environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fhir4ds

if __name__ == "__main__":
    view, file, output = sys.argv[1:]
    connection = fhir4ds.create_connection()
    fhir4ds.FHIRDataLoader(connection).load_ndjson(file)
    query = fhir4ds.generate_view_sql(Path(view).read_text())
    connection.execute(f"copy ({query}) to '{output}' (format parquet, compression zstd)")
