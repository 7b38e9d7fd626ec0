"""Encounters: visits to a clinic, to an emergency room, and stays in hospital with their wards."""

from __future__ import annotations

from dataclasses import dataclass

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import HOUR, MINUTE
from caremesh.demo.codes import encounters as codes
from caremesh.demo.network import Facility
from caremesh.demo.patients import Patient


@dataclass(frozen=True)
class Visit:
    """One contact with care: what the other resources of the contact need to know of it."""

    id: str
    reference: Json
    act_class: Json
    type: Json
    start: int
    end: int
    facility: Facility
    practitioner: Json
    reason: Json
    diagnosis_id: str = ""

    @property
    def diagnosis(self) -> Json:
        """The Condition that this visit found; only if there is a `diagnosis_id`."""
        return {"reference": f"Condition/{self.diagnosis_id}", "display": self.reason["text"]}

    @property
    def is_inpatient(self) -> bool:
        """Whether this is a stay in hospital."""
        return self.act_class is codes.INPATIENT


@dataclass(frozen=True)
class WardStay:
    """A part of a stay in hospital: where, from when to when; intensive care is an encounter of its own as well."""

    location: Json
    start: int
    end: int
    is_intensive: bool = False


def new_visit(
    patient: Patient,
    kind: tuple[Json, Json],
    start: int,
    end: int,
    *,
    facility: Facility,
    practitioner: Json,
    reason: Json,
    diagnosis_id: str = "",
) -> Visit:
    """Give a visit its id; `kind` is its class and type."""
    visit_id = new_id(patient.rng)
    act_class, visit_type = kind
    return Visit(
        visit_id,
        {"reference": f"Encounter/{visit_id}"},
        act_class,
        visit_type,
        start,
        end,
        facility,
        practitioner,
        reason,
        diagnosis_id,
    )


def write_clinic_visit(patient: Patient, visit: Visit, chart: Chart) -> None:
    """Add a visit to a clinic as Encounter."""
    finished = chart.reached(visit.end)
    period = _period(patient, visit.start, visit.end if finished else None)
    fields = _encounter(patient, visit, finished) | {"location": [{"location": visit.facility.site, "period": period}]}
    chart.add_changed("Encounter", visit.id, (visit.start, visit.end), fields)


def write_emergency_visit(patient: Patient, visit: Visit, chart: Chart, *, disposition: Json) -> None:
    """Add a visit to an emergency room as Encounter, with the moments of arrival and triage in `statusHistory`."""
    rng = patient.rng
    length = visit.end - visit.start
    triaged = visit.start + min(int(rng.uniform(2, 25) * MINUTE), length // 4)
    seen = triaged + min(int((1 + rng.expovariate(1 / 35)) * MINUTE), length // 2)
    finished = chart.reached(visit.end)
    end = visit.end if finished else None
    fields = _encounter(patient, visit, finished) | {
        "location": [{"location": visit.facility.emergency_room, "period": _period(patient, visit.start, end)}],
        "statusHistory": [
            {"status": "arrived", "period": _period(patient, visit.start, triaged)},
            {"status": "triaged", "period": _period(patient, triaged, seen)},
            {"status": "in-progress", "period": _period(patient, seen, end)},
        ],
    }
    if finished:
        fields["hospitalization"] = {"dischargeDisposition": disposition}
    chart.add_changed("Encounter", visit.id, (visit.start, visit.end), fields)


def write_stay(
    patient: Patient, visit: Visit, wards: list[WardStay], chart: Chart, *, source: Json, disposition: Json
) -> None:
    """Add a stay in hospital as Encounter, its wards in `location`; it changes with every move and at discharge."""
    finished = chart.reached(visit.end)
    hospitalization = {"admitSource": source}
    if finished:
        hospitalization["dischargeDisposition"] = disposition
    fields = _encounter(patient, visit, finished) | {
        "location": [_ward(patient, ward, chart) for ward in wards if chart.reached(ward.start)],
        "hospitalization": hospitalization,
    }
    moves = [ward.start for ward in wards]
    chart.add_changed("Encounter", visit.id, (*moves, visit.end), fields)
    for ward in wards:
        if ward.is_intensive:
            _write_intensive_care(patient, visit, ward, chart)


def _write_intensive_care(patient: Patient, stay: Visit, ward: WardStay, chart: Chart) -> None:
    visit = new_visit(
        patient,
        (codes.INPATIENT, codes.INTENSIVE_CARE),
        ward.start,
        ward.end,
        facility=stay.facility,
        practitioner=stay.practitioner,
        reason=stay.reason,
    )
    fields = _encounter(patient, visit, chart.reached(ward.end)) | {
        "partOf": stay.reference,
        "location": [_ward(patient, ward, chart)],
    }
    chart.add_changed("Encounter", visit.id, (ward.start, ward.end), fields)


def _encounter(patient: Patient, visit: Visit, finished: bool) -> Json:
    period = _period(patient, visit.start, visit.end if finished else None)
    role = codes.ATTENDER if visit.is_inpatient else codes.PRIMARY_PERFORMER
    fields: Json = {
        "status": "finished" if finished else "in-progress",
        "class": visit.act_class,
        "type": [visit.type],
        "priority": codes.ROUTINE if visit.act_class is codes.AMBULATORY else codes.URGENT,
        "subject": patient.reference,
        "participant": [{"type": role, "period": period, "individual": visit.practitioner}],
        "period": period,
        "reasonCode": [visit.reason],
        "serviceProvider": visit.facility.organization,
    }
    if visit.diagnosis_id and finished:
        use = codes.DISCHARGE_DIAGNOSIS if visit.is_inpatient else codes.BILLING_DIAGNOSIS
        fields["diagnosis"] = [{"condition": visit.diagnosis, "use": use, "rank": 1}]
    return fields


def _ward(patient: Patient, ward: WardStay, chart: Chart) -> Json:
    left = chart.reached(ward.end)
    return {
        "location": ward.location,
        "status": "completed" if left else "active",
        "period": _period(patient, ward.start, ward.end if left else None),
    }


def _period(patient: Patient, start: int, end: int | None) -> Json:
    if end is None:
        return {"start": patient.zone.text(start)}
    return {"start": patient.zone.text(start), "end": patient.zone.text(end)}


def draw_wards(
    patient: Patient, start: int, end: int, *, facility: Facility, through_emergency: bool
) -> list[WardStay]:
    """Divide a stay into wards: emergency room first if it began there, then perhaps intensive care, then a ward."""
    rng = patient.rng
    cuts: list[tuple[int, Json, bool]] = []
    place = start
    if through_emergency:
        cuts.append((place, facility.emergency_room, False))
        place = min(end, place + int(rng.uniform(2, 9) * HOUR))
    needs_intensive_care = rng.random() < 0.22
    intensive_hours = rng.uniform(14, 70)
    ward = rng.choice(facility.wards[2:])
    if needs_intensive_care and place < end:
        cuts.append((place, facility.intensive_care, True))
        place = min(end, place + int(intensive_hours * HOUR))
    if place < end:
        cuts.append((place, ward, False))
    ends = [cut[0] for cut in cuts[1:]] + [end]
    return [WardStay(where, begun, left, intensive) for (begun, where, intensive), left in zip(cuts, ends, strict=True)]
