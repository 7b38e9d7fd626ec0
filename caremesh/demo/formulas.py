"""Laboratory results that are computed from other results, so that they agree as they do in life."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from caremesh.demo.codes import measurements as codes
from caremesh.demo.patients import Patient

Values = Mapping[str, float]


def filtration_rate(values: Values, patient: Patient, moment: int) -> float:
    """Estimate glomerular filtration from creatinine: CKD-EPI 2021 (doi:10.1056/NEJMoa2102953)."""
    is_female = patient.gender == "female"
    ratio = values[codes.CREATININE.loinc] / (0.7 if is_female else 0.9)
    low: float = min(ratio, 1.0) ** (-0.241 if is_female else -0.302)
    high: float = max(ratio, 1.0) ** -1.2
    return 142.0 * low * high * math.pow(0.9938, patient.age(moment)) * (1.012 if is_female else 1.0)


def total_cholesterol(values: Values, patient: Patient, moment: int) -> float:  # noqa: ARG001 (one of the formulas)
    """Compute total cholesterol so that calculated LDL fits it: Friedewald, LDL = total - HDL - triglycerides / 5."""
    return values[codes.LDL.loinc] + values[codes.HDL.loinc] + values[codes.TRIGLYCERIDES.loinc] / 5


def hematocrit(values: Values, patient: Patient, moment: int) -> float:  # noqa: ARG001 (one of the formulas)
    """Compute the volume of red cells by the rule of three: about three times hemoglobin."""
    return 2.95 * values[codes.HEMOGLOBIN.loinc]


FORMULAS: Mapping[str, Callable[[Values, Patient, int], float]] = {
    codes.FILTRATION.loinc: filtration_rate,
    codes.CHOLESTEROL.loinc: total_cholesterol,
    codes.HEMATOCRIT.loinc: hematocrit,
}
