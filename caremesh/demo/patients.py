"""Patients: who they are, what they suffer from, who insures them, and the Patient resource that says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, HOUR, MINUTE, YEAR, Zone, day_text
from caremesh.demo.codes import people
from caremesh.demo.codes.billing import COMMERCIAL, MEDICAID, MEDICARE, NO_INSURANCE, Payer
from caremesh.demo.codes.conditions import DISEASES
from caremesh.demo.codes.systems import US_CORE
from caremesh.demo.network import Facility, Network
from caremesh.demo.plan import ExportPlan, new_patients, window

_HISTORY_YEARS = 3.5
_DAYS_IN_YEAR = 365.25
_ARRANGED_EVERY = 25
_RECORD_SYSTEM = "urn:oid:2.16.840.1.113883.19.5"  # the OID that HL7 keeps for examples
_RACE_WEIGHTS = [share for _, _, share in people.RACES]
# Years of age, and how many in a hundred patients are younger; people in care are older than the country.
_AGES = ((1, 2), (18, 18), (45, 45), (65, 70), (80, 91), (101, 100))


@dataclass(frozen=True)
class Arranged:
    """What is bound to happen to a patient around `as_of`, if they live to see it."""

    admitted: int | None = None
    moves: int | None = None
    dies: int | None = None


@dataclass(frozen=True)
class Patient:
    """A person, as drawn before anything happens to them. `rng` draws the rest of their history."""

    rng: Random
    index: int
    id: str
    reference: Json
    gender: str
    birth_day: int
    registered: int
    zone: Zone
    identity: Json
    addresses: tuple[Json, Json]
    moves: int
    arranged: Arranged
    clinic: Facility
    hospital: Facility
    other_hospital: Facility
    doctor: Json
    diseases: Mapping[str, str]
    payer: Payer
    insurer: Json
    coverage: Json
    height: float
    body_mass: float
    health: float

    def age(self, moment: int) -> float:
        """Age in years at a moment."""
        return (moment / DAY - self.birth_day) / _DAYS_IN_YEAR


def draw_patient(plan: ExportPlan, network: Network, index: int) -> Patient:
    """Draw patient number `index`; every patient has an own stream of random numbers, so none depends on another."""
    rng = Random(f"{plan.seed}/chart {index}")
    region = rng.choice(network.regions)
    registered = office_hours(region.area.zone, rng, _registration(plan, index, rng))
    birth_day = registered // DAY - int(_draw_age(rng) * _DAYS_IN_YEAR)
    age = (registered // DAY - birth_day) / _DAYS_IN_YEAR
    gender = rng.choice(("female", "male"))
    given = tuple(rng.sample(people.GIVEN_NAMES[gender], 1 + (rng.random() < 0.6)))
    family = rng.choice(people.FAMILY_NAMES)
    identity = _draw_identity(rng, index, age, gender, given, family)
    hospital, other_hospital = rng.sample(region.hospitals, 2)
    clinic = rng.choice(region.clinics)
    payer = _draw_payer(rng, age)
    diseases = _draw_diseases(rng, age)
    arranged, stays_for = _arrange(plan, index), int(rng.uniform(0.1, 9) * YEAR)
    patient_id = new_id(rng)
    return Patient(
        rng=rng,
        index=index,
        id=patient_id,
        reference={"reference": f"Patient/{patient_id}", "display": f"{given[0]} {family}"},
        identity=identity | {"birthDate": _birth_date(index, birth_day), "managingOrganization": clinic.organization},
        addresses=(_address(rng, region.area), _address(rng, region.area)),
        moves=arranged.moves or registered + stays_for,
        arranged=arranged,
        birth_day=birth_day,
        gender=gender,
        registered=registered,
        zone=region.area.zone,
        clinic=clinic,
        hospital=hospital,
        other_hospital=other_hospital,
        doctor=rng.choice(clinic.practitioners),
        diseases=diseases,
        payer=payer,
        insurer=network.insurers[payer.name],
        coverage={"reference": f"Coverage/{new_id(rng)}", "display": payer.name},
        height=min(1.0, 0.3 + age / 26) * rng.gauss(163 if gender == "female" else 176, 7),
        body_mass=max(15.0, rng.gauss(34 if "obesity" in diseases else min(24.5, 16 + age / 2), 2.5)),
        health=rng.gauss(0, 1),
    )


def office_hours(zone: Zone, rng: Random, moment: int) -> int:
    """Move a moment to the next working day, into the opening hours of a clinic, at a full quarter of an hour."""
    day = zone.day(moment) + 1
    # Day 0, 1970-01-01, was a Thursday.
    weekday = (day + 3) % 7
    if weekday > 4:
        day += 7 - weekday
    return zone.at(day, 8 * HOUR + rng.randrange(36) * 15 * MINUTE)


def write_patient(patient: Patient, chart: Chart, *, died: int | None) -> None:
    """Add the Patient resource; it changes when the person moves, and when they die."""
    changes = [patient.registered]
    if died is None or patient.moves < died:
        changes.append(patient.moves)
    fields = patient.identity | {"address": [patient.addresses[len(changes) == 2 and chart.reached(patient.moves)]]}
    if died is not None:
        changes.append(died + 6 * HOUR)
        if chart.reached(changes[-1]):
            fields |= _death(patient, died)
    chart.add_changed("Patient", patient.id, changes, fields)


def _death(patient: Patient, died: int) -> Json:
    # Some registries pass on only the fact.
    if patient.index % 7 == 3:
        return {"deceasedBoolean": True}
    return {"deceasedDateTime": patient.zone.text(died)}


def _registration(plan: ExportPlan, index: int, rng: Random) -> int:
    if index < plan.patients:
        until = window(plan).until
        return until - int(rng.uniform(0.05, _HISTORY_YEARS) * YEAR)
    count = len(new_patients(plan, sequence=1))
    span = window(plan, sequence=1 + (index - plan.patients) // count)
    return span.since + DAY + int(rng.random() * (span.until - span.since - 5 * DAY))


def _arrange(plan: ExportPlan, index: int) -> Arranged:
    """Arrange for eight patients to be in hospital at `as_of`, and in the month after for eight to move and two to die.

    Without this, a small export could have empty wards, and its first increment no changed patient.
    """
    if index >= plan.patients:
        return Arranged()
    turn, place = divmod(index, max(_ARRANGED_EVERY, plan.patients // 8))
    as_of = window(plan).until
    if place == 11:
        return Arranged(admitted=as_of - (6 + 7 * (turn % 8)) * HOUR)
    if place == 12:
        return Arranged(moves=as_of + (3 + 3 * (turn % 8)) * DAY)
    if place == 13 and turn % 4 == 0:
        return Arranged(dies=as_of + (9 + turn) * DAY + 4 * HOUR)
    return Arranged()


def _draw_age(rng: Random) -> float:
    place = rng.random() * 100
    youngest, below = 0, 0
    for oldest, percent in _AGES:
        if place < percent:
            return youngest + (oldest - youngest) * (place - below) / (percent - below)
        youngest, below = oldest, percent
    return float(youngest)


def _draw_diseases(rng: Random, age: float) -> dict[str, str]:
    """Draw chronic diseases: key and the resource id of the Condition that states each."""
    band = (age >= 18) + (age >= 45) + (age >= 65)
    found = {disease.key: new_id(rng) for disease in DISEASES if rng.random() < disease.prevalence[band]}
    if "diabetes" in found:
        found.pop("prediabetes", None)
    return found


def _draw_payer(rng: Random, age: float) -> Payer:
    place = rng.random()
    if age >= 65:
        return MEDICARE if place < 0.93 else rng.choice(COMMERCIAL)
    medicaid = 0.38 if age < 18 else 0.17
    if place < medicaid:
        return MEDICAID
    if place < medicaid + 0.09:
        return NO_INSURANCE
    # Below 65, Medicare insures people with disabilities.
    return MEDICARE if place > 0.97 and age >= 18 else rng.choice(COMMERCIAL)


def _draw_identity(rng: Random, index: int, age: float, gender: str, given: tuple[str, ...], family: str) -> Json:
    races, race_text, _ = rng.choices(people.RACES, _RACE_WEIGHTS)[0]
    hispanic = rng.random() < 0.19
    prefix = "Mr." if gender == "male" else "Ms."
    identity: Json = {
        "extension": _extensions(races, race_text, hispanic=hispanic, birth_sex=gender[0].upper()),
        "identifier": [
            {"use": "usual", "type": people.MEDICAL_RECORD, "system": _RECORD_SYSTEM, "value": f"MRN{index + 1:08d}"}
        ],
        "active": True,
        "name": [{"use": "official", "family": family, "given": list(given), "prefix": [prefix]}],
        "telecom": [{"system": "phone", "value": f"555-{rng.randrange(1000):03d}-{rng.randrange(10000):04d}"}],
        "gender": gender,
    }
    if rng.random() < 0.97:
        identity["maritalStatus"] = _marital_status(rng, age)
    language = people.SPANISH if hispanic and rng.random() < 0.45 else people.ENGLISH
    identity["communication"] = [{"language": language, "preferred": True}]
    return identity


def _extensions(races: tuple[Json, ...], race_text: str, *, hispanic: bool, birth_sex: str) -> list[Json]:
    ethnicity = people.HISPANIC if hispanic else people.NOT_HISPANIC
    categories: list[Json] = [{"url": "ombCategory", "valueCoding": race} for race in races]
    return [
        {"url": US_CORE + "us-core-race", "extension": [*categories, {"url": "text", "valueString": race_text}]},
        {
            "url": US_CORE + "us-core-ethnicity",
            "extension": [
                {"url": "ombCategory", "valueCoding": ethnicity},
                {"url": "text", "valueString": ethnicity["display"]},
            ],
        },
        {"url": US_CORE + "us-core-birthsex", "valueCode": birth_sex},
    ]


def _birth_date(index: int, birth_day: int) -> str:
    # Records taken over from paper, or of people who arrived without any, know only the month or the year.
    text = day_text(birth_day)
    return {7: text[:4], 32: text[:7]}.get(index % 50, text)


def _marital_status(rng: Random, age: float) -> Json:
    place = rng.random()
    if age < 20 or place < 0.25:
        return people.NEVER_MARRIED
    if place < 0.72:
        return people.MARRIED
    return people.WIDOWED if age > 65 else people.DIVORCED


def _address(rng: Random, area: people.Area) -> Json:
    town, postal_code = rng.choice(area.towns)
    return {
        "use": "home",
        "line": [f"{rng.randint(1, 1999)} {rng.choice(people.STREETS)}"],
        "city": town,
        "state": area.state,
        "postalCode": postal_code,
        "country": "US",
    }
