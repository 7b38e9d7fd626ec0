"""Run a view with sqlonfhir: it gives Python rows, written here as NDJSON.

Started by the benchmark with sqlonfhir's own environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
from sqlonfhir import evaluate

if __name__ == "__main__":
    view, file, output = sys.argv[1:]
    with Path(file).open("rb") as lines:
        rows = evaluate(map(orjson.loads, lines), orjson.loads(Path(view).read_bytes()))
    with Path(output).open("wb") as target:
        target.writelines(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
