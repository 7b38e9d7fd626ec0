"""The measures once more: slow, plain, from the written definitions, reading raw FHIR and nothing of CareMesh.

Times stay text: ISO 8601 cut to the second sorts as it reads, and the first ten characters are the day as written.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

DEATH = ("20", "40", "41", "42", "exp")
AGAINST_ADVICE = ("07", "7", "aadvice")
NOT_ACUTE = ("449411000124106", "56876005", "305336008")
NEVER_TOOK_PLACE = ("planned", "cancelled", "entered-in-error")
COMMERCIAL = ("Aetna", "Anthem", "Blue Cross Blue Shield", "Cigna Health", "Humana", "UnitedHealthcare")
PAYER_CLASS = {"Medicare": "medicare", "Medicaid": "medicaid", "Dual Eligible": "dual_eligible"}
PAYER_CLASS |= {"NO_INSURANCE": "no_insurance"} | dict.fromkeys(COMMERCIAL, "commercial")


@dataclass(frozen=True)
class Visit:
    """One inpatient encounter that has a start and an end, as all of Synthea's do."""

    id: str
    patient: str
    start: str
    end: str
    facility: str
    is_acute: bool
    disposition: str | None

    @property
    def days(self) -> int:
        """Length of stay."""
        return days_between(self.start, self.end)


@dataclass(frozen=True)
class Stay:
    """Encounters that are one stay, in the order they start."""

    visits: tuple[Visit, ...]

    @property
    def id(self) -> str:
        """The first encounter's id."""
        return self.visits[0].id

    @property
    def last(self) -> Visit:
        """The encounter that ends last."""
        return max(self.visits, key=lambda v: v.end)

    @property
    def days(self) -> int:
        """Length of the merged stay."""
        return days_between(self.visits[0].start, self.last.end)


def read(folder: Path, kind: str) -> list[dict[str, Any]]:
    """All resources of a type."""
    return [json.loads(line) for line in (folder / f"{kind}.ndjson").read_text(encoding="utf-8").splitlines()]


def day(written: str) -> date:
    """The day as written, at its own offset."""
    return date.fromisoformat(written[:10])


def days_between(earlier: str, later: str) -> int:
    """Calendar days from one day to the other."""
    return (day(later) - day(earlier)).days


def as_of(folder: Path) -> date:
    """The last day on which an encounter started."""
    return max(day(e["period"]["start"]) for e in read(folder, "Encounter") if e["status"] not in NEVER_TOOK_PLACE)


def inpatient_visits(folder: Path) -> list[Visit]:
    """Inpatient encounters that took place."""
    visits = []
    for e in read(folder, "Encounter"):
        if e["class"]["code"] not in ("IMP", "ACUTE", "NONAC") or e["status"] in NEVER_TOOK_PLACE:
            continue
        hospitalization = e.get("hospitalization", {})
        disposition = hospitalization.get("dischargeDisposition", {}).get("coding", [{}])[0].get("code")
        visits.append(
            Visit(
                id=e["id"],
                patient=e["subject"]["reference"].removeprefix("Patient/"),
                start=e["period"]["start"][:19],
                end=e["period"]["end"][:19],
                facility=e["serviceProvider"]["reference"],
                is_acute=e["class"]["code"] != "NONAC" and e["type"][0]["coding"][0]["code"] not in NOT_ACUTE,
                disposition=disposition,
            )
        )
    return visits


def merge_stays(visits: list[Visit]) -> list[list[Stay]]:
    """Stays of each patient in order: first touching or overlapping encounters, then transfers."""
    by_patient: dict[str, list[Visit]] = defaultdict(list)
    for visit in sorted(visits, key=lambda v: (v.start, v.end, v.id)):
        by_patient[visit.patient].append(visit)
    merged = []
    for own in by_patient.values():
        blocks: list[list[Visit]] = []
        for visit in own:
            if blocks and visit.start <= max(v.end for v in blocks[-1]):
                blocks[-1].append(visit)
            else:
                blocks.append([visit])
        stays: list[list[Visit]] = []
        for block in blocks:
            before = max(stays[-1], key=lambda v: v.end) if stays else None
            if before and days_between(before.end, block[0].start) <= 1 and before.facility != block[0].facility:
                stays[-1].extend(block)
            else:
                stays.append(block)
        merged.append([Stay(tuple(s)) for s in stays])
    return merged


def length_of_stay(folder: Path) -> list[tuple[Any, ...]]:
    """Encounter, patient, days, billed days, month, stay, its days, acute stay, its days; one tuple per encounter."""
    visits = inpatient_visits(folder)
    whole = {v.id: s for own in merge_stays(visits) for s in own for v in s.visits}
    acute = {v.id: s for own in merge_stays([v for v in visits if v.is_acute]) for s in own for v in s.visits}
    rows = []
    for v in visits:
        stay, inner = whole[v.id], acute.get(v.id)
        acute_part = (inner.id, inner.days) if inner else (None, None)
        rows.append(
            (v.id, v.patient, v.days, max(1, v.days), day(v.end).replace(day=1), stay.id, stay.days, *acute_part)
        )
    return sorted(rows)


