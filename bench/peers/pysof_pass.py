"""Run a view with pysof, from NDJSON to NDJSON: its streaming way, which writes no Parquet.

Started by the benchmark with pysof's own environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pysof

if __name__ == "__main__":
    view, file, output = sys.argv[1:]
    pysof.process_ndjson_to_file(Path(view).read_text(), file, output, "ndjson")
