"""Times are written as US clocks show them, without the machine's time-zone database."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caremesh.demo.clock import DAY, Zone, instant

EASTERN, ARIZONA = Zone(-5), Zone(-7, has_daylight_saving=False)


def _utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        ("2025-03-09T06:59:59", "2025-03-09T01:59:59-05:00"),  # the second before clocks go forward
        ("2025-03-09T07:00:00", "2025-03-09T03:00:00-04:00"),
        ("2025-11-02T05:59:59", "2025-11-02T01:59:59-04:00"),  # the second before clocks go back
        ("2025-11-02T06:00:00", "2025-11-02T01:00:00-05:00"),
        ("2024-02-29T23:30:15", "2024-02-29T18:30:15-05:00"),
    ],
)
def test_eastern_time_switches_on_the_right_second(utc: str, local: str) -> None:
    assert EASTERN.text(_utc(utc)) == local


def test_arizona_keeps_its_offset_in_summer() -> None:
    assert ARIZONA.text(_utc("2025-07-04T18:00:00")) == "2025-07-04T11:00:00-07:00"


def test_local_day_and_wall_time_go_back_and_forth() -> None:
    moment = _utc("2025-07-05T03:15:00")  # still the 4th in the east
    day = EASTERN.day(moment)
    assert day == _utc("2025-07-04T00:00:00") // DAY
    assert EASTERN.at(day, 23 * 3600 + 15 * 60) == moment


def test_instants_have_milliseconds_and_are_utc() -> None:
    assert instant(_utc("2025-01-02T03:04:05"), 7) == "2025-01-02T03:04:05.007Z"
