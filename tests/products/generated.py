"""Resources as HealthLake's integrated NLP generates them.

The shapes are those of AWS's example requests, where the note "Tom is not prescribed Advil" yields medications:
https://docs.aws.amazon.com/healthlake/latest/devguide/cm-api-results.html
"""

from __future__ import annotations

from typing import Any

Resource = dict[str, Any]
GENERATED = {"tag": [{"display": "SYSTEM_GENERATED"}]}
HEALTHLAKE = "http://healthlake.amazonaws.com"


def advil(*, meta: Resource) -> Resource:
    """One of the medications that AWS's sample makes of that note."""
    link = {"reference": "DocumentReference/note"}
    coding = {"system": f"{HEALTHLAKE}/aws-cm/infer-rxnorm/", "code": "731533", "display": "ibuprofen [Advil]"}
    return {
        "resourceType": "MedicationStatement",
        "id": "tom-and-advil",
        "meta": meta,
        "modifierExtension": [{"url": f"{HEALTHLAKE}/source-document-reference", "valueReference": link}],
        "status": "unknown",
        "medicationCodeableConcept": {"coding": [coding]},
        "subject": {"reference": "Patient/tom"},
    }
