"""Visits to a clinic and to an emergency room, with everything that is measured, found, done and billed there."""

from __future__ import annotations

from caremesh.demo import care, observations
from caremesh.demo.billing import Charge, write_bill
from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import MINUTE
from caremesh.demo.codes import billing as bill_codes
from caremesh.demo.codes import encounters as codes
from caremesh.demo.codes import measurements as tests
from caremesh.demo.codes.conditions import DISEASE_BY_KEY, DISEASES, ILLNESSES, Illness
from caremesh.demo.codes.treatments import MEDICATIONS, OPERATIONS
from caremesh.demo.encounters import Visit, new_visit, write_clinic_visit, write_emergency_visit
from caremesh.demo.patients import Patient

_CLINIC, _EMERGENCY_ROOM, _WARD = range(3)
# For each place, the illnesses seen there, each as often as its weight says.
_SEEN = tuple(
    tuple(illness for illness in ILLNESSES for _ in range(illness.weights[place]))
    for place in (_CLINIC, _EMERGENCY_ROOM, _WARD)
)
_ADULT = 18


def first_visit(patient: Patient, chart: Chart) -> int:
    """Add the visit at which the clinic gets to know a patient; give back when it ended."""
    visit = _clinic(patient, patient.registered, _check_up_type(patient, patient.registered), _routine(patient))
    care.write_problem_list(patient, visit, chart)
    care.write_allergies(patient, visit, chart)
    charges = [Charge(visit.type, bill_codes.CLINIC_VISIT), *_check_up(patient, visit, chart)]
    _prescribe_for_diseases(patient, visit, chart)
    write_clinic_visit(patient, visit, chart)
    write_bill(patient, visit, bill_codes.PROFESSIONAL, charges, chart)
    return visit.end


def clinic_visit(
    patient: Patient, start: int, chart: Chart, diagnoses: list[care.Diagnosis], *, is_planned: bool
) -> int:
    """Add a visit to the patient's clinic, planned or for an acute illness; give back when it ended."""
    if is_planned:
        visit_type = codes.FOLLOW_UP if patient.diseases else _check_up_type(patient, start)
        visit = _clinic(patient, start, visit_type, _routine(patient))
        charges = [Charge(visit.type, bill_codes.CLINIC_VISIT), *_check_up(patient, visit, chart)]
        if patient.rng.random() < 0.45:
            _prescribe_for_diseases(patient, visit, chart)
    else:
        illness = draw_illness(patient, _CLINIC)
        visit = _clinic(patient, start, codes.SYMPTOM_VISIT, illness.code, new_id(patient.rng))
        diagnoses.append(care.draw_diagnosis(patient, visit, illness))
        observations.write_vital_signs(patient, visit, start + 5 * MINUTE, chart, measured=False)
        charges = [Charge(visit.type, bill_codes.CLINIC_VISIT), *treat(patient, visit, illness, chart)]
    write_clinic_visit(patient, visit, chart)
    write_bill(patient, visit, bill_codes.PROFESSIONAL, charges, chart)
    return visit.end


def emergency_visit(patient: Patient, start: int, chart: Chart, diagnoses: list[care.Diagnosis]) -> int:
    """Add a visit to the emergency room that ends at home; give back when it ended."""
    rng = patient.rng
    illness = draw_illness(patient, _EMERGENCY_ROOM)
    leaves_unseen = rng.random() < 0.03
    stay = min(720.0, max(25.0, rng.lognormvariate(5.05, 0.5))) * (0.4 if leaves_unseen else 1)
    visit = new_visit(
        patient,
        (codes.EMERGENCY, codes.EMERGENCY_VISIT),
        start,
        start + int(stay * MINUTE),
        facility=patient.hospital,
        practitioner=rng.choice(patient.hospital.practitioners),
        reason=illness.code,
        diagnosis_id="" if leaves_unseen else new_id(rng),
    )
    disposition = codes.AGAINST_ADVICE if leaves_unseen else codes.HOME
    write_emergency_visit(patient, visit, chart, disposition=disposition)
    if leaves_unseen:
        return visit.end
    diagnoses.append(care.draw_diagnosis(patient, visit, illness))
    observations.write_vital_signs(patient, visit, start + 8 * MINUTE, chart, measured=False)
    observations.write_pain_score(patient, visit, start + 8 * MINUTE, chart)
    charges = [Charge(visit.type, bill_codes.EMERGENCY_ROOM), *treat(patient, visit, illness, chart)]
    if rng.random() < 0.5:
        observations.write_labs(patient, visit, (*tests.BASIC_PANEL, *tests.BLOOD_COUNT), start + 20 * MINUTE, chart)
        charges += [Charge(*tests.BASIC_PANEL_CHARGE), Charge(*tests.BLOOD_COUNT_CHARGE)]
    write_bill(patient, visit, bill_codes.INSTITUTIONAL, charges, chart)
    return visit.end


def draw_illness(patient: Patient, place: int = _WARD) -> Illness:
    """Draw an acute illness as it is seen in a place; the default is a ward."""
    return patient.rng.choice(_SEEN[place])


