"""The views of the shipped products, by name, and the example lines that are theirs."""

from __future__ import annotations

import json
from pathlib import Path

DOMAINS = Path(__file__).parent.parent / "domains"


def view_name(file: Path) -> str:
    """`clinical.patient` for its `view.json`; of a product with several, `clinical.nlp_finding.condition` is one."""
    product = f"{file.parent.parent.name}.{file.parent.name}"
    return product + file.name.removeprefix("view").removesuffix(".json")


VIEWS = sorted(DOMAINS.glob("*/*/view*.json"))
NAMES = [view_name(file) for file in VIEWS]
# No public export holds what HealthLake's NLP generates.
REAL_VIEWS = [file for file in VIEWS if file.parent.name != "nlp_finding"]
REAL_NAMES = [view_name(file) for file in REAL_VIEWS]


def example_lines(file: Path) -> list[str]:
    """The lines of the product's example that are of the view's type."""
    resource = json.loads(file.read_text())["resource"]
    lines = file.with_name("example.ndjson").read_text().splitlines()
    return [line for line in lines if json.loads(line)["resourceType"] == resource]
