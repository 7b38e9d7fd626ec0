"""Observations: laboratory results, vital signs with blood pressure as components, smoking status."""

from __future__ import annotations

from collections.abc import Iterable

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, HOUR, MINUTE
from caremesh.demo.codes import measurements as codes
from caremesh.demo.codes.measurements import Measurement
from caremesh.demo.encounters import Visit
from caremesh.demo.formulas import FORMULAS
from caremesh.demo.patients import Patient

_CORRECTED = 0.006
_NOT_MEASURED = 0.004
_ROUTINE_SIGNS = (codes.HEART_RATE,)
_ALL_SIGNS = (codes.HEART_RATE, codes.RESPIRATION, codes.TEMPERATURE, codes.OXYGEN_SATURATION)


def write_labs(patient: Patient, visit: Visit, tests: Iterable[Measurement], taken: int, chart: Chart) -> None:
    """Add laboratory results; a few turn out wrong and are corrected weeks later, a few are missing."""
    rng, known = patient.rng, taken + int(patient.rng.uniform(0.7, 9) * HOUR)
    common = _common(patient, visit, taken, known, codes.LABORATORY)
    values: dict[str, float] = {}
    for test in tests:
        formula = FORMULAS.get(test.loinc)
        value = test.rounded(formula(values, patient, taken)) if formula else _draw(patient, test)
        values[test.loinc] = value
        observation_id, luck = new_id(rng), rng.random()
        if luck > 1 - _NOT_MEASURED:
            fields = common | {"code": test.code, "dataAbsentReason": codes.NOT_PERFORMED}
            chart.add("Observation", observation_id, known, fields)
        elif luck < _CORRECTED:
            correction = known + int((2 + luck / _CORRECTED * 45) * DAY)
            was_corrected = chart.reached(correction)
            fields = _result(common, test, value if was_corrected else test.rounded(value * 1.15))
            if was_corrected:
                fields["status"] = "corrected"
            chart.add_changed("Observation", observation_id, (known, correction), fields)
        else:
            chart.add("Observation", observation_id, known, _result(common, test, value))


def write_vital_signs(patient: Patient, visit: Visit, taken: int, chart: Chart, *, measured: bool = True) -> None:
    """Add blood pressure and pulse, then height and weight where `measured`, else breathing, fever and oxygen."""
    rng = patient.rng
    known = taken + 2 * MINUTE
    common = _common(patient, visit, taken, known, codes.VITAL_SIGNS)
    systolic = _draw(patient, codes.SYSTOLIC)
    diastolic = min(systolic - 15, _draw(patient, codes.DIASTOLIC))
    components = [
        {"code": sign.code, "valueQuantity": sign.quantity(value)}
        for sign, value in ((codes.SYSTOLIC, systolic), (codes.DIASTOLIC, diastolic))
    ]
    pressure = {"code": codes.BLOOD_PRESSURE, "component": components}
    chart.add("Observation", new_id(rng), known, common | pressure)
    for sign in _ROUTINE_SIGNS if measured else _ALL_SIGNS:
        fields = common | {"code": sign.code, "valueQuantity": sign.quantity(_draw(patient, sign))}
        chart.add("Observation", new_id(rng), known, fields)
    if measured:
        body_mass = round(patient.body_mass + rng.gauss(0, 0.4), 1)
        height = round(patient.height, 1)
        weight = round(body_mass * (height / 100) ** 2, 1)
        sizes = ((codes.HEIGHT, height), (codes.WEIGHT, weight), (codes.BODY_MASS_INDEX, body_mass))
        for size, value in sizes:
            fields = common | {"code": size.code, "valueQuantity": size.quantity(value)}
            chart.add("Observation", new_id(rng), known, fields)


def write_pain_score(patient: Patient, visit: Visit, taken: int, chart: Chart) -> None:
    """Add how much pain the patient reports, from 0 to 10."""
    known = taken + 3 * MINUTE
    score = min(10, max(0, round(patient.rng.gauss(codes.PAIN.mean + 2, codes.PAIN.spread))))
    fields = _common(patient, visit, taken, known, codes.VITAL_SIGNS) | {
        "code": codes.PAIN.code,
        "valueQuantity": codes.PAIN.quantity(score),
    }
    chart.add("Observation", new_id(patient.rng), known, fields)


def write_smoking_status(patient: Patient, visit: Visit, taken: int, chart: Chart) -> None:
    """Add whether the patient smokes, as a coded value."""
    # A person's answer hardly changes: it follows from who they are, not from the day.
    habit = (codes.NEVER_SMOKED, codes.EX_SMOKER, codes.NEVER_SMOKED, codes.SMOKER, codes.NEVER_SMOKED, codes.EX_SMOKER)
    known = taken + 4 * MINUTE
    fields = _common(patient, visit, taken, known, codes.SOCIAL_HISTORY) | {
        "code": codes.SMOKING_STATUS,
        "valueCodeableConcept": habit[patient.index % len(habit)],
    }
    chart.add("Observation", new_id(patient.rng), known, fields)


def write_urine_color(patient: Patient, visit: Visit, taken: int, chart: Chart) -> None:
    """Add the color of a urine sample, which laboratories report as plain text."""
    known = taken + 2 * HOUR
    fields = _common(patient, visit, taken, known, codes.LABORATORY) | {
        "code": codes.URINE_COLOR,
        "valueString": patient.rng.choice(codes.URINE_COLORS),
    }
    chart.add("Observation", new_id(patient.rng), known, fields)


def _common(patient: Patient, visit: Visit, taken: int, known: int, category: list[Json]) -> Json:
    return {
        "status": "final",
        "category": category,
        "subject": patient.reference,
        "encounter": visit.reference,
        "effectiveDateTime": patient.zone.text(taken),
        "issued": patient.zone.text(known),
        "performer": [visit.facility.organization],
    }


def _result(common: Json, test: Measurement, value: float) -> Json:
    interpretation = codes.LOW if value < test.low else codes.HIGH if value > test.high else codes.NORMAL
    return common | {
        "code": test.code,
        "valueQuantity": test.quantity(value),
        "interpretation": interpretation,
        "referenceRange": test.reference_range,
    }


def _draw(patient: Patient, test: Measurement) -> float:
    """Draw a value around the mean of the patient's disease; some people are always on one side of the mean."""
    mean, spread = test.mean, test.spread
    for disease, (mean_with, spread_with) in test.by_disease.items():
        if disease in patient.diseases:
            mean, spread = mean_with, spread_with
            break
    value = max(mean * 0.25, mean + spread * (0.6 * patient.health + 0.8 * patient.rng.gauss(0, 1)))
    return test.rounded(value)
