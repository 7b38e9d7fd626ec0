"""Who pays, what is charged and why a payer refuses: HL7 claim codes, SOPT payer types and CARC denial reasons.

Services are coded in SNOMED CT, LOINC and RxNorm: CPT codes are licensed by the AMA and stay out of here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from caremesh.demo.codes.systems import CARC, HL7, PAYMENT_SOURCE, Json, coding, concept, hl7


@dataclass(frozen=True)
class Payer:
    """Who pays: the share of the charge it allows, the patient's share of that, and how often it denies a claim."""

    name: str
    source: str
    source_name: str
    act: str
    act_name: str
    allowed: float
    copay: float
    denies: float

    @cached_property
    def type(self) -> Json:
        """The kind of coverage, by Source of Payment Typology and by HL7 ActCode."""
        act_system = "coverage-selfpay" if self.act == "pay" else "v3-ActCode"
        return {
            "coding": [
                coding(PAYMENT_SOURCE, self.source, self.source_name),
                coding(HL7 + act_system, self.act, self.act_name),
            ],
            "text": self.source_name,
        }


MEDICARE = Payer("Medicare", "1", "Medicare", "PUBLICPOL", "public healthcare", 0.44, 0.20, 0.09)
MEDICAID = Payer("Medicaid", "2", "Medicaid", "PUBLICPOL", "public healthcare", 0.36, 0.0, 0.145)
NO_INSURANCE = Payer("NO_INSURANCE", "81", "Self-pay", "pay", "Pay", 0.60, 0.0, 0.0)
COMMERCIAL = (
    Payer("Harborline Health Plan", "512", "Commercial Managed Care - PPO", "EHCPOL", "extended healthcare",
          0.68, 0.20, 0.12),
    Payer("Blue Mesa Mutual", "512", "Commercial Managed Care - PPO", "EHCPOL", "extended healthcare",
          0.64, 0.15, 0.13),
    Payer("Northfield Assurance", "511", "Commercial Managed Care - HMO", "EHCPOL", "extended healthcare",
          0.58, 0.10, 0.16),
    Payer("Pinecrest Employers Trust", "513", "Commercial Managed Care - POS", "EHCPOL", "extended healthcare",
          0.66, 0.20, 0.125),
)  # fmt: skip
PAYERS = (MEDICARE, MEDICAID, *COMMERCIAL, NO_INSURANCE)

# Reasons that refuse a whole claim, and reasons that refuse one line of it.
CLAIM_DENIALS = (
    concept(CARC, "16", "Claim/service lacks information or has submission/billing error(s)."),
    concept(CARC, "197", "Precertification/authorization/notification/pre-treatment absent."),
    concept(CARC, "29", "The time limit for filing has expired."),
    concept(CARC, "27", "Expenses incurred after coverage terminated."),
    concept(CARC, "18", "Exact duplicate claim/service."),
)
LINE_DENIALS = (
    concept(CARC, "50", "Not deemed a medical necessity by the payer."),
    concept(CARC, "96", "Non-covered charge(s)."),
    concept(CARC, "97", "Included in the payment for another service already adjudicated."),
)

PROFESSIONAL = hl7("claim-type", "professional", "Professional")
INSTITUTIONAL = hl7("claim-type", "institutional", "Institutional")
PHARMACY = hl7("claim-type", "pharmacy", "Pharmacy")
NORMAL_PRIORITY = hl7("processpriority", "normal", "Normal")
PRINCIPAL_DIAGNOSIS = [hl7("ex-diagnosistype", "principal", "Principal Diagnosis")]
COMPLETE_PAYMENT = hl7("ex-paymenttype", "complete", "Complete")
PRIMARY_PROVIDER = hl7("claimcareteamrole", "primary", "Primary provider")

SUBMITTED = hl7("adjudication", "submitted", "Submitted Amount")
ELIGIBLE = hl7("adjudication", "eligible", "Eligible Amount")
DEDUCTIBLE = hl7("adjudication", "deductible", "Deductible")
COPAY = hl7("adjudication", "copay", "CoPay")
BENEFIT = hl7("adjudication", "benefit", "Benefit Amount")

# Charges in cents for the encounter itself.
CLINIC_VISIT = 16_500
EMERGENCY_ROOM = 142_000
HOSPITAL_DAY = 318_000
INTENSIVE_CARE_DAY = 745_000
