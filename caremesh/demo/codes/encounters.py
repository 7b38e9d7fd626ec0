"""Kinds of encounters: HL7 classes, SNOMED CT types, admission sources and discharge dispositions."""

from __future__ import annotations

from caremesh.demo.codes.systems import HL7, SNOMED, Json, coding, concept, hl7

AMBULATORY = coding(HL7 + "v3-ActCode", "AMB", "ambulatory")
EMERGENCY = coding(HL7 + "v3-ActCode", "EMER", "emergency")
INPATIENT = coding(HL7 + "v3-ActCode", "IMP", "inpatient encounter")

GENERAL_EXAMINATION = concept(SNOMED, "162673000", "General examination of patient (procedure)")
WELL_CHILD_VISIT = concept(SNOMED, "410620009", "Well child visit (procedure)")
CHECK_UP = concept(SNOMED, "185349003", "Encounter for check up (procedure)")
FOLLOW_UP = concept(SNOMED, "390906007", "Follow-up encounter (procedure)")
SYMPTOM_VISIT = concept(SNOMED, "185345009", "Encounter for symptom (procedure)")
EMERGENCY_VISIT = concept(SNOMED, "50849002", "Emergency room admission (procedure)")
EMERGENCY_ADMISSION = concept(SNOMED, "183452005", "Emergency hospital admission (procedure)")
PLANNED_ADMISSION = concept(SNOMED, "32485007", "Hospital admission (procedure)")
INTENSIVE_CARE = concept(SNOMED, "305351004", "Admission to intensive care unit (procedure)")

ROUTINE = hl7("v3-ActPriority", "R", "routine")
URGENT = hl7("v3-ActPriority", "EM", "emergency")

FROM_EMERGENCY_ROOM = hl7("admit-source", "emd", "From accident/emergency department")
FROM_PHYSICIAN = hl7("admit-source", "mp", "Medical Practitioner/physician referral")
FROM_OTHER_HOSPITAL = hl7("admit-source", "hosp-trans", "Transferred from other hospital")
FROM_NURSING_HOME = hl7("admit-source", "nursing", "From nursing home")

_DISPOSITION = "discharge-disposition"
HOME = hl7(_DISPOSITION, "home", "Home")
AGAINST_ADVICE = hl7(_DISPOSITION, "aadvice", "Left against advice")
DIED = hl7(_DISPOSITION, "exp", "Expired")
OTHER_HOSPITAL = hl7(_DISPOSITION, "other-hcf", "Other healthcare facility")
SKILLED_NURSING = hl7(_DISPOSITION, "snf", "Skilled nursing facility")
REHABILITATION = hl7(_DISPOSITION, "rehab", "Rehabilitation")

PRIMARY_PERFORMER = [hl7("v3-ParticipationType", "PPRF", "primary performer")]
ATTENDER = [hl7("v3-ParticipationType", "ATND", "attender")]
ADMISSION_DIAGNOSIS = hl7("diagnosis-role", "AD", "Admission diagnosis")
DISCHARGE_DIAGNOSIS = hl7("diagnosis-role", "DD", "Discharge diagnosis")
BILLING_DIAGNOSIS = hl7("diagnosis-role", "billing", "Billing")

CHECK_UP_APPOINTMENT: Json = hl7("v2-0276", "CHECKUP", "A routine check-up, such as an annual physical")
FOLLOW_UP_APPOINTMENT: Json = hl7("v2-0276", "FOLLOWUP", "A follow up visit from a previous appointment")
