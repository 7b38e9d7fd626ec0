"""Run one query in a bare DuckDB process: QUERY SOURCE [OUTPUT].

QUERY is a file of SQL, which finds SOURCE as `getvariable('input')`; OUTPUT becomes a Parquet file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

if __name__ == "__main__":
    query, source, *target = sys.argv[1:]
    text = Path(query).read_text()
    connection = duckdb.connect(config={"preserve_insertion_order": False})
    connection.execute("set variable input = ?", [source])
    if target:
        connection.execute(f"copy ({text}) to '{target[0]}' (format parquet, compression zstd)")
    else:
        connection.execute(text).fetchall()
