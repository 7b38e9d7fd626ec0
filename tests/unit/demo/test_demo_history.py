"""Histories make clinical sense: order of periods, deaths, transfers, readmissions, missed appointments."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

Resource = dict[str, Any]


def _code(concept: Resource | None) -> str | None:
    return concept["coding"][0]["code"] if concept else None


def _disposition(encounter: Resource) -> str | None:
    return _code(encounter.get("hospitalization", {}).get("dischargeDisposition"))


def _start(encounter: Resource) -> datetime:
    return datetime.fromisoformat(encounter["period"]["start"])


def _end(encounter: Resource) -> datetime:
    return datetime.fromisoformat(encounter["period"]["end"])


@pytest.fixture(scope="module")
def stays(crowd) -> dict[str, list[Resource]]:
    """Finished stays by patient in order of time, without the parts of a stay."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for encounter in crowd.of("Encounter"):
        if encounter["class"]["code"] == "IMP" and "partOf" not in encounter and "end" in encounter["period"]:
            found[encounter["subject"]["reference"]].append(encounter)
    return {patient: sorted(several, key=_start) for patient, several in found.items()}


def test_periods_begin_before_they_end(crowd) -> None:
    for encounter in crowd.of("Encounter"):
        periods = [encounter["period"], *(place["period"] for place in encounter["location"])]
        periods += [step["period"] for step in encounter.get("statusHistory", [])]
        for period in periods:
            if "end" in period:
                assert datetime.fromisoformat(period["start"]) < datetime.fromisoformat(period["end"])


def test_finished_encounters_have_an_end_and_unfinished_have_none(base) -> None:
    statuses = defaultdict(int)
    for encounter in base.of("Encounter"):
        statuses[encounter["status"]] += 1
        assert ("end" in encounter["period"]) == (encounter["status"] == "finished")
        if encounter["status"] == "in-progress":
            assert _disposition(encounter) is None
            assert encounter["location"][-1].get("status", "active") == "active"
    assert statuses["in-progress"] >= 3
    assert set(statuses) == {"finished", "in-progress"}


def test_wards_of_a_stay_follow_one_another_and_cover_it(stays) -> None:
    moved = 0
    for stay in (s for several in stays.values() for s in several):
        wards = [place["period"] for place in stay["location"]]
        moved += len(wards) > 1
        assert wards[0]["start"] == stay["period"]["start"]
        assert wards[-1]["end"] == stay["period"]["end"]
        assert [w["end"] for w in wards[:-1]] == [w["start"] for w in wards[1:]]
    assert moved > 60


def test_intensive_care_is_an_encounter_within_its_stay(crowd) -> None:
    by_id = {f"Encounter/{e['id']}": e for e in crowd.of("Encounter")}
    parts = [e for e in by_id.values() if "partOf" in e and e["status"] == "finished"]
    assert len(parts) > 20
    for part in parts:
        whole = by_id[part["partOf"]["reference"]]
        assert part["subject"] == whole["subject"]
        assert _start(whole) <= _start(part)
        assert "end" not in whole["period"] or _end(part) <= _end(whole)


def test_stays_of_a_patient_do_not_overlap(stays) -> None:
    for several in stays.values():
        for one, following in pairwise(several):
            assert _end(one) < _start(following)


def test_transfers_go_on_in_another_hospital_within_a_day(crowd, stays) -> None:
    transfers = 0
    for several in stays.values():
        for one, following in pairwise(several):
            if _disposition(one) == "other-hcf":
                transfers += 1
                assert one["serviceProvider"] != following["serviceProvider"]
                assert timedelta() < _start(following) - _end(one) < timedelta(days=1)
                assert _code(following["hospitalization"]["admitSource"]) == "hosp-trans"
    assert transfers >= 4


def test_readmission_within_30_days_is_about_as_frequent_as_in_us_hospitals(stays) -> None:
    index = returned = 0
    for several in stays.values():
        for number, stay in enumerate(several):
            last_day = _end(stay).date()
            if _disposition(stay) in ("exp", "other-hcf") or last_day > date(2025, 12, 1):
                continue
            index += 1
            following = several[number + 1 : number + 2]
            returned += bool(following) and (_start(following[0]).date() - last_day).days <= 30
    assert index > 200
    assert 0.10 < returned / index < 0.21


