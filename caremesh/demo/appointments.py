"""Appointments for visits that are planned: booked first, then fulfilled, cancelled or missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, MINUTE
from caremesh.demo.codes.encounters import CHECK_UP_APPOINTMENT, FOLLOW_UP_APPOINTMENT
from caremesh.demo.codes.systems import hl7
from caremesh.demo.patients import Patient

Outcome = Literal["fulfilled", "noshow", "cancelled"]

_BY_PATIENT = hl7("appointment-cancellation-reason", "pat", "Patient")
_DECEASED = hl7("appointment-cancellation-reason", "pat-dec", "Patient: Deceased")


@dataclass(frozen=True)
class Appointment:
    """An appointment, and what will come of it."""

    id: str
    start: int
    minutes: int
    booked: int
    resolved: int
    outcome: Outcome
    is_follow_up: bool


def draw_appointment(patient: Patient, start: int, *, after: int, is_follow_up: bool) -> Appointment:
    """Draw an appointment for a planned visit: when it was booked, and whether the patient comes."""
    rng = patient.rng
    booked = max(after, start - int(rng.uniform(2, 60) * DAY))
    luck = rng.random()
    # People with Medicaid or no insurance, who more often lack transport and free hours, miss more appointments.
    misses = 0.06 if patient.payer.copay else 0.12
    minutes = rng.choice((15, 20, 30, 45))
    outcome: Outcome = "noshow" if luck < misses else "cancelled" if luck < misses + 0.08 else "fulfilled"
    if outcome == "cancelled":
        resolved = max(booked + MINUTE, start - int(rng.uniform(0.2, 4) * DAY))
    else:
        resolved = start + (minutes + 15) * MINUTE
    return Appointment(new_id(rng), start, minutes, booked, resolved, outcome, is_follow_up)


def write_appointment(patient: Patient, appointment: Appointment, chart: Chart, *, died: int | None) -> None:
    """Add an appointment: booked, then what came of it; the death of the patient cancels it."""
    if died is not None and died < appointment.booked:
        return
    outcome: str = appointment.outcome
    resolved, reason = appointment.resolved, _BY_PATIENT
    if died is not None and died < resolved:
        outcome, resolved, reason = "cancelled", died + DAY // 2, _DECEASED
    is_resolved = chart.reached(resolved)
    fields: Json = {
        "status": outcome if is_resolved else "booked",
        "appointmentType": FOLLOW_UP_APPOINTMENT if appointment.is_follow_up else CHECK_UP_APPOINTMENT,
        "start": patient.zone.text(appointment.start),
        "end": patient.zone.text(appointment.start + appointment.minutes * MINUTE),
        "minutesDuration": appointment.minutes,
        "created": patient.zone.text(appointment.booked),
        "participant": [
            {"actor": patient.reference, "required": "required", "status": "accepted"},
            {"actor": patient.doctor, "required": "required", "status": "accepted"},
            {"actor": patient.clinic.site, "status": "accepted"},
        ],
    }
    if is_resolved and outcome == "cancelled":
        fields["cancelationReason"] = reason
    chart.add_changed("Appointment", appointment.id, (appointment.booked, resolved), fields)
