"""Stays in hospital: admission, wards, daily rounds, and how they end."""

from __future__ import annotations

from dataclasses import dataclass

from caremesh.demo import care, observations
from caremesh.demo.billing import Charge, write_bill
from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, HOUR, MINUTE
from caremesh.demo.codes import billing as bill_codes
from caremesh.demo.codes import encounters as codes
from caremesh.demo.codes import measurements as tests
from caremesh.demo.codes.conditions import Illness
from caremesh.demo.codes.treatments import MEDICATIONS
from caremesh.demo.encounters import Visit, WardStay, draw_wards, new_visit, write_stay
from caremesh.demo.network import Facility
from caremesh.demo.patients import Patient
from caremesh.demo.visits import draw_illness, treat

_TRANSFERRED = 0.045
_LONGEST = 40


@dataclass(frozen=True)
class Departure:
    """When and how a patient left hospital."""

    moment: int
    disposition: Json

    @property
    def is_death(self) -> bool:
        """Whether the patient died in hospital."""
        return self.disposition is codes.DIED

    @property
    def is_against_advice(self) -> bool:
        """Whether the patient left against medical advice."""
        return self.disposition is codes.AGAINST_ADVICE


def hospital_stay(patient: Patient, start: int, chart: Chart, diagnoses: list[care.Diagnosis]) -> Departure:
    """Add a stay in the patient's hospital; some are transferred to the other one on the same or the next day."""
    rng = patient.rng
    illness = draw_illness(patient)
    is_urgent = rng.random() < 0.72
    nursing_home = patient.age(start) > 78 and rng.random() < 0.2
    urgent_source = codes.FROM_NURSING_HOME if nursing_home else codes.FROM_EMERGENCY_ROOM
    source = urgent_source if is_urgent else codes.FROM_PHYSICIAN
    if rng.random() < _TRANSFERRED:
        end = start + int(rng.uniform(5, 40) * HOUR)
        leaving = Departure(end, codes.OTHER_HOSPITAL)
        _stay(patient, start, leaving, illness, chart, diagnoses, facility=patient.hospital, source=source)
        start = end + int(rng.uniform(0.7, 9) * HOUR)
        departure = _draw_departure(patient, start)
        _stay(patient, start, departure, illness, chart, diagnoses, facility=patient.other_hospital,
              source=codes.FROM_OTHER_HOSPITAL)  # fmt: skip
        return departure
    departure = _draw_departure(patient, start)
    _stay(patient, start, departure, illness, chart, diagnoses, facility=patient.hospital, source=source)
    return departure


def _draw_departure(patient: Patient, start: int) -> Departure:
    """Draw the length of a stay (median 3.3 days) and its end."""
    rng = patient.rng
    age, luck = patient.age(start), rng.random()
    days = min(_LONGEST, int(rng.lognormvariate(1.2, 0.75)))
    dies = 0.006 + 0.0006 * max(0.0, age - 40) + 0.003 * len(patient.diseases)
    if luck < dies:
        return Departure(start + int((days + rng.uniform(0.2, 1)) * DAY), codes.DIED)
    if luck > 0.984:
        return Departure(start + int(rng.uniform(0.2, 0.2 + days / 2) * DAY), codes.AGAINST_ADVICE)
    hour = rng.uniform(10, 18) * HOUR
    end = patient.zone.at(patient.zone.day(start) + days, int(hour))
    if end < start + 3 * HOUR:
        end = start + int(rng.uniform(3, 11) * HOUR)
    place = rng.random()
    if age > 70 and place < 0.22:
        return Departure(end, codes.SKILLED_NURSING)
    return Departure(end, codes.REHABILITATION if age > 50 and place > 0.95 else codes.HOME)


def _stay(
    patient: Patient,
    start: int,
    departure: Departure,
    illness: Illness,
    chart: Chart,
    diagnoses: list[care.Diagnosis],
    *,
    facility: Facility,
    source: Json,
) -> None:
    rng = patient.rng
    is_urgent = source is codes.FROM_EMERGENCY_ROOM
    kind = codes.PLANNED_ADMISSION if source is codes.FROM_PHYSICIAN else codes.EMERGENCY_ADMISSION
    visit = new_visit(
        patient,
        (codes.INPATIENT, kind),
        start,
        departure.moment,
        facility=facility,
        practitioner=rng.choice(facility.practitioners),
        reason=illness.code,
        diagnosis_id=new_id(rng),
    )
    wards = draw_wards(patient, start, visit.end, facility=facility, through_emergency=is_urgent)
    write_stay(patient, visit, wards, chart, source=source, disposition=departure.disposition)
    diagnoses.append(care.draw_diagnosis(patient, visit, illness))
    charges = treat(patient, visit, illness, chart)
    if not illness.medication:
        care.write_medication(patient, visit, MEDICATIONS["acetaminophen"], visit.diagnosis, chart)
    _rounds(patient, visit, chart)
    write_bill(patient, visit, bill_codes.INSTITUTIONAL, _room_charges(visit, wards) + charges, chart)


def _rounds(patient: Patient, visit: Visit, chart: Chart) -> None:
    """Add what is measured at admission and on every morning of a stay."""
    taken = visit.start + 10 * MINUTE
    observations.write_vital_signs(patient, visit, taken, chart)
    observations.write_labs(patient, visit, (*tests.BASIC_PANEL, *tests.BLOOD_COUNT, tests.TROPONIN), taken, chart)
    first_day = patient.zone.day(visit.start)
    for day in range(first_day + 1, patient.zone.day(visit.end) + 1):
        taken = patient.zone.at(day, int(patient.rng.uniform(5.5, 8) * HOUR))
        if visit.start < taken < visit.end - HOUR:
            observations.write_vital_signs(patient, visit, taken, chart, measured=False)
            if patient.rng.random() < 0.6:
                observations.write_labs(patient, visit, tests.WARD_LABS, taken, chart)


def _room_charges(visit: Visit, wards: list[WardStay]) -> list[Charge]:
    """Charge for every begun day in hospital, and again for every begun day of intensive care."""
    days = 1 + (visit.end - visit.start) // DAY
    charges = [Charge(visit.type, days * bill_codes.HOSPITAL_DAY)]
    for ward in wards:
        if ward.is_intensive:
            days = 1 + (ward.end - ward.start) // DAY
            charges.append(Charge(codes.INTENSIVE_CARE, days * bill_codes.INTENSIVE_CARE_DAY))
    return charges
