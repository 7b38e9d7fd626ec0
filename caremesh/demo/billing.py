"""Coverage, Claim and ExplanationOfBenefit: what a visit cost, what the payer allowed, paid or denied.

Amounts are counted in cents. For every line: eligible <= submitted, and benefit + deductible + copay = eligible.
A denied line has eligible and benefit 0, and the reason at its benefit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from caremesh.demo.chart import Chart, Json, new_id
from caremesh.demo.clock import DAY, day_text
from caremesh.demo.codes import billing as codes
from caremesh.demo.codes.billing import MEDICAID, MEDICARE, NO_INSURANCE
from caremesh.demo.encounters import Visit
from caremesh.demo.network import Network
from caremesh.demo.patients import Patient

_APPEALED = 0.3
_DEDUCTIBLE_APPLIES = 0.18


@dataclass(frozen=True)
class Charge:
    """One service on a claim: its code and its list price in cents."""

    code: Json
    price: int


@dataclass(frozen=True)
class Line:
    """One line of a claim with its amounts in cents, and why it was denied if it was."""

    code: Json
    submitted: int
    eligible: int
    deductible: int
    copay: int
    denial: Json | None = None

    @property
    def benefit(self) -> int:
        """What the payer pays for this line."""
        return self.eligible - self.deductible - self.copay


def write_coverage(patient: Patient, network: Network, chart: Chart) -> None:
    """Add the patient's Coverage; some people with Medicare have Medicaid as second payer."""
    began = day_text(max(patient.birth_day, patient.registered // DAY - patient.rng.randrange(60, 1500)))
    fields: Json = {
        "status": "active",
        "type": patient.payer.type,
        "subscriberId": f"{patient.index + 1:010d}",
        "beneficiary": patient.reference,
        "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship",
                                     "code": "self"}]},
        "period": {"start": began},
        "payor": [patient.reference if patient.payer is NO_INSURANCE else patient.insurer],
        "order": 1,
    }  # fmt: skip
    chart.add("Coverage", patient.coverage["reference"].partition("/")[2], patient.registered, fields)
    second_id = new_id(patient.rng)
    if patient.payer is MEDICARE and patient.rng.random() < 0.16:
        second = fields | {"type": MEDICAID.type, "payor": [network.insurers[MEDICAID.name]], "order": 2}
        chart.add("Coverage", second_id, patient.registered, second)


def write_bill(patient: Patient, visit: Visit, kind: Json, charges: Sequence[Charge], chart: Chart) -> None:
    """Add the Claim for a visit some days after it, and weeks later the payer's answer as ExplanationOfBenefit.

    Some denials are appealed: the answer then changes once more, and is paid.
    """
    rng = patient.rng
    created = visit.end + int(rng.uniform(0.3, 4) * DAY)
    answered = created + int(rng.uniform(6, 38) * DAY)
    appeal_won = answered + int(rng.uniform(20, 75) * DAY)
    claim_id, answer_id = new_id(rng), new_id(rng)
    paid = _adjudicate(patient, charges)
    denied = _deny(patient, paid)
    is_appealed = denied is not paid and rng.random() < _APPEALED
    if not chart.reached(created):
        return
    chart.add("Claim", claim_id, created, _claim(patient, visit, kind, paid, created))
    if chart.reached(answered):
        is_reversed = is_appealed and chart.reached(appeal_won)
        lines, decided = (paid, appeal_won) if is_reversed else (denied, answered)
        fields = _answer(patient, visit, kind, lines, claim_id, decided)
        changes = (answered, appeal_won) if is_appealed else (answered,)
        chart.add_changed("ExplanationOfBenefit", answer_id, changes, fields)


def _adjudicate(patient: Patient, charges: Sequence[Charge]) -> list[Line]:
    payer, rng = patient.payer, patient.rng
    level = 0.85 + 0.4 * rng.random()
    deductible_share = rng.uniform(0.2, 1.0) if rng.random() < _DEDUCTIBLE_APPLIES else 0.0
    lines = []
    for charge in charges:
        submitted = int(charge.price * level)
        eligible = int(submitted * payer.allowed)
        deductible = eligible if payer is NO_INSURANCE else int(eligible * deductible_share)
        copay = int((eligible - deductible) * payer.copay)
        lines.append(Line(charge.code, submitted, eligible, deductible, copay))
    return lines


