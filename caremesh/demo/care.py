"""What is found and done: conditions, medication requests, procedures, immunizations and allergies."""

from __future__ import annotations

from dataclasses import dataclass

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, MINUTE, day_text
from caremesh.demo.codes import treatments as codes
from caremesh.demo.codes.conditions import DISEASE_BY_KEY, Illness
from caremesh.demo.codes.systems import hl7
from caremesh.demo.codes.treatments import Medication, Operation
from caremesh.demo.encounters import Visit
from caremesh.demo.patients import Patient

_ACTIVE = hl7("condition-clinical", "active", "Active")
_RESOLVED = hl7("condition-clinical", "resolved", "Resolved")
_CONFIRMED = hl7("condition-ver-status", "confirmed", "Confirmed")
_PROVISIONAL = hl7("condition-ver-status", "provisional", "Provisional")
_PROBLEM = [hl7("condition-category", "problem-list-item", "Problem List Item")]
_DIAGNOSIS = [hl7("condition-category", "encounter-diagnosis", "Encounter Diagnosis")]
_ALLERGY_ACTIVE = hl7("allergyintolerance-clinical", "active", "Active")
_ALLERGY_CONFIRMED = hl7("allergyintolerance-verification", "confirmed", "Confirmed")
_COMMUNITY = [hl7("medicationrequest-category", "community", "Community")]
_WARD_ORDER = [hl7("medicationrequest-category", "inpatient", "Inpatient")]


@dataclass(frozen=True)
class Diagnosis:
    """An acute illness as a visit found it, and when it will be over if the patient lives."""

    visit: Visit
    illness: Illness
    onset: int
    recorded: int
    resolved: int
    is_provisional: bool


def write_problem_list(patient: Patient, visit: Visit, chart: Chart) -> None:
    """Add every chronic disease as Condition, recorded at the first visit; it began years before, half known when."""
    recorded = visit.start + 5 * MINUTE
    for key, condition_id in patient.diseases.items():
        share = patient.rng.uniform(0.02, 0.4)
        began = day_text(int(visit.start // DAY - share * (visit.start // DAY - patient.birth_day)))
        fields = {
            "clinicalStatus": _ACTIVE,
            "verificationStatus": _CONFIRMED,
            "category": _PROBLEM,
            "code": DISEASE_BY_KEY[key].code,
            "subject": patient.reference,
            "encounter": visit.reference,
            "onsetDateTime": patient.rng.choice((began, began[:7], began[:4])),
            "recordedDate": patient.zone.text(recorded),
        }
        chart.add("Condition", condition_id, recorded, fields)


def draw_diagnosis(patient: Patient, visit: Visit, illness: Illness) -> Diagnosis:
    """Draw the course of an acute illness that a visit found: onset days before, end weeks after."""
    rng = patient.rng
    recorded = visit.start + 15 * MINUTE
    return Diagnosis(
        visit=visit,
        illness=illness,
        onset=visit.start - int(rng.expovariate(1 / 3) * DAY),
        recorded=recorded,
        resolved=max(visit.end, recorded) + int(illness.days * rng.uniform(0.6, 1.4) * DAY),
        is_provisional=rng.random() < 0.03,
    )


def write_diagnosis(patient: Patient, diagnosis: Diagnosis, chart: Chart, *, died: int | None) -> None:
    """Add an acute illness as Condition; it changes when it resolves, unless the patient dies before."""
    changes = [diagnosis.recorded]
    if died is None or diagnosis.resolved < died:
        changes.append(diagnosis.resolved)
    is_resolved = len(changes) == 2 and chart.reached(diagnosis.resolved)
    fields = {
        "clinicalStatus": _RESOLVED if is_resolved else _ACTIVE,
        "verificationStatus": _PROVISIONAL if diagnosis.is_provisional else _CONFIRMED,
        "category": _DIAGNOSIS,
        "code": diagnosis.illness.code,
        "subject": patient.reference,
        "encounter": diagnosis.visit.reference,
        "onsetDateTime": patient.zone.text(diagnosis.onset),
        "recordedDate": patient.zone.text(diagnosis.recorded),
    }
    if is_resolved:
        fields["abatementDateTime"] = patient.zone.text(diagnosis.resolved)
    chart.add_changed("Condition", diagnosis.visit.diagnosis_id, changes, fields)


def write_medication(patient: Patient, visit: Visit, drug: Medication, reason: Json | None, chart: Chart) -> None:
    """Add a prescription as MedicationRequest."""
    rng = patient.rng
    # Ordered on the ward within the first hours, or taken home from a visit.
    authored = visit.start + int(rng.uniform(20, 90) * MINUTE) if visit.is_inpatient else visit.end - MINUTE
    fields: Json = {
        # Counted from the base export, so that no increment has to restate every prescription that ran out.
        "status": "active" if chart.base - authored < 90 * DAY else "completed",
        "intent": "order",
        "category": _WARD_ORDER if visit.is_inpatient else _COMMUNITY,
        "medicationCodeableConcept": drug.code,
        "subject": patient.reference,
        "encounter": visit.reference,
        "authoredOn": patient.zone.text(authored),
        "requester": visit.practitioner,
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": f"{drug.times_a_day} a day",
                "timing": {"repeat": {"frequency": drug.times_a_day, "period": 1, "periodUnit": "d"}},
                "asNeededBoolean": drug.times_a_day > 2,
            }
        ],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": rng.randrange(4),
            "expectedSupplyDuration": {"value": 30, "unit": "days", "system": "http://unitsofmeasure.org", "code": "d"},
        },
    }
    if reason:
        fields["reasonReference"] = [reason]
    chart.add("MedicationRequest", new_id(rng), authored, fields)


