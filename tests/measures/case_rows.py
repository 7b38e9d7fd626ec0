"""The rows of the hand-made cases, by product: encounters and patients from `cases/`, and a few of everything else."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.measures.product_tables import Row, moment

CASES = Path(__file__).parent / "cases"

SOMEBODY = "same_day_stay"
"""The patient whom the rows of everything else belong to."""


def case_rows() -> dict[str, list[Row]]:
    """The rows of all products, under `<domain>.<product>`."""
    return {
        "clinical.encounter": [*(_encounter(row) for row in read_cases("encounters")), *_nobody_and_somebody()],
        "clinical.patient": _patients(),
        "clinical.condition": _conditions(),
        "clinical.observation": _observations(),
        "operations.claim": _claims(),
        "operations.claim_line": _claim_lines(),
    }


def read_cases(name: str) -> list[dict[str, str]]:
    """The lines of one file of cases."""
    with (CASES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _encounter(case: dict[str, str]) -> Row:
    return {
        "encounter_id": f"{case['patient']}/{case['encounter']}",
        "patient_id": case["patient"],
        "status": case["status"],
        "class_code": case["class"],
        "type_system": "http://snomed.info/sct",
        "type_code": case["type"] or "32485007",
        "period_start_at": moment(case["start"]),
        "period_start_text": case["start"],
        "period_end_at": moment(case["end"]),
        "period_end_text": case["end"] or None,
        "service_provider_id": case["facility"] or None,
        "discharge_disposition_code": case["disposition"] or None,
    }


def _nobody_and_somebody() -> list[Row]:
    """Two encounters at one bedside that name no patient, and two that name one by a conditional reference."""
    stay = {"status": "finished", "class_code": "IMP", "service_provider_id": "A"}
    first = {"period_start_at": "2024-05-01 08:00:00", "period_end_at": "2024-05-03 08:00:00"}
    second = {"period_start_at": "2024-05-02 08:00:00", "period_end_at": "2024-05-04 08:00:00"}
    reference = "Patient?identifier=mrn|1"
    return [
        {"encounter_id": "nobody/1", **stay, **first},
        {"encounter_id": "nobody/2", **stay, **second},
        {"encounter_id": "conditional/1", "patient_reference": reference, **stay, **first},
        {"encounter_id": "conditional/2", "patient_reference": reference, **stay, **second},
    ]


def _patients() -> list[Row]:
    """Every patient of the encounters; birthdays around leap days, and one that is not known."""
    deaths = {row["patient"]: row["deceased"] for row in read_cases("patients")}
    names = sorted({row["patient"] for row in read_cases("encounters")})
    birthdays = ("1960-02-29", "1990-01-31", "1990-02-01", None)
    return [
        {
            "patient_id": name,
            "birth_date": birthdays[place % len(birthdays)],
            "is_deceased": name in deaths,
            "deceased_at": moment(deaths.get(name)),
            "race_text": "" if place == 0 else None,
            "state": "Württemberg" if place == 1 else "MA",
        }
        for place, name in enumerate(names)
    ]


def _conditions() -> list[Row]:
    stated = [
        ("active", "confirmed"),
        ("relapse", None),
        ("active", "refuted"),
        ("resolved", "confirmed"),
        (None, None),
    ]
    return [
        {
            "condition_id": f"c{place}",
            "patient_id": SOMEBODY,
            "clinical_status_code": clinical,
            "verification_status_code": verification,
        }
        for place, (clinical, verification) in enumerate(stated)
    ]


def _observations() -> list[Row]:
    """Two readings of one minute, of which the greater id counts; the later one of milliseconds; two HbA1c."""
    pressures = [("r1", "10:00:00", 131.0, 85.5), ("r2", "10:00:00", 128.25, 80.0), ("r3", "09:59:59.999", 190.0, 99.0)]
    shared = {"patient_id": SOMEBODY, "status": "final"}
    parts: list[Row] = [
        {
            **shared,
            "observation_id": name,
            "effective_at": f"2024-02-29 {time}",
            "component_index": index,
            "component_code": code,
            "component_value_number": value,
        }
        for name, time, systolic, diastolic in pressures
        for index, (code, value) in enumerate([("8480-6", systolic), ("8462-4", diastolic)])
    ]
    sugar = {**shared, "code": "4548-4", "status": "corrected"}
    return [
        *parts,
        {**sugar, "observation_id": "s1", "effective_at": "2024-02-29 23:59:59.999", "value_number": 6.1},
        {**sugar, "observation_id": "s2", "effective_at": "2024-03-01 00:00:00", "value_number": 0.1 + 0.2},
        {**sugar, "observation_id": "s3", "effective_at": None, "value_number": 9.9},
    ]


def _claims() -> list[Row]:
    return [
        {"claim_id": "stands", "status": "active", "use": "claim"},
        {"claim_id": "withdrawn", "status": "cancelled", "use": "claim"},
    ]


def _claim_lines() -> list[Row]:
    """Amounts that doubles and decimals take differently: tenths, half a unit of the ninth digit, large ones."""
    amounts = [0.1, 0.2, 0.0000000005, 12345678901.23, 9007199.254740993, -0.05, None]
    payers = ["Aetna", "Aetna", "Medicare", " ", None, "Town Plan", "NO_INSURANCE"]
    months = ["2024-02-29T23:30:00-05:00", "2024-02", "2024-02-01", "2024", None, "2024-13-01", "2023-12-31"]
    lines: list[Row] = [
        {
            "explanation_of_benefit_id": f"b{place // 2}",
            "claim_id": "stands" if place % 2 else "not here",
            "patient_id": SOMEBODY,
            "insurer_name": payer,
            "coverage_name": "Medicaid" if payer is None else None,
            "billable_start_text": month,
            "submitted_amount": amount,
            "allowed_amount": amount,
            "paid_amount": None if amount is None else amount * 3,
            "deductible_amount": 0.0,
            "encounter_id": f"{SOMEBODY}/1" if place else None,
        }
        for place, (amount, payer, month) in enumerate(zip(amounts, payers, months, strict=True))
    ]
    return [*lines, {"explanation_of_benefit_id": "gone", "claim_id": "withdrawn", "insurer_name": "Aetna"}]
