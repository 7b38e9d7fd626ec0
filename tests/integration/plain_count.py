"""An independent count: the rows of every product and the sum of one number, by plain `json` and plain loops.

Written from the contracts' words, not from the views; slow and obvious on purpose.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

BLUE_BUTTON = "https://bluebutton.cms.gov/resources/variables/"

GENERATED_TYPES = ("Condition", "Observation", "MedicationStatement")
NUMBERS = {
    "clinical.patient": "year(birth_date)",
    "clinical.encounter": "day(period_start_at)",
    "clinical.condition": "day(onset_at)",
    "clinical.observation": "coalesce(component_value_number, value_number)",
    "clinical.document": "content_size",
    "clinical.nlp_finding": "coding_index + 1",
    "operations.claim": "total_amount",
    "operations.claim_line": "paid_amount",
}
"""The number of each product, as SQL over its columns."""


@dataclass(frozen=True)
class Count:
    """How many rows, and the sum of the product's number."""

    rows: int
    total: float


def count_export(folder: Path) -> dict[str, Count]:
    """Count every product over the export files below `folder`."""
    return {
        "clinical.patient": _count(_read(folder, "Patient"), lambda r: [_date_part(r.get("birthDate"), 0, 4)]),
        "clinical.encounter": _count(
            _read(folder, "Encounter"), lambda r: [_date_part(r.get("period", {}).get("start"), 8, 10)]
        ),
        "clinical.condition": _count(
            _read(folder, "Condition", generated=False), lambda r: [_date_part(r.get("onsetDateTime"), 8, 10)]
        ),
        "clinical.observation": _count(_read(folder, "Observation", generated=False), _observation_values),
        "clinical.document": _count(_read(folder, "DocumentReference"), _document_size),
        "clinical.nlp_finding": _count(
            chain.from_iterable(_read(folder, name, generated=True) for name in GENERATED_TYPES), _coding_positions
        ),
        "operations.claim": _count(_read(folder, "Claim"), lambda r: [r.get("total", {}).get("value", 0)]),
        "operations.claim_line": _count(_read(folder, "ExplanationOfBenefit"), _paid_amounts),
    }


def _count(resources: Iterable[dict[str, Any]], numbers_of_rows: Any) -> Count:
    rows, total = 0, 0.0
    for resource in resources:
        numbers = numbers_of_rows(resource)
        rows += len(numbers)
        total += sum(numbers)
    return Count(rows, total)


def _read(folder: Path, resource_type: str, *, generated: bool | None = None) -> Iterator[dict[str, Any]]:
    """The resources of a type; only what the NLP generated, or only what it did not, where that is asked for."""
    for path in sorted(folder.rglob(f"{resource_type}[.-]*ndjson*")):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for resource in map(json.loads, lines):
                tags = resource.get("meta", {}).get("tag", [])
                if generated in (None, any(tag.get("display") == "SYSTEM_GENERATED" for tag in tags)):
                    yield resource


def _date_part(text: str | None, start: int, end: int) -> int:
    """Part of a date text; 0 where the date is absent or partial, as SQL's sum passes over nulls."""
    return int(text[start:end]) if text and len(text) >= 10 else 0


def _observation_values(resource: dict[str, Any]) -> list[float]:
    own = resource.get("valueQuantity", {}).get("value", 0)
    components = resource.get("component") or []
    if not components:
        return [own]
    return [c["valueQuantity"]["value"] if "value" in c.get("valueQuantity", {}) else own for c in components]


def _document_size(resource: dict[str, Any]) -> list[float]:
    return [resource["content"][0]["attachment"].get("size", 0)]


def _coding_positions(resource: dict[str, Any]) -> list[float]:
    concept = resource.get("medicationCodeableConcept", resource.get("code", {}))
    return [float(number) for number, _ in enumerate(concept.get("coding") or [None], start=1)]


def _paid_amounts(resource: dict[str, Any]) -> list[float]:
    amounts = []
    for item in resource.get("item") or []:
        paid = 0.0
        for adjudication in item.get("adjudication") or []:
            codes = [c.get("code") for c in adjudication["category"]["coding"]]
            if "benefit" in codes or BLUE_BUTTON + "line_prvdr_pmt_amt" in codes:
                paid = adjudication["amount"]["value"]
                break
        amounts.append(paid)
    return amounts
