"""Run a view with fhir4ds: its SQL over a table of whole resources that DuckDB's own reader fills, to Parquet.

Only its FHIRPath functions are registered, not those for CQL. Started by the benchmark with fhir4ds's own environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fhir4ds
from fhir4ds.core import register_fhirpath

if __name__ == "__main__":
    view, file, output = sys.argv[1:]
    connection = fhir4ds.create_connection(register_udfs=False)
    register_fhirpath(connection)
    connection.execute("set preserve_insertion_order = false")
    connection.execute(
        """
        create table resources as
        select json ->> 'id' as id, json ->> 'resourceType' as resourceType, json as resource
        from read_ndjson_objects(?)
        """,
        [file],
    )
    query = fhir4ds.generate_view_sql(Path(view).read_text())
    connection.execute(f"copy ({query}) to '{output}' (format parquet, compression zstd)")