def readmissions(folder: Path, *, acute_only: bool) -> list[tuple[Any, ...]]:
    """Stay, patient, discharge day, why excluded, days to the next admission, readmitted; one tuple per stay."""
    until = as_of(folder)
    deaths = {p["id"]: day(p["deceasedDateTime"]) for p in read(folder, "Patient") if "deceasedDateTime" in p}
    visits = [v for v in inpatient_visits(folder) if v.is_acute or not acute_only]
    rows = []
    for own in merge_stays(visits):
        for stay, following in zip(own, [*own[1:], None], strict=True):
            discharge = day(stay.last.end)
            patient = stay.last.patient
            gap = days_between(stay.last.end, following.visits[0].start) if following else None
            died = any(v.disposition in DEATH for v in stay.visits) or deaths.get(patient, date.max) <= discharge
            reason = "died" if died else "run_out_incomplete" if (until - discharge).days < 30 else None
            readmitted = None if reason else gap is not None and gap <= 30
            rows.append((stay.id, patient, discharge, reason, gap, readmitted))
    return sorted(rows, key=lambda r: r[0])


def payer_mix(folder: Path) -> dict[tuple[date, str], tuple[Any, ...]]:
    """Class, claims, lines, encounters, patients, submitted, allowed and paid, by month and payer."""
    stands = {c["id"]: c["status"] == "active" and c["use"] == "claim" for c in read(folder, "Claim")}
    groups: dict[tuple[date, str], list[dict[str, Any]]] = defaultdict(list)
    for eob in read(folder, "ExplanationOfBenefit"):
        if not stands.get(eob["claim"]["reference"].removeprefix("Claim/"), True):
            continue
        payer = eob["insurer"].get("display") or eob["insurance"][0]["coverage"].get("display") or "UNKNOWN"
        groups[day(eob["billablePeriod"]["start"]).replace(day=1), payer].append(eob)
    mix = {}
    for (month, payer), eobs in groups.items():
        items = [i for e in eobs for i in e["item"]]
        encounters = {i["encounter"][0]["reference"] for i in items if i.get("encounter")}
        mix[month, payer] = (
            PAYER_CLASS[payer],
            len(eobs),
            len(items),
            len(encounters),
            len({e["patient"]["reference"] for e in eobs}),
            *(total(items, name) for name in ("line_sbmtd_chrg_amt", "line_alowd_chrg_amt", "line_prvdr_pmt_amt")),
        )
    return mix


def total(items: list[dict[str, Any]], category: str) -> Decimal | None:
    """Exact sum of one kind of amount, each to nine decimals, over claim lines; None where no line states it."""
    amounts = [
        Decimal(str(a["amount"]["value"])).quantize(Decimal("1e-9"))
        for i in items
        for a in i.get("adjudication", [])
        if "amount" in a and a["category"]["coding"][0]["code"].endswith(f"/{category}")
    ]
    return sum(amounts) if amounts else None


def patient_summaries(folder: Path) -> list[tuple[Any, ...]]:
    """Patient, age, encounters, inpatient, emergency, last day, active conditions, systolic, diastolic, HbA1c."""
    until = as_of(folder)
    encounters = by_patient([e for e in read(folder, "Encounter") if e["status"] not in NEVER_TOOK_PLACE])
    conditions = by_patient(read(folder, "Condition"))
    observations = by_patient(read(folder, "Observation"))
    rows = []
    for p in read(folder, "Patient"):
        own = encounters[p["id"]]
        classes = [e["class"]["code"] for e in own]
        active = [c for c in conditions[p["id"]] if c["clinicalStatus"]["coding"][0]["code"] == "active"]
        pressures = [o for o in observations[p["id"]] if component(o, "8480-6") and component(o, "8462-4")]
        sugars = [o for o in observations[p["id"]] if o["code"]["coding"][0]["code"] == "4548-4"]
        pressure, sugar = latest(pressures), latest(sugars)
        rows.append(
            (
                p["id"],
                full_years(day(p["birthDate"]), day(p["deceasedDateTime"]) if "deceasedDateTime" in p else until),
                len(own),
                classes.count("IMP"),
                classes.count("EMER"),
                max((day(e["period"]["start"]) for e in own), default=None),
                len(active),
                pressure and component(pressure, "8480-6"),
                pressure and component(pressure, "8462-4"),
                sugar and sugar["valueQuantity"]["value"],
            )
        )
    return sorted(rows, key=lambda r: r[0])


def by_patient(resources: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Resources by the id of their subject."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for resource in resources:
        groups[resource["subject"]["reference"].removeprefix("Patient/")].append(resource)
    return groups


def component(observation: dict[str, Any], code: str) -> float | None:
    """The value of one component."""
    for part in observation.get("component", []):
        if part["code"]["coding"][0]["code"] == code:
            value: float = part["valueQuantity"]["value"]
            return value
    return None


def latest(observations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest observation."""
    return max(observations, key=lambda o: (o["effectiveDateTime"][:19], o["id"]), default=None)


def full_years(birth: date, later: date) -> int:
    """Birthdays passed."""
    years = later.year - birth.year
    return years if (later.month, later.day) >= (birth.month, birth.day) else years - 1
