"""Code system URLs, and the shape of a coded value."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
NPI = "http://hl7.org/fhir/sid/us-npi"
CARC = "https://x12.org/codes/claim-adjustment-reason-codes"
PAYMENT_SOURCE = "https://nahdo.org/sopt"
OMB_RACE = "urn:oid:2.16.840.1.113883.6.238"
LANGUAGE = "urn:ietf:bcp:47"
HL7 = "http://terminology.hl7.org/CodeSystem/"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


def coding(system: str, code: str, display: str) -> Json:
    """Build a FHIR Coding."""
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str) -> Json:
    """Build a FHIR CodeableConcept of one coding, its text the display."""
    return {"coding": [coding(system, code, display)], "text": display}


def hl7(code_system: str, code: str, display: str) -> Json:
    """Build a CodeableConcept from one of the HL7 code systems, without text."""
    return {"coding": [coding(HL7 + code_system, code, display)]}
