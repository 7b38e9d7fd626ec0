"""Time without a clock: moments are seconds of UTC since 1970, written at the offset of a US time zone.

The US rule for daylight saving (since 2007) is written out here, so the result does not depend on the
time-zone database of the machine.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from functools import cache

MINUTE = 60
HOUR = 3600
DAY = 86_400
YEAR = 31_557_600

_EPOCH = date(1970, 1, 1).toordinal()
_HOURS = tuple(f"{hour:02d}:" for hour in range(24))
_MINUTES_SECONDS = tuple(f"{s // 60:02d}:{s % 60:02d}" for s in range(HOUR))


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return day.toordinal() - _EPOCH


@cache
def day_text(day: int) -> str:
    """Write a day number as `YYYY-MM-DD`."""
    return date.fromordinal(day + _EPOCH).isoformat()


def instant(moment: int, millisecond: int) -> str:
    """Write a moment as FHIR `instant` in UTC with milliseconds, as in `meta.lastUpdated`."""
    day, second = divmod(moment, DAY)
    hour, rest = divmod(second, HOUR)
    return f"{day_text(day)}T{_HOURS[hour]}{_MINUTES_SECONDS[rest]}.{millisecond:03d}Z"


def _sunday(year: int, month: int, nth: int) -> int:
    first = date(year, month, 1)
    return day_number(first) + (6 - first.weekday()) % 7 + 7 * (nth - 1)


# In seconds of local standard time: on at 02:00 on the second Sunday of March, off at 01:00 (which then reads 02:00)
# on the first Sunday of November. An odd number of switches passed means that daylight saving is on.
_SWITCHES = tuple(
    moment
    for year in range(2007, 2100)
    for moment in (_sunday(year, 3, 2) * DAY + 2 * HOUR, _sunday(year, 11, 1) * DAY + HOUR)
)


@dataclass(frozen=True)
class Zone:
    """A US time zone: its standard offset in hours, and whether it observes daylight saving."""

    standard: int
    has_daylight_saving: bool = True

    def text(self, moment: int) -> str:
        """Write a moment as FHIR `dateTime` at this zone's offset."""
        offset = self._offset(moment + self.standard * HOUR)
        day, second = divmod(moment + offset * HOUR, DAY)
        hour, rest = divmod(second, HOUR)
        return f"{day_text(day)}T{_HOURS[hour]}{_MINUTES_SECONDS[rest]}{offset:+03d}:00"

    def at(self, day: int, second: int) -> int:
        """Give the moment when clocks here show `second` seconds after midnight of `day`."""
        standard = day * DAY + second
        return standard - self._offset(standard) * HOUR

    def day(self, moment: int) -> int:
        """Give the day number of a moment on the calendar here."""
        return (moment + self._offset(moment + self.standard * HOUR) * HOUR) // DAY

    def _offset(self, standard_moment: int) -> int:
        return self.standard + (self.has_daylight_saving and bisect_right(_SWITCHES, standard_moment) % 2)
