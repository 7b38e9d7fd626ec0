"""One patient's history: which visits follow one another, how stays end, who comes back, who dies.

A history is drawn forward in time and never looks at the end of the export's window, so that a later export
of the same plan continues it exactly. It stops at the first visit past the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from caremesh.demo.appointments import draw_appointment, write_appointment
from caremesh.demo.billing import write_coverage
from caremesh.demo.care import Diagnosis, write_diagnosis
from caremesh.demo.chart import Chart
from caremesh.demo.clock import DAY, HOUR, YEAR
from caremesh.demo.network import Network
from caremesh.demo.notes import write_note
from caremesh.demo.patients import Patient, office_hours, write_patient
from caremesh.demo.stays import Departure, hospital_stay
from caremesh.demo.visits import clinic_visit, emergency_visit, first_visit

Kind = Literal["planned", "acute", "emergency", "inpatient"]

_UNPLANNED_RETURN = 0.12


@dataclass(frozen=True)
class Next:
    """What happens to a patient next, and when."""

    kind: Kind
    start: int
    is_follow_up: bool = False


def write_history(patient: Patient, network: Network, chart: Chart) -> None:
    """Add everything that is recorded of one patient."""
    write_coverage(patient, network, chart)
    diagnoses: list[Diagnosis] = []
    died = _live(patient, chart, diagnoses)
    for diagnosis in diagnoses:
        write_diagnosis(patient, diagnosis, chart, died=died)
        write_note(patient, diagnosis, chart)
    write_patient(patient, chart, died=died)


def _live(patient: Patient, chart: Chart, diagnoses: list[Diagnosis]) -> int | None:
    """Follow a patient to their death or to the end of the window; give back when they died."""
    now = first_visit(patient, chart)
    departure: Departure | None = None
    while True:
        upcoming = _draw_next(patient, now, departure)
        admitted = patient.arranged.admitted
        if admitted and now < admitted < upcoming.start:
            upcoming = Next("inpatient", admitted)
        died = _draw_death(patient, now, upcoming.start)
        comes = True
        if upcoming.kind == "planned":
            appointment = draw_appointment(patient, upcoming.start, after=now, is_follow_up=upcoming.is_follow_up)
            write_appointment(patient, appointment, chart, died=died)
            comes = appointment.outcome == "fulfilled"
        if died is not None or not chart.reached(upcoming.start):
            return died
        now, departure = upcoming.start + HOUR, None
        if upcoming.kind == "inpatient":
            departure = hospital_stay(patient, upcoming.start, chart, diagnoses)
            now = departure.moment
            if departure.is_death:
                return now
        elif upcoming.kind == "emergency":
            now = emergency_visit(patient, upcoming.start, chart, diagnoses)
        elif comes:
            now = clinic_visit(patient, upcoming.start, chart, diagnoses, is_planned=upcoming.kind == "planned")


def _draw_next(patient: Patient, now: int, departure: Departure | None) -> Next:
    """Draw the next visit: soon after a stay in hospital, else after a gap that shrinks with the burden of disease."""
    rng = patient.rng
    if departure:
        luck = rng.random()
        # Who left against advice comes back twice as often.
        returns = _UNPLANNED_RETURN * (2 if departure.is_against_advice else 1) + 0.006 * len(patient.diseases)
        if luck < returns:
            return Next("inpatient", now + int(rng.triangular(0.4, 29.4, 6) * DAY))
        if luck < 0.7:
            return Next("planned", office_hours(patient.zone, rng, now + rng.randint(5, 16) * DAY), is_follow_up=True)
    burden = len(patient.diseases)
    age = patient.age(now)
    visits_a_year = 1.3 + 0.5 * burden + (1.5 if age < 2 or age > 75 else 0.0)
    start = now + 2 * DAY + int(rng.expovariate(visits_a_year) * YEAR)
    luck = rng.random()
    inpatient = 0.022 + 0.012 * burden + (0.02 if age > 75 else 0.0)
    if luck < inpatient:
        return Next("inpatient", start)
    if luck < inpatient + 0.12:
        return Next("emergency", start)
    if luck < inpatient + 0.12 + 0.28:
        return Next("acute", office_hours(patient.zone, rng, start))
    return Next("planned", office_hours(patient.zone, rng, start), is_follow_up=burden > 0 and luck > 0.7)


def _draw_death(patient: Patient, now: int, upcoming: int) -> int | None:
    """Draw whether the patient dies outside hospital before the next visit (Gompertz: mortality doubles in 8 years)."""
    rng = patient.rng
    yearly = 0.0006 * math.exp(0.085 * (patient.age(now) - 30)) * (1 + 0.2 * len(patient.diseases))
    luck, when = rng.random(), rng.random()
    if luck < 1 - math.exp(-yearly * (upcoming - now) / YEAR):
        return now + int(when * (upcoming - now))
    arranged = patient.arranged.dies
    return arranged if arranged and now < arranged < upcoming else None
