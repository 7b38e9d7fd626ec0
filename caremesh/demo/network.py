"""The care network that all patients share: organizations, locations and practitioners, in regions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import YEAR
from caremesh.demo.codes.billing import NO_INSURANCE, PAYERS
from caremesh.demo.codes.people import AREAS, FAMILY_NAMES, GIVEN_NAMES, STREETS, Area
from caremesh.demo.codes.systems import NPI, hl7
from caremesh.demo.plan import ExportPlan

_PATIENTS_PER_REGION = 20_000
_HOSPITALS_PER_REGION = 2
_CLINICS_PER_REGION = 3
_WARDS = ("Emergency Department", "Intensive Care Unit", "Medical Ward", "Surgical Ward")
# Made up, as the payers are; the towns are real.
_HOSPITAL_NAMES = ("Northgate", "Cedar Ridge", "Stonebridge", "Maplewood", "Eastfield", "Brookmere", "Alderway")
_PROVIDER = [hl7("organization-type", "prov", "Healthcare Provider")]
_BUILDING = hl7("location-physical-type", "bu", "Building")
_WARD = hl7("location-physical-type", "wa", "Ward")
_INSURER = [hl7("organization-type", "pay", "Payer")]


@dataclass(frozen=True)
class Facility:
    """A hospital or clinic as other resources refer to it: `Reference` values, ready to use."""

    organization: Json
    site: Json
    wards: tuple[Json, ...]
    practitioners: tuple[Json, ...]
    address: Json

    @property
    def emergency_room(self) -> Json:
        """The emergency department of a hospital."""
        return self.wards[0]

    @property
    def intensive_care(self) -> Json:
        """The intensive care unit of a hospital."""
        return self.wards[1]


@dataclass(frozen=True)
class Region:
    """An area with its hospitals and clinics; a patient has a clinic and a hospital in one region."""

    area: Area
    hospitals: tuple[Facility, ...]
    clinics: tuple[Facility, ...]


@dataclass(frozen=True)
class Network:
    """Everything that patients share."""

    regions: tuple[Region, ...]
    insurers: dict[str, Json]


def build_network(plan: ExportPlan) -> Network:
    """Build the network of a plan: three regions, and one more for every 20,000 patients."""
    rng = Random(f"{plan.seed}/network")
    count = 3 + plan.patients // _PATIENTS_PER_REGION
    insurers = {payer.name: _reference("Organization", new_id(rng), payer.name) for payer in PAYERS}
    # A person who pays is no organization: the name stands alone, as in other sources of such data.
    insurers[NO_INSURANCE.name] = {"display": NO_INSURANCE.name}
    return Network(regions=tuple(_region(rng, number) for number in range(count)), insurers=insurers)


def write_network(plan: ExportPlan, network: Network, chart: Chart) -> None:
    """Add every Organization, Location and Practitioner of the network, recorded five years before the export."""
    rng = Random(f"{plan.seed}/network resources")
    recorded = chart.base - 5 * YEAR
    for reference in network.insurers.values():
        if "reference" in reference:
            chart.add("Organization", _id(reference), recorded, _organization(reference, _INSURER, None))
    for region in network.regions:
        for facility in (*region.hospitals, *region.clinics):
            organization = facility.organization
            chart.add("Organization", _id(organization), recorded, _organization(organization, _PROVIDER, facility))
            for place, fields in _locations(facility):
                chart.add("Location", _id(place), recorded, fields)
            for practitioner in facility.practitioners:
                chart.add("Practitioner", _id(practitioner), recorded, _practitioner(rng, practitioner))


def _region(rng: Random, number: int) -> Region:
    area = AREAS[number % len(AREAS)]
    name = area.name if number < len(AREAS) else f"{area.name} {number // len(AREAS) + 1}"
    hospitals = tuple(
        _facility(rng, area, f"{_hospital_name(number, i)} Hospital {name}", _WARDS, practitioners=8)
        for i in range(_HOSPITALS_PER_REGION)
    )
    clinics = tuple(
        _facility(rng, area, f"{area.towns[i % len(area.towns)][0]} Family Clinic {number + 1}-{i + 1}", (), 4)
        for i in range(_CLINICS_PER_REGION)
    )
    return Region(area=area, hospitals=hospitals, clinics=clinics)


def _hospital_name(region: int, number: int) -> str:
    return _HOSPITAL_NAMES[(region * _HOSPITALS_PER_REGION + number) % len(_HOSPITAL_NAMES)]


def _facility(rng: Random, area: Area, name: str, wards: tuple[str, ...], practitioners: int) -> Facility:
    town, postal_code = rng.choice(area.towns)
    return Facility(
        organization=_reference("Organization", new_id(rng), name),
        site=_reference("Location", new_id(rng), name),
        wards=tuple(_reference("Location", new_id(rng), f"{name}, {ward}") for ward in wards),
        practitioners=tuple(_reference("Practitioner", new_id(rng), _doctor(rng)) for _ in range(practitioners)),
        address={
            "line": [f"{rng.randint(1, 999)} {rng.choice(STREETS)}"],
            "city": town,
            "state": area.state,
            "postalCode": postal_code,
            "country": "US",
        },
    )


def _doctor(rng: Random) -> str:
    given = rng.choice(GIVEN_NAMES[rng.choice(("female", "male"))])
    return f"Dr. {given} {rng.choice(FAMILY_NAMES)}"


def _reference(resource_type: str, resource_id: str, display: str) -> Json:
    return {"reference": f"{resource_type}/{resource_id}", "display": display}


def _id(reference: Json) -> str:
    return str(reference["reference"]).partition("/")[2]


def _organization(reference: Json, kind: list[Json], facility: Facility | None) -> Json:
    fields: Json = {"active": True, "type": kind, "name": reference["display"]}
    if facility:
        fields["address"] = [facility.address]
    return fields


def _locations(facility: Facility) -> Iterator[tuple[Json, Json]]:
    common: Json = {"status": "active", "mode": "instance", "address": facility.address}
    yield (
        facility.site,
        common
        | {
            "name": facility.site["display"],
            "physicalType": _BUILDING,
            "managingOrganization": facility.organization,
        },
    )
    for place in facility.wards:
        yield (
            place,
            common
            | {
                "name": place["display"],
                "physicalType": _WARD,
                "managingOrganization": facility.organization,
                "partOf": facility.site,
            },
        )


def _practitioner(rng: Random, reference: Json) -> Json:
    prefix, given, family = str(reference["display"]).split(" ", 2)
    return {
        "identifier": [{"system": NPI, "value": f"99{rng.randrange(10**8):08d}"}],
        "active": True,
        "name": [{"use": "official", "family": family, "given": [given], "prefix": [prefix]}],
        "gender": "female" if given in GIVEN_NAMES["female"] else "male",
    }
