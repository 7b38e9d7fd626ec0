"""Length of stay and readmissions of hand-made patients, with every outcome written by hand in `cases/`."""

from __future__ import annotations

import pytest

from tests.measures.case_rows import read_cases
from tests.measures.conftest import Curated

NUMBERS = ("los_days", "los_billed_days", "stay_los_days", "acute_stay_los_days")
Expected = dict[str, list[tuple[object, ...]]]


def expected_length_of_stay() -> Expected:
    cases: Expected = {}
    for row in read_cases("expected_length_of_stay"):
        numbers = [
            whole_number(row[n]) for n in ("los_days", "los_billed_days", "stay_los_days", "acute_stay_los_days")
        ]
        stays = [name_of(row["patient"], row[n]) for n in ("stay", "acute_stay")]
        line = (name_of(row["patient"], row["encounter"]), row["los_status"], *numbers, *stays)
        cases.setdefault(row["patient"], []).append(line)
    return cases


def expected_readmissions(name: str) -> Expected:
    cases: Expected = {}
    for row in read_cases(name):
        readmitted = {"true": True, "false": False, "": None}[row["is_readmitted_30d"]]
        line = (
            name_of(row["patient"], row["stay"]),
            row["exclusion_reason"] or None,
            whole_number(row["days_to_next_admission"]),
            readmitted,
        )
        cases.setdefault(row["patient"], []).append(line)
    return cases


def name_of(patient: str, encounter: str) -> str | None:
    return f"{patient}/{encounter}" if encounter else None


def whole_number(text: str) -> int | None:
    return int(text) if text else None


LENGTH_OF_STAY = expected_length_of_stay()
READMISSION = expected_readmissions("expected_readmission_30d")
ACUTE_READMISSION = expected_readmissions("expected_readmission_30d_acute")


@pytest.mark.parametrize("case", LENGTH_OF_STAY)
def test_length_of_stay(case: str, cases: Curated) -> None:
    rows = cases.rows(f"""
        select encounter_id, los_status, los_days, los_billed_days, stay_los_days, acute_stay_los_days,
            stay_id, acute_stay_id
        from curated.length_of_stay where patient_id = '{case}'
    """)
    assert sorted(rows) == sorted(LENGTH_OF_STAY[case])


@pytest.mark.parametrize("case", READMISSION)
def test_readmission_30d(case: str, cases: Curated) -> None:
    rows = cases.rows(f"""
        select stay_id, exclusion_reason, days_to_next_admission, is_readmitted_30d
        from curated.readmission_30d where patient_id = '{case}'
    """)
    assert sorted(rows) == sorted(READMISSION[case])


@pytest.mark.parametrize("case", ACUTE_READMISSION)
def test_readmission_30d_acute(case: str, cases: Curated) -> None:
    rows = cases.rows(f"""
        select stay_id, exclusion_reason, days_to_next_admission, is_readmitted_30d
        from curated.readmission_30d_acute where patient_id = '{case}'
    """)
    assert sorted(rows) == sorted(ACUTE_READMISSION[case])


def test_every_stay_of_every_case_has_an_expectation_somewhere(cases: Curated) -> None:
    named = set(LENGTH_OF_STAY) | set(READMISSION)
    assert {row["patient"] for row in read_cases("encounters")} == named


def test_encounters_of_nobody_are_never_merged_and_never_an_index(cases: Curated) -> None:
    rows = cases.rows("select stay_id, exclusion_reason from curated.readmission_30d where stay_id like 'nobody/%'")
    assert sorted(rows) == [("nobody/1", "patient_unknown"), ("nobody/2", "patient_unknown")]


def test_a_patient_known_by_reference_alone_has_stays_and_readmissions(cases: Curated) -> None:
    rows = cases.rows("""
        select stay_id, patient_id, stay_los_days, exclusion_reason, is_readmitted_30d
        from curated.readmission_30d where stay_id like 'conditional/%'
    """)
    assert rows == [("conditional/1", None, 3, None, False)]


def test_leaving_against_advice_is_shown(cases: Curated) -> None:
    rows = cases.rows("select stay_id from curated.readmission_30d where is_against_advice")
    assert rows == [("leaves_against_advice/1",)]


def test_each_stay_is_counted_once_by_its_last_encounter(cases: Curated) -> None:
    rows = cases.rows("""
        select encounter_id from curated.length_of_stay
        where patient_id in ('overlapping_wards', 'transfer_chain', 'long_stay_around_a_short_one') and is_last_of_stay
    """)
    assert sorted(rows) == [
        ("long_stay_around_a_short_one/after",),
        ("overlapping_wards/ward",),
        ("transfer_chain/3",),
        ("transfer_chain/4",),
    ]


def test_average_length_of_stay_counts_discharged_patients_by_their_month_of_discharge(cases: Curated) -> None:
    rows = cases.rows("""
        select cast(discharge_month as varchar), avg(los_days) from curated.length_of_stay
        where patient_id in ('over_new_year', 'back_and_still_admitted') group by 1 order by 1
    """)
    assert rows == [("2024-01-01", 3.0), ("2024-02-01", 1.0), ("2024-12-01", 4.0), (None, None)]


def test_dbt_unit_tests_ran_and_passed_in_the_same_build(cases: Curated) -> None:
    assert "day_30_counts_and_day_31_does_not" in cases.result.tests_passed
    assert cases.result.tests_warned == ()
