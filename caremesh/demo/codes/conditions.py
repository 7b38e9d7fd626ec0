"""Diseases that people have for years, and illnesses that bring them to care; SNOMED CT with ICD-10-CM beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from caremesh.demo.codes.systems import ICD10CM, SNOMED, Json, coding


@dataclass(frozen=True)
class Disease:
    """A chronic disease. `prevalence` is its share among people under 18, 18-44, 45-64 and 65 or older."""

    key: str
    snomed: str
    name: str
    icd10: str
    icd10_name: str
    prevalence: tuple[float, float, float, float]
    medications: tuple[str, ...] = ()

    @cached_property
    def code(self) -> Json:
        """The disease as CodeableConcept, SNOMED CT first."""
        return _code(self.snomed, self.name, self.icd10, self.icd10_name)


@dataclass(frozen=True)
class Illness:
    """An acute illness or injury; `weights` say how often it is seen in a clinic, an emergency room, a ward."""

    snomed: str
    name: str
    icd10: str
    icd10_name: str
    weights: tuple[int, int, int]
    medication: str | None = None
    procedure: str | None = None
    days: int = 14

    @cached_property
    def code(self) -> Json:
        """The illness as CodeableConcept, SNOMED CT first."""
        return _code(self.snomed, self.name, self.icd10, self.icd10_name)


def _code(snomed: str, name: str, icd10: str, icd10_name: str) -> Json:
    return {"coding": [coding(SNOMED, snomed, name), coding(ICD10CM, icd10, icd10_name)], "text": name}


# fmt: off
DISEASES = (
    Disease("hypertension", "59621000", "Essential hypertension (disorder)", "I10", "Essential (primary) hypertension",
            (0.005, 0.12, 0.45, 0.68), ("lisinopril", "amlodipine", "hydrochlorothiazide")),
    Disease("hyperlipidemia", "55822004", "Hyperlipidemia (disorder)", "E78.5", "Hyperlipidemia, unspecified",
            (0.0, 0.08, 0.35, 0.50), ("simvastatin", "atorvastatin")),
    Disease("diabetes", "44054006", "Diabetes mellitus type 2 (disorder)", "E11.9",
            "Type 2 diabetes mellitus without complications", (0.002, 0.04, 0.16, 0.27), ("metformin", "insulin")),
    Disease("asthma", "195967001", "Asthma (disorder)", "J45.909", "Unspecified asthma, uncomplicated",
            (0.09, 0.08, 0.07, 0.07), ("albuterol", "fluticasone")),
    Disease("copd", "13645005", "Chronic obstructive lung disease (disorder)", "J44.9",
            "Chronic obstructive pulmonary disease, unspecified",
            (0.0, 0.01, 0.07, 0.14), ("albuterol", "fluticasone")),
    Disease("heart_failure", "88805009", "Chronic congestive heart failure (disorder)", "I50.9",
            "Heart failure, unspecified", (0.0, 0.003, 0.03, 0.11), ("furosemide", "carvedilol")),
    Disease("coronary_disease", "53741008", "Coronary arteriosclerosis (disorder)", "I25.10",
            "Atherosclerotic heart disease of native coronary artery without angina pectoris",
            (0.0, 0.005, 0.07, 0.20), ("aspirin", "metoprolol", "clopidogrel")),
    Disease("atrial_fibrillation", "49436004", "Atrial fibrillation (disorder)", "I48.91",
            "Unspecified atrial fibrillation", (0.0, 0.002, 0.02, 0.10), ("warfarin", "metoprolol")),
    Disease("kidney_disease", "433144002", "Chronic kidney disease stage 3 (disorder)", "N18.30",
            "Chronic kidney disease, stage 3 unspecified", (0.0, 0.01, 0.05, 0.19)),
    Disease("depression", "370143000", "Major depression disorder", "F32.9",
            "Major depressive disorder, single episode, unspecified", (0.04, 0.10, 0.09, 0.07), ("fluoxetine",)),
    Disease("obesity", "162864005", "Body mass index 30+ - obesity (finding)", "E66.9", "Obesity, unspecified",
            (0.12, 0.33, 0.38, 0.34)),
    Disease("prediabetes", "714628002", "Prediabetes (finding)", "R73.03", "Prediabetes", (0.0, 0.10, 0.18, 0.15)),
    Disease("hypothyroidism", "40930008", "Hypothyroidism (disorder)", "E03.9", "Hypothyroidism, unspecified",
            (0.002, 0.03, 0.06, 0.11), ("levothyroxine",)),
    Disease("osteoarthritis", "396275006", "Osteoarthritis (disorder)", "M19.90",
            "Unspecified osteoarthritis, unspecified site", (0.0, 0.03, 0.18, 0.34), ("naproxen",)),
    Disease("anemia", "271737000", "Anemia (disorder)", "D64.9", "Anemia, unspecified",
            (0.02, 0.05, 0.05, 0.11), ("ferrous_sulfate",)),
)

ILLNESSES = (
    Illness("444814009", "Viral sinusitis (disorder)", "J01.90", "Acute sinusitis, unspecified", (12, 1, 0)),
    Illness("195662009", "Acute viral pharyngitis (disorder)", "J02.9", "Acute pharyngitis, unspecified", (12, 2, 0)),
    Illness("10509002", "Acute bronchitis (disorder)", "J20.9", "Acute bronchitis, unspecified", (10, 3, 0),
            "acetaminophen"),
    Illness("65363002", "Otitis media (disorder)", "H66.90", "Otitis media, unspecified, unspecified ear", (8, 2, 0),
            "amoxicillin", days=10),
    Illness("43878008", "Streptococcal sore throat (disorder)", "J02.0", "Streptococcal pharyngitis", (5, 1, 0),
            "amoxicillin", "throat_culture", days=10),
    Illness("68566005", "Urinary tract infectious disease (disorder)", "N39.0",
            "Urinary tract infection, site not specified", (8, 6, 4), "nitrofurantoin", days=7),
    Illness("279039007", "Low back pain (finding)", "M54.50", "Low back pain, unspecified", (10, 5, 0), "ibuprofen",
            "physical_therapy", days=42),
    Illness("44465007", "Sprain of ankle (disorder)", "S93.409A",
            "Sprain of unspecified ligament of unspecified ankle, initial encounter", (3, 6, 0), "ibuprofen",
            "ankle_xray", days=30),
    Illness("29857009", "Chest pain (finding)", "R07.9", "Chest pain, unspecified", (2, 12, 3), "aspirin",
            "electrocardiogram", days=3),
    Illness("21522001", "Abdominal pain (finding)", "R10.9", "Unspecified abdominal pain", (3, 11, 1), None,
            "abdominal_ct", days=4),
    Illness("25064002", "Headache (finding)", "R51.9", "Headache, unspecified", (5, 6, 0), "acetaminophen", days=3),
    Illness("62106007", "Concussion with no loss of consciousness (disorder)", "S06.0X0A",
            "Concussion without loss of consciousness, initial encounter", (0, 4, 0), "acetaminophen", "head_ct"),
    Illness("233604007", "Pneumonia (disorder)", "J18.9", "Pneumonia, unspecified organism", (2, 4, 10), "levofloxacin",
            "chest_xray", days=21),
    Illness("91302008", "Sepsis (disorder)", "A41.9", "Sepsis, unspecified organism", (0, 1, 10), "levofloxacin",
            "central_line", days=21),
    Illness("22298006", "Myocardial infarction (disorder)", "I21.9", "Acute myocardial infarction, unspecified",
            (0, 1, 7), "clopidogrel", "coronary_intervention", days=30),
    Illness("230690007", "Cerebrovascular accident (disorder)", "I63.9", "Cerebral infarction, unspecified", (0, 1, 6),
            "aspirin", "head_ct", days=60),
    Illness("195951007", "Acute exacerbation of chronic obstructive airways disease (disorder)", "J44.1",
            "Chronic obstructive pulmonary disease with (acute) exacerbation", (1, 3, 7), "albuterol", "chest_xray"),
    Illness("85189001", "Acute appendicitis (disorder)", "K35.80", "Unspecified acute appendicitis", (0, 1, 4),
            "oxycodone", "appendectomy", days=28),
    Illness("5913000", "Fracture of neck of femur (disorder)", "S72.009A",
            "Fracture of unspecified part of neck of unspecified femur, initial encounter for closed fracture",
            (0, 1, 5), "oxycodone", "hip_replacement", days=120),
    Illness("840539006", "Disease caused by severe acute respiratory syndrome coronavirus 2 (disorder)", "U07.1",
            "COVID-19", (6, 4, 4), "acetaminophen", days=14),
)
# fmt: on

DISEASE_BY_KEY = {disease.key: disease for disease in DISEASES}
