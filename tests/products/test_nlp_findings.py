"""clinical.nlp_finding: what HealthLake's integrated NLP generated, with its scores, and what they are worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caremesh.product_views import compile_product
from caremesh.products import read_product
from tests.conftest import ROOT
from tests.products.generated import GENERATED, HEALTHLAKE, Resource, advil
from tests.products.rows import flatten_lines


def only_row(resource: Resource, scratch: Path) -> dict[str, object]:
    views = compile_product(read_product(ROOT / "domains" / "clinical" / "nlp_finding"))
    (view,) = (v for v in views if v.resource == resource["resourceType"])
    (row,) = flatten_lines(view, [json.dumps(resource)], scratch, as_text=False)
    return row


def test_advil_that_was_not_prescribed_is_a_finding_without_a_verdict(tmp_path: Path) -> None:
    row = only_row(advil(meta=GENERATED), tmp_path)
    assert (row["finding_kind"], row["document_id"], row["code"]) == ("medication", "note", "731533")
    assert row["standard_system"] == "http://www.nlm.nih.gov/research/umls/rxnorm"
    assert row["is_above_threshold"] is None


@pytest.mark.parametrize(
    ("entity", "concept", "verdict"),
    [
        (["0.7"], ["0.7"], True),
        (["0.94417894"], ["0.8458298"], True),
        (["0.45005733"], ["0.1111792"], False),
        (["0.99"], ["0.6999"], False),
        (["0.99"], [], None),
        ([], [], None),
        ([], ["0.2"], False),
        (["0.9", "0.9"], ["0.9", "0.9"], None),
    ],
)
def test_a_finding_is_above_the_threshold_where_both_scores_are(
    entity: list[str], concept: list[str], verdict: bool | None, tmp_path: Path
) -> None:
    base = f"{HEALTHLAKE}/aws-cm/infer-icd10/aws-cm-icd10-entity"
    scores = [(f"{base}-score", s) for s in entity] + [(f"{base}-Concept-Score", s) for s in concept]
    resource = {
        "resourceType": "Condition",
        "id": "g",
        "meta": GENERATED,
        "modifierExtension": [{"url": url, "valueDecimal": float(score)} for url, score in scores],
    }
    row = only_row(resource, tmp_path)
    assert row["is_above_threshold"] is verdict
    assert row["entity_score"] == (float(entity[0]) if len(entity) == 1 else None)
    assert row["concept_score"] == (float(concept[0]) if len(concept) == 1 else None)


def test_scores_of_medications_are_found_by_how_their_urls_end(tmp_path: Path) -> None:
    # AWS publishes no url of a medication's score: whatever it is called, it ends as those of ICD-10-CM do.
    resource = advil(meta=GENERATED)
    resource["modifierExtension"] += [
        {"url": f"{HEALTHLAKE}/any/where-entity-score", "valueDecimal": 0.9},
        {"url": f"{HEALTHLAKE}/any/where-entity-Concept-Score", "valueDecimal": 0.8},
        {"url": f"{HEALTHLAKE}/any/where-entity-score/of-something-else", "valueDecimal": 0.1},
    ]
    row = only_row(resource, tmp_path)
    assert (row["entity_score"], row["concept_score"], row["is_above_threshold"]) == (0.9, 0.8, True)