def test_stays_end_in_every_way(stays) -> None:
    dispositions = defaultdict(int)
    for stay in (s for several in stays.values() for s in several):
        dispositions[_disposition(stay)] += 1
    assert {"home", "exp", "aadvice", "other-hcf", "snf", "rehab"} == set(dispositions)
    assert 0.01 < dispositions["exp"] / sum(dispositions.values()) < 0.06


def test_nothing_happens_to_a_patient_after_death(base, increments) -> None:
    for export in (base, *increments):
        died = {
            f"Patient/{p['id']}": datetime.fromisoformat(p["deceasedDateTime"])
            for p in export.of("Patient")
            if "deceasedDateTime" in p
        }
        times = {
            "Encounter": lambda r: r["period"].get("end", r["period"]["start"]),
            "Observation": lambda r: r["effectiveDateTime"],
            "Procedure": lambda r: r["performedPeriod"]["end"],
            "MedicationRequest": lambda r: r["authoredOn"],
            "Immunization": lambda r: r["occurrenceDateTime"],
            "Condition": lambda r: r.get("abatementDateTime", r["recordedDate"]),
        }
        for resource_type, time in times.items():
            for resource in export.of(resource_type):
                death = died.get((resource.get("subject") or resource.get("patient"))["reference"])
                assert death is None or datetime.fromisoformat(time(resource)) <= death, resource_type


def test_who_died_in_hospital_is_dead_in_the_patient_resource(crowd, stays) -> None:
    patients = {f"Patient/{p['id']}": p for p in crowd.of("Patient")}
    died = [s for several in stays.values() for s in several if _disposition(s) == "exp"]
    assert died
    for stay in died:
        patient = patients[stay["subject"]["reference"]]
        # The last hours before the export may not have reached the registry.
        if _end(stay).date() < date(2025, 12, 31):
            assert patient.get("deceasedBoolean") or patient["deceasedDateTime"] == stay["period"]["end"]


def test_appointments_of_the_dead_are_cancelled(crowd) -> None:
    reasons = {_code(a.get("cancelationReason")) for a in crowd.of("Appointment")}
    assert reasons == {None, "pat", "pat-dec"}


def test_appointments_are_kept_missed_and_cancelled(crowd) -> None:
    counts = defaultdict(int)
    for appointment in crowd.of("Appointment"):
        counts[appointment["status"]] += 1
        assert appointment["created"] < appointment["start"]
        is_over = datetime.fromisoformat(appointment["end"]) < datetime.fromisoformat("2025-12-31T00:00:00+00:00")
        assert not (is_over and appointment["status"] == "booked")
    assert set(counts) == {"booked", "fulfilled", "noshow", "cancelled"}
    assert 0.04 < counts["noshow"] / (counts["noshow"] + counts["fulfilled"]) < 0.12


def test_emergency_visits_tell_arrival_triage_and_treatment(crowd) -> None:
    visits = [e for e in crowd.of("Encounter") if e["class"]["code"] == "EMER" and e["status"] == "finished"]
    assert visits
    for visit in visits:
        steps = visit["statusHistory"]
        assert [s["status"] for s in steps] == ["arrived", "triaged", "in-progress"]
        assert steps[0]["period"]["start"] == visit["period"]["start"]
        assert steps[-1]["period"]["end"] == visit["period"]["end"]
    minutes = sorted((_end(v) - _start(v)).total_seconds() / 60 for v in visits)
    assert 120 < minutes[len(minutes) // 2] < 200


def test_clinics_see_people_on_working_days_in_opening_hours(crowd) -> None:
    visits = [_start(e) for e in crowd.of("Encounter") if e["class"]["code"] == "AMB"]
    assert {visit.weekday() for visit in visits} == {0, 1, 2, 3, 4}
    assert min(visit.hour for visit in visits) == 8
    assert max(visit.hour for visit in visits) == 16
