"""Medications (RxNorm), procedures (SNOMED CT), vaccines (CVX) and allergies (SNOMED CT, RxNorm)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from caremesh.demo.codes.systems import CVX, RXNORM, SNOMED, Json, concept


@dataclass(frozen=True)
class Medication:
    """A drug as it is prescribed, and its usual price for a fill in cents."""

    rxnorm: str
    name: str
    times_a_day: int
    price: int

    @cached_property
    def code(self) -> Json:
        """The drug as CodeableConcept."""
        return concept(RXNORM, self.rxnorm, self.name)


@dataclass(frozen=True)
class Operation:
    """A procedure, its usual length in minutes and its usual charge in cents."""

    snomed: str
    name: str
    minutes: int
    price: int

    @cached_property
    def code(self) -> Json:
        """The procedure as CodeableConcept."""
        return concept(SNOMED, self.snomed, self.name)


# fmt: off
MEDICATIONS = {
    "lisinopril": Medication("314076", "lisinopril 10 MG Oral Tablet", 1, 1_200),
    "amlodipine": Medication("308136", "amLODIPine 2.5 MG Oral Tablet", 1, 1_400),
    "hydrochlorothiazide": Medication("310798", "Hydrochlorothiazide 25 MG Oral Tablet", 1, 900),
    "simvastatin": Medication("314231", "Simvastatin 10 MG Oral Tablet", 1, 1_500),
    "atorvastatin": Medication("259255", "atorvastatin 80 MG Oral Tablet", 1, 2_300),
    "metformin": Medication("860975", "24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet", 2, 1_800),
    "insulin": Medication("106892", "insulin isophane, human 70 UNT/ML / insulin, regular, human 30 UNT/ML "
                          "Injectable Suspension [Humulin]", 2, 14_900),
    "albuterol": Medication("245314", "albuterol 5 MG/ML Inhalation Solution", 4, 3_900),
    "fluticasone": Medication("896209", "60 ACTUAT Fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT "
                              "Dry Powder Inhaler", 2, 28_500),
    "furosemide": Medication("313988", "Furosemide 40 MG Oral Tablet", 1, 800),
    "carvedilol": Medication("200033", "carvedilol 25 MG Oral Tablet", 2, 1_300),
    "aspirin": Medication("243670", "aspirin 81 MG Oral Tablet", 1, 500),
    "metoprolol": Medication("866412", "24 HR metoprolol succinate 100 MG Extended Release Oral Tablet", 1, 2_100),
    "clopidogrel": Medication("309362", "Clopidogrel 75 MG Oral Tablet", 1, 1_900),
    "warfarin": Medication("855332", "warfarin sodium 5 MG Oral Tablet", 1, 1_100),
    "fluoxetine": Medication("310385", "FLUoxetine 20 MG Oral Capsule", 1, 1_600),
    "levothyroxine": Medication("966247", "levothyroxine sodium 0.05 MG Oral Tablet", 1, 1_700),
    "naproxen": Medication("849574", "Naproxen sodium 220 MG Oral Tablet", 2, 900),
    "ferrous_sulfate": Medication("310325", "ferrous sulfate 325 MG Oral Tablet", 1, 700),
    "acetaminophen": Medication("313782", "Acetaminophen 325 MG Oral Tablet", 4, 600),
    "ibuprofen": Medication("310965", "Ibuprofen 200 MG Oral Tablet", 3, 700),
    "amoxicillin": Medication("308192", "Amoxicillin 500 MG Oral Tablet", 2, 1_400),
    "nitrofurantoin": Medication("311995", "NITROFURANTOIN, MACROCRYSTALS 50 MG Oral Capsule", 4, 4_700),
    "levofloxacin": Medication("199885", "levofloxacin 500 MG Oral Tablet", 1, 3_600),
    "oxycodone": Medication("1049221", "Acetaminophen 325 MG / Oxycodone Hydrochloride 5 MG Oral Tablet", 4, 2_200),
}

OPERATIONS = {
    "electrocardiogram": Operation("29303009", "Electrocardiographic procedure (procedure)", 10, 12_500),
    "echocardiogram": Operation("40701008", "Echocardiography (procedure)", 40, 98_000),
    "chest_xray": Operation("399208008", "Plain chest X-ray (procedure)", 15, 21_000),
    "ankle_xray": Operation("19490002", "Ankle X-ray (procedure)", 15, 18_500),
    "head_ct": Operation("303653007", "Computed tomography of head (procedure)", 20, 112_000),
    "abdominal_ct": Operation("169070004", "Computed tomography of abdomen (procedure)", 25, 134_000),
    "throat_culture": Operation("117015009", "Throat culture (procedure)", 5, 6_500),
    "spirometry": Operation("127783003", "Spirometry (procedure)", 20, 15_500),
    "physical_therapy": Operation("91251008", "Physical therapy procedure (regime/therapy)", 45, 14_000),
    "medication_reconciliation": Operation("430193006", "Medication reconciliation (procedure)", 10, 4_500),
    "depression_screening": Operation("171207006", "Depression screening (procedure)", 10, 3_500),
    "colonoscopy": Operation("73761001", "Colonoscopy (procedure)", 45, 238_000),
    "mammogram": Operation("71651007", "Mammography (procedure)", 20, 32_000),
    "central_line": Operation("392230005", "Catheterization of vein (procedure)", 30, 88_000),
    "coronary_intervention": Operation("415070008", "Percutaneous coronary intervention (procedure)", 90, 2_450_000),
    "appendectomy": Operation("80146002", "Excision of appendix (procedure)", 60, 1_320_000),
    "hip_replacement": Operation("52734007", "Total replacement of hip (procedure)", 110, 3_180_000),
    "oxygen": Operation("371908008", "Oxygen administration by mask (procedure)", 240, 9_500),
}

INFLUENZA = concept(CVX, "140", "Influenza, seasonal, injectable, preservative free")
CHILD_VACCINES = (
    concept(CVX, "20", "DTaP"),
    concept(CVX, "03", "MMR"),
    concept(CVX, "21", "varicella"),
    concept(CVX, "10", "IPV"),
    concept(CVX, "133", "Pneumococcal conjugate PCV 13"),
)
ADULT_VACCINES = (
    concept(CVX, "115", "Tdap"),
    concept(CVX, "113", "Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed"),
    concept(CVX, "208", "COVID-19, mRNA, LNP-S, PF, 30 mcg/0.3 mL dose"),
    concept(CVX, "43", "Hep B, adult"),
)
SENIOR_VACCINES = (
    concept(CVX, "33", "pneumococcal polysaccharide vaccine, 23 valent"),
    concept(CVX, "187", "zoster recombinant"),
)

# (substance, category, reaction)
ALLERGIES = (
    (concept(RXNORM, "7980", "Penicillin G"), "medication",
     concept(SNOMED, "271807003", "Eruption of skin (disorder)")),
    (concept(RXNORM, "5640", "Ibuprofen"), "medication", concept(SNOMED, "247472004", "Wheal (finding)")),
    (concept(SNOMED, "762952008", "Peanut (substance)"), "food", concept(SNOMED, "39579001", "Anaphylaxis (disorder)")),
    (concept(SNOMED, "442571000124108", "Tree nut (substance)"), "food",
     concept(SNOMED, "418290006", "Itching (finding)")),
    (concept(SNOMED, "84489001", "Mold (organism)"), "environment", concept(SNOMED, "76067001", "Sneezing (finding)")),
    (concept(SNOMED, "256277009", "Grass pollen (substance)"), "environment",
     concept(SNOMED, "878820003", "Rhinoconjunctivitis (disorder)")),
)
# fmt: on
