"""Laboratory tests and vital signs: LOINC codes, UCUM units, reference ranges and what is usual for whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from caremesh.demo.codes.systems import LOINC, SNOMED, UCUM, Json, concept, hl7


@dataclass(frozen=True)
class Measurement:
    """A measured quantity: its reference range, and mean and spread among people without and with a disease."""

    loinc: str
    name: str
    unit: str
    low: float
    high: float
    mean: float
    spread: float
    decimals: int = 0
    by_disease: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    ucum: str = ""
    greatest: float = math.inf

    @cached_property
    def code(self) -> Json:
        """The test as CodeableConcept."""
        return concept(LOINC, self.loinc, self.name)

    @cached_property
    def reference_range(self) -> list[Json]:
        """The reference range as FHIR writes it."""
        return [{"low": self.quantity(self.low), "high": self.quantity(self.high)}]

    def rounded(self, value: float) -> float:
        """Round a value as this measurement is reported."""
        value = min(value, self.greatest)
        return round(value, self.decimals) if self.decimals else round(value)

    def quantity(self, value: float) -> Json:
        """Write a value with this measurement's unit."""
        return {"value": value, "unit": self.unit, "system": UCUM, "code": self.ucum or self.unit}


# fmt: off
_SODIUM = Measurement("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 135, 145, 140, 2.4,
                      by_disease={"heart_failure": (136.5, 3.5)})
_POTASSIUM = Measurement("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.5, 5.1, 4.2, 0.35, 1,
                         {"kidney_disease": (4.8, 0.5)})
_CHLORIDE = Measurement("2075-0", "Chloride [Moles/volume] in Serum or Plasma", "mmol/L", 98, 107, 102.5, 2.3)
_BICARBONATE = Measurement("2028-9", "Carbon dioxide, total [Moles/volume] in Serum or Plasma", "mmol/L",
                           22, 29, 25.4, 2.0, by_disease={"kidney_disease": (22.0, 2.6), "copd": (28.5, 3.0)})
_UREA = Measurement("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma", "mg/dL", 7, 20, 14, 3.8, 0,
                    {"kidney_disease": (34, 10), "heart_failure": (26, 9)})
CREATININE = Measurement("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 0.6, 1.3, 0.9, 0.16, 2,
                          {"kidney_disease": (1.7, 0.35)})
FILTRATION = Measurement("98979-8", "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, "
                          "Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)", "mL/min/{1.73_m2}",
                          60, 120, 92, 13, 0, {"kidney_disease": (44, 8)})
_GLUCOSE = Measurement("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 99, 91, 8, 0,
                       {"diabetes": (158, 42), "prediabetes": (110, 9)})
