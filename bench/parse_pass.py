"""The yardstick: one `orjson.loads` pass over the lines of files, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

if __name__ == "__main__":
    for name in sys.argv[1:]:
        with Path(name).open("rb") as lines:
            for line in lines:
                orjson.loads(line)
