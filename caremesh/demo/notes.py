"""Notes of visits, and what HealthLake's integrated NLP makes of them: findings that nobody confirmed.

The shapes are those of https://docs.aws.amazon.com/healthlake/latest/devguide/cm-api-results.html. A note draws from
a stream of its own, so that the rest of a patient's history does not depend on it.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from random import Random

from caremesh.demo.care import Diagnosis
from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import MINUTE
from caremesh.demo.codes.conditions import Illness
from caremesh.demo.codes.systems import LOINC, US_CORE, coding, concept
from caremesh.demo.codes.treatments import MEDICATIONS
from caremesh.demo.patients import Patient

_HEALTHLAKE = "http://healthlake.amazonaws.com/"
_READER = f"{_HEALTHLAKE}aws-cm/"
_ICD10 = f"{_READER}infer-icd10/"
_RXNORM = f"{_READER}infer-rxnorm/"
_GENERATED = [{"display": "SYSTEM_GENERATED"}]
_CATEGORY = US_CORE.replace("StructureDefinition", "CodeSystem") + "us-core-documentreference-category"
_CLINICAL_NOTE = {"coding": [coding(_CATEGORY, "clinical-note", "Clinical Note")]}
_VISIT_NOTE = concept(LOINC, "34117-2", "History and physical note")
_DISCHARGE_SUMMARY = concept(LOINC, "18842-5", "Discharge summary")
_SUCCESS = ("SUCCESS", "The AWS HealthLake integrated medical NLP operation was successful.")
_REFUSED = ("VALIDATION_ERROR", "The resource has more nested objects than can be read.")
_SIGNS = (
    ("R50.9", "Fever, unspecified", "fever"),
    ("R05.9", "Cough, unspecified", "cough"),
    ("R11.0", "Nausea", "nausea"),
    ("R53.83", "Other fatigue", "fatigue"),
    ("R42", "Dizziness and giddiness", "dizziness"),
)
_ADVIL = ("731533", "ibuprofen 200 MG Oral Capsule [Advil]")


@dataclass(frozen=True)
class Finding:
    """What was read out of a note: the resource to be, its code, and how sure the reader is (entity, concept)."""

    resource_type: str
    id: str
    code: Json
    scores: tuple[float, float] | None = None

    @property
    def reference(self) -> Json:
        """The generated resource, as a Reference."""
        return {"reference": f"{self.resource_type}/{self.id}"}


def write_note(patient: Patient, diagnosis: Diagnosis, chart: Chart) -> None:
    """Add the note of a visit that found an illness; minutes later it is read, and the findings are added."""
    rng = Random(f"note {diagnosis.visit.id}")
    written = max(diagnosis.visit.end, diagnosis.recorded)
    read = written + rng.randint(2, 15) * MINUTE
    note_id, linkage_id = new_id(rng), new_id(rng)
    text, findings = _draw_note(rng, diagnosis.illness)
    status = _REFUSED if rng.random() < 0.04 else _SUCCESS
    if status is _REFUSED:
        findings = ()
    fields = _document(patient, diagnosis, written, text)
    if chart.reached(read):
        fields["extension"] = _reading(status, findings, linkage_id)
    chart.add_changed("DocumentReference", note_id, (written, read), fields)
    if not findings:
        return
    for finding in findings:
        links = _links(note_id, linkage_id)
        chart.add(finding.resource_type, finding.id, read, _generated(patient, finding, links), tags=_GENERATED)
    items = [{"type": "alternate", "resource": f.reference} for f in findings]
    source = {"type": "source", "resource": {"reference": f"DocumentReference/{note_id}"}}
    chart.add("Linkage", linkage_id, read, {"active": True, "item": [*items, source]}, tags=_GENERATED)


def _draw_note(rng: Random, illness: Illness) -> tuple[str, tuple[Finding, ...]]:
    """Draw a note, and what is read out of it: what the note denies is found like what it states."""
    sign_code, sign, word = rng.choice(_SIGNS)
    is_denied = rng.random() < 0.4
    findings = [
        Finding("Condition", new_id(rng), _inferred(_ICD10, illness.icd10, illness.icd10_name), _draw_scores(rng)),
        Finding("Observation", new_id(rng), _inferred(_ICD10, sign_code, sign), _draw_scores(rng)),
    ]
    lines = ["# Assessment", illness.name, "# Symptoms", f"Denies {word}." if is_denied else f"Reports {word}."]
    if illness.medication:
        drug = MEDICATIONS[illness.medication]
        lines += ["# Plan", f"Prescribed {drug.name}."]
        findings.append(Finding("MedicationStatement", new_id(rng), _inferred(_RXNORM, drug.rxnorm, drug.name)))
    if rng.random() < 0.2:
        lines.append("The patient is not prescribed Advil.")
        findings.append(Finding("MedicationStatement", new_id(rng), _inferred(_RXNORM, *_ADVIL)))
    return "\n".join(lines) + "\n", tuple(findings)


def _draw_scores(rng: Random) -> tuple[float, float]:
    return round(1 - rng.random() ** 2 / 2, 8), round(rng.uniform(0.3, 0.95), 8)


def _inferred(system: str, code: str, display: str) -> Json:
    return {"coding": [coding(system, code, display)], "text": display}


def _document(patient: Patient, diagnosis: Diagnosis, written: int, text: str) -> Json:
    visit, content = diagnosis.visit, text.encode()
    return {
        "status": "current",
        "docStatus": "final",
        "type": _DISCHARGE_SUMMARY if visit.is_inpatient else _VISIT_NOTE,
        "category": [_CLINICAL_NOTE],
        "subject": patient.reference,
        "date": patient.zone.text(written),
        "author": [visit.practitioner],
        "custodian": visit.facility.organization,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(content).decode(),
                    "size": len(content),
                    "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
                    "title": "Discharge summary" if visit.is_inpatient else "Visit note",
                }
            }
        ],
        "context": {"encounter": [visit.reference]},
    }


def _reading(status: tuple[str, str], findings: tuple[Finding, ...], linkage_id: str) -> list[Json]:
    """The extensions of a document that was read: how that ended, what was inferred, and what was generated."""
    code, message = status
    stated = [
        {"url": f"{_READER}status/", "valueString": code},
        {"url": f"{_READER}message/", "valueString": message},
    ]
    if not findings:
        return [{"url": _READER, "extension": stated}]
    entities = [_entity(number, f, f.scores) for number, f in enumerate(findings) if f.scores]
    version = {"url": f"{_ICD10}model-version", "valueString": "0.1.0"}
    linkage = {"url": f"{_HEALTHLAKE}linkage", "valueReference": {"reference": f"Linkage/{linkage_id}"}}
    generated = [{"url": f"{_HEALTHLAKE}nlp-entity", "valueReference": f.reference} for f in findings]
    return [
        {"url": _READER, "extension": [{"url": _ICD10, "extension": [version, *entities]}, *stated]},
        {"url": f"{_HEALTHLAKE}system-generated-resources/", "extension": [linkage, *generated]},
    ]


def _entity(number: int, finding: Finding, scores: tuple[float, float]) -> Json:
    prefix = f"{_ICD10}aws-cm-icd10-entity"
    code = finding.code["coding"][0]
    inferred = [
        {"url": f"{prefix}-Concept-Code", "valueString": code["code"]},
        {"url": f"{prefix}-Concept-Description", "valueString": code["display"]},
        {"url": f"{prefix}-Concept-Score", "valueDecimal": scores[1]},
    ]
    return {
        "url": prefix,
        "extension": [
            {"url": f"{prefix}-id", "valueInteger": number},
            {"url": f"{prefix}-score", "valueDecimal": scores[0]},
            {
                "url": f"{prefix}-ConceptList",
                "extension": [{"url": f"{prefix}-Concept", "extension": inferred}],
            },
        ],
    }


def _links(note_id: str, linkage_id: str) -> list[Json]:
    linkage = {"reference": f"Linkage/{linkage_id}"}
    document = {"reference": f"DocumentReference/{note_id}"}
    return [
        {"url": f"{_HEALTHLAKE}system-generated-linkage", "valueReference": linkage},
        {"url": f"{_HEALTHLAKE}source-document-reference", "valueReference": document},
    ]


def _generated(patient: Patient, finding: Finding, links: list[Json]) -> Json:
    scores = zip(("score", "Concept-Score"), finding.scores or (), strict=False)
    stated = [{"url": f"{_ICD10}aws-cm-icd10-entity-{name}", "valueDecimal": score} for name, score in scores]
    fields: Json = {"subject": patient.reference, "modifierExtension": [*stated, *links]}
    if finding.resource_type == "MedicationStatement":
        return fields | {"status": "unknown", "medicationCodeableConcept": finding.code}
    if finding.resource_type == "Observation":
        fields["status"] = "unknown"
    return fields | {"code": finding.code}