def treat(patient: Patient, visit: Visit, illness: Illness, chart: Chart) -> list[Charge]:
    """Add what an illness calls for: a procedure, a drug, a urine sample; give back what is charged for it."""
    rng, charges = patient.rng, []
    if illness.procedure:
        operation = OPERATIONS[illness.procedure]
        care.write_procedure(patient, visit, operation, chart)
        charges.append(Charge(operation.code, operation.price))
    if illness.medication:
        care.write_medication(patient, visit, MEDICATIONS[illness.medication], visit.diagnosis, chart)
    if rng.random() < 0.15:
        observations.write_urine_color(patient, visit, visit.start + 12 * MINUTE, chart)
    return charges


def _clinic(patient: Patient, start: int, visit_type: Json, reason: Json, diagnosis_id: str = "") -> Visit:
    return new_visit(
        patient,
        (codes.AMBULATORY, visit_type),
        start,
        start + patient.rng.randint(15, 55) * MINUTE + patient.rng.randrange(60),
        facility=patient.clinic,
        practitioner=patient.doctor,
        reason=reason,
        diagnosis_id=diagnosis_id,
    )


def _check_up_type(patient: Patient, moment: int) -> Json:
    return codes.WELL_CHILD_VISIT if patient.age(moment) < _ADULT else codes.GENERAL_EXAMINATION


def _routine(patient: Patient) -> Json:
    """Why somebody comes for a planned visit: the first of their diseases, or a check-up."""
    for key in patient.diseases:
        return DISEASE_BY_KEY[key].code
    return codes.CHECK_UP


def _check_up(patient: Patient, visit: Visit, chart: Chart) -> list[Charge]:
    """Add what is measured and done at a planned visit; give back what is charged for it."""
    rng, charges = patient.rng, []
    observations.write_vital_signs(patient, visit, visit.start + 5 * MINUTE, chart)
    is_adult = patient.age(visit.start) >= _ADULT
    if is_adult and rng.random() < 0.5:
        observations.write_smoking_status(patient, visit, visit.start + 6 * MINUTE, chart)
    if rng.random() < 0.33:
        care.write_immunization(patient, visit, care.draw_vaccine(patient, visit.start), chart)
    if is_adult and rng.random() < 0.4:
        charges += _laboratory(patient, visit, chart)
    operation = rng.choice(_screenings(patient)) if is_adult and rng.random() < 0.35 else None
    if operation:
        care.write_procedure(patient, visit, OPERATIONS[operation], chart)
        charges.append(Charge(OPERATIONS[operation].code, OPERATIONS[operation].price))
    return charges


def _screenings(patient: Patient) -> tuple[str, ...]:
    usual: tuple[str, ...] = ("medication_reconciliation", "depression_screening")
    if "copd" in patient.diseases or "asthma" in patient.diseases:
        usual += ("spirometry",)
    if "heart_failure" in patient.diseases or "coronary_disease" in patient.diseases:
        usual += ("echocardiogram", "electrocardiogram")
    if patient.age(patient.registered) >= 45:
        usual += ("mammogram",) if patient.gender == "female" else ("colonoscopy",)
    return usual


def _laboratory(patient: Patient, visit: Visit, chart: Chart) -> list[Charge]:
    """Add the panels that the patient's diseases call for."""
    ordered: list[tests.Measurement] = list(tests.BASIC_PANEL)
    charges = [Charge(*tests.BASIC_PANEL_CHARGE)]
    diseases = patient.diseases
    if patient.rng.random() < 0.5 or "anemia" in diseases:
        ordered += tests.BLOOD_COUNT
        charges.append(Charge(*tests.BLOOD_COUNT_CHARGE))
    if "hyperlipidemia" in diseases or patient.rng.random() < 0.3:
        ordered += tests.LIPID_PANEL
        charges.append(Charge(*tests.LIPID_PANEL_CHARGE))
    if "diabetes" in diseases or "prediabetes" in diseases:
        ordered.append(tests.HBA1C)
        charges.append(Charge(*tests.HBA1C_CHARGE))
    for disease, test in _TEST_OF_DISEASE:
        if disease in diseases:
            ordered.append(test)
            charges.append(Charge(test.code, 5_200))
    observations.write_labs(patient, visit, ordered, visit.start + 12 * MINUTE, chart)
    return charges


_TEST_OF_DISEASE = (
    ("hypothyroidism", tests.THYROTROPIN),
    ("atrial_fibrillation", tests.CLOTTING_RATIO),
    ("heart_failure", tests.NATRIURETIC_PEPTIDE),
)


def _prescribe_for_diseases(patient: Patient, visit: Visit, chart: Chart) -> None:
    """Add a prescription for every disease that has a drug, and the pharmacy's bill for them."""
    rng, charges = patient.rng, []
    for disease in DISEASES:
        if disease.key in patient.diseases and disease.medications:
            drug = MEDICATIONS[rng.choice(disease.medications)]
            reason = {"reference": f"Condition/{patient.diseases[disease.key]}", "display": disease.name}
            care.write_medication(patient, visit, drug, reason, chart)
            charges.append(Charge(drug.code, drug.price))
    if charges:
        write_bill(patient, visit, bill_codes.PHARMACY, charges, chart)
