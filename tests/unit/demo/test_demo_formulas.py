"""Computed laboratory results agree with published examples."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from caremesh.demo.formulas import filtration_rate, total_cholesterol


@pytest.mark.parametrize(
    ("gender", "age", "creatinine", "expected"),
    # 142 x min(Scr/k, 1)^a x max(Scr/k, 1)^-1.2 x 0.9938^age (x 1.012 if female), by hand
    [("male", 60, 1.2, 69.2), ("female", 50, 0.7, 105.3), ("female", 80, 1.6, 32.4)],
)
def test_filtration_rate_follows_ckd_epi_2021(gender: str, age: int, creatinine: float, expected: float) -> None:
    patient = SimpleNamespace(gender=gender, age=lambda moment: age)
    assert filtration_rate({"2160-0": creatinine}, patient, 0) == pytest.approx(expected, abs=0.15)


def test_total_cholesterol_fits_calculated_ldl() -> None:
    assert total_cholesterol({"13457-7": 100, "2085-9": 50, "2571-8": 150}, None, 0) == 180