def write_procedure(patient: Patient, visit: Visit, operation: Operation, chart: Chart) -> None:
    """Add a procedure, done within the visit."""
    start = visit.start + (visit.end - visit.start) // 4
    end = min(visit.end, start + operation.minutes * MINUTE)
    fields: Json = {
        "status": "completed",
        "code": operation.code,
        "subject": patient.reference,
        "encounter": visit.reference,
        "performedPeriod": {"start": patient.zone.text(start), "end": patient.zone.text(end)},
        "performer": [{"actor": visit.practitioner}],
        "location": visit.facility.site,
    }
    if visit.diagnosis_id:
        fields["reasonReference"] = [visit.diagnosis]
    chart.add("Procedure", new_id(patient.rng), end, fields)


def write_immunization(patient: Patient, visit: Visit, vaccine: Json, chart: Chart) -> None:
    """Add a vaccination; one in fifty was offered and refused."""
    rng = patient.rng
    given = visit.start + 10 * MINUTE
    refused = rng.random() < 0.02
    fields: Json = {
        "status": "not-done" if refused else "completed",
        "vaccineCode": vaccine,
        "patient": patient.reference,
        "encounter": visit.reference,
        "occurrenceDateTime": patient.zone.text(given),
        "primarySource": True,
        "location": visit.facility.site,
        "lotNumber": f"L{rng.randrange(10**6):06d}",
    }
    if refused:
        fields["statusReason"] = hl7("v3-ActReason", "PATOBJ", "patient objection")
    chart.add("Immunization", new_id(rng), given, fields)


def write_allergies(patient: Patient, visit: Visit, chart: Chart) -> None:
    """Add the allergies told at the first visit: about a quarter of the people has one or two."""
    rng = patient.rng
    count = (rng.random() < 0.24) + (rng.random() < 0.06)
    recorded = visit.start + 6 * MINUTE
    for substance, category, reaction in rng.sample(codes.ALLERGIES, count):
        onset = day_text(patient.birth_day + int(rng.uniform(0.05, 0.95) * (visit.start // DAY - patient.birth_day)))
        fields = {
            "clinicalStatus": _ALLERGY_ACTIVE,
            "verificationStatus": _ALLERGY_CONFIRMED,
            "type": "allergy",
            "category": [category],
            "criticality": rng.choice(("low", "low", "high", "unable-to-assess")),
            "code": substance,
            "patient": patient.reference,
            "encounter": visit.reference,
            "onsetDateTime": onset[:4],
            "recordedDate": patient.zone.text(recorded),
            "reaction": [{"manifestation": [reaction], "severity": rng.choice(("mild", "moderate", "severe"))}],
        }
        chart.add("AllergyIntolerance", new_id(rng), recorded, fields)


def draw_vaccine(patient: Patient, moment: int) -> Json:
    """Choose a vaccine for the patient's age; influenza is the most frequent."""
    age = patient.age(moment)
    if patient.rng.random() < 0.55:
        return codes.INFLUENZA
    if age < 18:
        return patient.rng.choice(codes.CHILD_VACCINES)
    return patient.rng.choice(codes.SENIOR_VACCINES if age >= 65 else codes.ADULT_VACCINES)
