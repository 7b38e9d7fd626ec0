"""The official FHIR R4 examples: `r4_examples.ndjson.gz`, built by scripts/build_r4_corpus.py (CC0-1.0)."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path

CORPUS = Path(__file__).parent / "r4_examples.ndjson.gz"


@cache
def read_corpus() -> Mapping[str, tuple[str, ...]]:
    """The examples of each resource type, one line of JSON each, as they are written."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in gzip.decompress(CORPUS.read_bytes()).decode().splitlines():
        found[json.loads(line)["resourceType"]].append(line)
    return {kind: tuple(lines) for kind, lines in found.items()}
