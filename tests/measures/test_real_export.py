"""The curated tables of a real export equal a plain Python computation over its raw FHIR."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measures import oracle
from tests.measures.conftest import Curated

pytestmark = pytest.mark.slow


@pytest.fixture
def export(shared_data: Path) -> Path:
    return shared_data / "synthea-25"


def test_length_of_stay_equals_the_oracle(synthea: Curated, export: Path) -> None:
    rows = synthea.rows("""
        select encounter_id, patient_id, los_days, los_billed_days, discharge_month, stay_id, stay_los_days,
            acute_stay_id, acute_stay_los_days
        from curated.length_of_stay order by encounter_id
    """)
    assert rows == oracle.length_of_stay(export)
    assert len(rows) > 40


@pytest.mark.parametrize(("table", "acute_only"), [("readmission_30d", False), ("readmission_30d_acute", True)])
def test_readmissions_equal_the_oracle(table: str, acute_only: bool, synthea: Curated, export: Path) -> None:
    rows = synthea.rows(f"""
        select stay_id, patient_id, discharge_date, exclusion_reason, days_to_next_admission, is_readmitted_30d
        from curated.{table} order by stay_id
    """)
    assert rows == oracle.readmissions(export, acute_only=acute_only)
    assert {reason for _, _, _, reason, _, _ in rows} == {None, "died", "run_out_incomplete"}


def test_payer_mix_equals_the_oracle(synthea: Curated, export: Path) -> None:
    rows = synthea.rows("""
        select billing_month, payer_name, payer_class, claim_count, line_count, encounter_count, patient_count,
            submitted_amount, allowed_amount, paid_amount
        from curated.payer_mix_monthly
    """)
    actual = {(month, payer): tuple(rest) for month, payer, *rest in rows}
    assert actual == oracle.payer_mix(export)


def test_the_shares_of_a_month_sum_to_one(synthea: Curated) -> None:
    rows = synthea.rows("""
        select sum(claim_share), sum(encounter_share), sum(submitted_share)
        from curated.payer_mix_monthly group by billing_month
    """)
    for row in rows:
        assert [share for share in row if share is not None] == pytest.approx([1.0] * sum(s is not None for s in row))


def test_patient_summary_equals_the_oracle(synthea: Curated, export: Path) -> None:
    rows = synthea.rows("""
        select patient_id, age_years, encounter_count, inpatient_encounter_count, emergency_encounter_count,
            last_encounter_date, active_condition_count, latest_systolic_mmhg, latest_diastolic_mmhg,
            latest_hba1c_percent
        from curated.patient_summary order by patient_id
    """)
    assert rows == oracle.patient_summaries(export)


def test_a_real_export_passes_every_test_of_the_data(synthea: Curated) -> None:
    assert synthea.result.tests_warned == ()