_CALCIUM = Measurement("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.6, 10.3, 9.4, 0.35, 1)
_WHITE_CELLS = Measurement("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", 4.0, 11.0, 7.2,
                           1.7, 1)
HEMOGLOBIN = Measurement("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 12.0, 17.0, 14.1, 1.2, 1,
                          {"anemia": (10.1, 1.0), "kidney_disease": (11.8, 1.1)})
HEMATOCRIT = Measurement("4544-3", "Hematocrit [Volume Fraction] of Blood by Automated count", "%", 36, 50, 42, 3.4, 1,
                          {"anemia": (31.0, 2.9)})
_PLATELETS = Measurement("777-3", "Platelets [#/volume] in Blood by Automated count", "10*3/uL", 150, 400, 252, 52)
CHOLESTEROL = Measurement("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 100, 200, 178, 26, 0,
                           {"hyperlipidemia": (226, 32)})
LDL = Measurement("13457-7", "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation", "mg/dL",
                   40, 130, 102, 22, 0, {"hyperlipidemia": (148, 28)})
HDL = Measurement("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", "mg/dL", 40, 80, 54, 12, 0,
                   {"obesity": (44, 9)})
TRIGLYCERIDES = Measurement("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", "mg/dL", 40, 150, 112, 34, 0,
                             {"hyperlipidemia": (188, 62), "diabetes": (176, 60)})
HBA1C = Measurement("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 4.0, 5.6, 5.2, 0.25, 1,
                    {"diabetes": (7.7, 1.5), "prediabetes": (6.0, 0.2)})
THYROTROPIN = Measurement("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.4, 4.5, 1.9, 0.7, 2,
                          {"hypothyroidism": (4.3, 2.0)})
CLOTTING_RATIO = Measurement("6301-6", "INR in Platelet poor plasma by Coagulation assay", "{INR}", 2.0, 3.0, 2.5, 0.5,
                             1)
NATRIURETIC_PEPTIDE = Measurement("33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or "
                                  "Plasma", "pg/mL", 0, 125, 80, 40, 0, {"heart_failure": (2900, 1500)})
TROPONIN = Measurement("89579-7", "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method",
                       "ng/L", 0, 20, 9, 5, 0, {"coronary_disease": (24, 16)})

BASIC_PANEL = (_SODIUM, _POTASSIUM, _CHLORIDE, _BICARBONATE, _UREA, CREATININE, FILTRATION, _GLUCOSE, _CALCIUM)
BLOOD_COUNT = (_WHITE_CELLS, HEMOGLOBIN, HEMATOCRIT, _PLATELETS)
LIPID_PANEL = (LDL, HDL, TRIGLYCERIDES, CHOLESTEROL)
WARD_LABS = (_SODIUM, _POTASSIUM, _UREA, CREATININE, _GLUCOSE, _WHITE_CELLS, HEMOGLOBIN)

SYSTOLIC = Measurement("8480-6", "Systolic blood pressure", "mm[Hg]", 90, 130, 118, 10,
                       by_disease={"hypertension": (137, 14)})
DIASTOLIC = Measurement("8462-4", "Diastolic blood pressure", "mm[Hg]", 60, 80, 74, 7,
                        by_disease={"hypertension": (84, 9)})
HEART_RATE = Measurement("8867-4", "Heart rate", "/min", 60, 100, 75, 9, by_disease={"atrial_fibrillation": (88, 14)})
RESPIRATION = Measurement("9279-1", "Respiratory rate", "/min", 12, 20, 15.5, 1.7, by_disease={"copd": (19, 2.5)})
TEMPERATURE = Measurement("8310-5", "Body temperature", "Cel", 36.1, 37.8, 36.8, 0.28, 1)
OXYGEN_SATURATION = Measurement("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", 94, 100, 97.8,
                                1.0, by_disease={"copd": (93, 2.2)}, greatest=100)
WEIGHT = Measurement("29463-7", "Body weight", "kg", 0, 0, 0, 0, 1)
HEIGHT = Measurement("8302-2", "Body height", "cm", 0, 0, 0, 0, 1)
BODY_MASS_INDEX = Measurement("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 18.5, 24.9, 0, 0, 1)
PAIN = Measurement("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported", "{score}", 0, 3, 2.5, 2)
# fmt: on

BLOOD_PRESSURE = concept(LOINC, "85354-9", "Blood pressure panel with all children optional")

SMOKING_STATUS = concept(LOINC, "72166-2", "Tobacco smoking status")
NEVER_SMOKED = concept(SNOMED, "266919005", "Never smoked tobacco (finding)")
EX_SMOKER = concept(SNOMED, "8517006", "Ex-smoker (finding)")
SMOKER = concept(SNOMED, "77176002", "Smoker (finding)")

URINE_COLOR = concept(LOINC, "5778-6", "Color of Urine")
URINE_COLORS = ("Yellow", "Yellow", "Yellow", "Straw", "Amber", "Dark yellow")

LABORATORY = [hl7("observation-category", "laboratory", "Laboratory")]
VITAL_SIGNS = [hl7("observation-category", "vital-signs", "Vital signs")]
SOCIAL_HISTORY = [hl7("observation-category", "social-history", "Social history")]

NORMAL = [hl7("v3-ObservationInterpretation", "N", "Normal")]
LOW = [hl7("v3-ObservationInterpretation", "L", "Low")]
HIGH = [hl7("v3-ObservationInterpretation", "H", "High")]
NOT_PERFORMED = hl7("data-absent-reason", "not-performed", "Not Performed")

# Panels as they are charged: (LOINC code, name, price in cents)
BASIC_PANEL_CHARGE = (concept(LOINC, "24321-2", "Basic metabolic 2000 panel - Serum or Plasma"), 4_800)
BLOOD_COUNT_CHARGE = (concept(LOINC, "58410-2", "CBC panel - Blood by Automated count"), 3_900)
LIPID_PANEL_CHARGE = (concept(LOINC, "57698-3", "Lipid panel with direct LDL - Serum or Plasma"), 5_600)
HBA1C_CHARGE = (HBA1C.code, 4_100)