def _deny(patient: Patient, lines: list[Line]) -> list[Line]:
    """Deny a whole claim or one line of it as often as the payer does; give back the same list if nothing is denied."""
    rng = patient.rng
    if rng.random() >= patient.payer.denies:
        return lines
    whole = rng.random() < 0.6
    reason = rng.choice(codes.CLAIM_DENIALS if whole else codes.LINE_DENIALS)
    refused = range(len(lines)) if whole else (rng.randrange(len(lines)),)
    return [
        Line(line.code, line.submitted, 0, 0, 0, reason) if number in refused else line
        for number, line in enumerate(lines)
    ]


def _billed(patient: Patient, visit: Visit, kind: Json, created: int) -> Json:
    """What a Claim and its ExplanationOfBenefit state alike, but for the time when each was made."""
    return {
        "status": "active",
        "type": kind,
        "use": "claim",
        "patient": patient.reference,
        "billablePeriod": _billable(patient, visit),
        "created": patient.zone.text(created),
    }


def _claim(patient: Patient, visit: Visit, kind: Json, lines: list[Line], created: int) -> Json:
    fields: Json = {
        **_billed(patient, visit, kind, created),
        "provider": visit.facility.organization,
        "priority": codes.NORMAL_PRIORITY,
        "facility": visit.facility.site,
        "insurance": [{"sequence": 1, "focal": True, "coverage": patient.coverage}],
        "item": [
            {"sequence": number, "productOrService": line.code, "net": _money(line.submitted),
             "encounter": [visit.reference]}
            for number, line in enumerate(lines, start=1)
        ],
        "total": _money(sum(line.submitted for line in lines)),
    }  # fmt: skip
    if patient.payer is not NO_INSURANCE:
        fields["insurer"] = patient.insurer
    if visit.diagnosis_id:
        fields["diagnosis"] = [_claim_diagnosis(visit)]
    return fields


def _answer(patient: Patient, visit: Visit, kind: Json, lines: list[Line], claim_id: str, decided: int) -> Json:
    benefit = sum(line.benefit for line in lines)
    fields: Json = {
        **_billed(patient, visit, kind, decided),
        "insurer": patient.insurer,
        "provider": visit.practitioner,
        "facility": visit.facility.site,
        "claim": {"reference": f"Claim/{claim_id}"},
        "outcome": "complete",
        "careTeam": [{"sequence": 1, "provider": visit.practitioner, "role": codes.PRIMARY_PROVIDER}],
        "insurance": [{"focal": True, "coverage": patient.coverage}],
        "item": [_item(patient, visit, number, line) for number, line in enumerate(lines, start=1)],
        "total": [
            {"category": codes.SUBMITTED, "amount": _money(sum(line.submitted for line in lines))},
            {"category": codes.BENEFIT, "amount": _money(benefit)},
        ],
        "payment": {
            "type": codes.COMPLETE_PAYMENT,
            "date": day_text(patient.zone.day(decided)),
            "amount": _money(benefit),
        },
    }
    if visit.diagnosis_id:
        fields["diagnosis"] = [_claim_diagnosis(visit)]
    return fields


def _item(patient: Patient, visit: Visit, number: int, line: Line) -> Json:
    benefit: Json = {"category": codes.BENEFIT, "amount": _money(line.benefit)}
    if line.denial:
        benefit["reason"] = line.denial
    return {
        "sequence": number,
        "productOrService": line.code,
        "servicedPeriod": _billable(patient, visit),
        "encounter": [visit.reference],
        "net": _money(line.submitted),
        "adjudication": [
            {"category": codes.SUBMITTED, "amount": _money(line.submitted)},
            {"category": codes.ELIGIBLE, "amount": _money(line.eligible)},
            {"category": codes.DEDUCTIBLE, "amount": _money(line.deductible)},
            {"category": codes.COPAY, "amount": _money(line.copay)},
            benefit,
        ],
    }


def _claim_diagnosis(visit: Visit) -> Json:
    return {"sequence": 1, "diagnosisReference": visit.diagnosis, "type": codes.PRINCIPAL_DIAGNOSIS}


def _billable(patient: Patient, visit: Visit) -> Json:
    return {"start": patient.zone.text(visit.start), "end": patient.zone.text(visit.end)}


def _money(cents: int) -> Json:
    return {"value": cents / 100, "currency": "USD"}
