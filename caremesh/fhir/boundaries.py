"""lowBoundary() and highBoundary(): the least and the greatest value that a value of limited precision may stand for.

https://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time. Times end at milliseconds, and a
dateTime without offset may be meant anywhere on earth: from +14:00 (earliest) to -12:00 (latest).
"""

from __future__ import annotations

from dataclasses import dataclass

from caremesh.fhir.dialects.base import ZONE, Dialect

NUMBER = r"^(-?[0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?\z"
CLOCK = r"^(?:[0-9-]*T)?([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)(?:Z|[+-][0-9]{2}:[0-9]{2})?\z"


@dataclass(frozen=True)
class Boundary:
    """One of the two ends: what it adds where a value says no more."""

    half: str
    month: str
    seconds: str
    fraction: str
    whole_day: str
    zone: str

    def of_number(self, dialect: Dialect, text: str) -> str:
        """A number as written, half a unit of its last place away; as text, since halves of doubles are not exact."""
        whole, digits, exponent = (dialect.extract(text, NUMBER, group) for group in (1, 2, 3))
        decimals = f"coalesce({digits}, '')"
        tenths = dialect.try_cast(f"{whole} || {decimals} || '0'", "decimal(38,0)")
        last_place = dialect.cast(f"coalesce({exponent}, '0')", "bigint") + f" - length({decimals}) - 1"
        moved = f"{dialect.cast(f'{tenths} {self.half}', 'varchar')} || 'E' || {dialect.cast(last_place, 'varchar')}"
        return dialect.cast(moved, "double")

    def of_date(self, dialect: Dialect, text: str) -> str:
        """A date or partial date, to the day."""
        return (
            f"case length({text}) when 4 then {text} || '-{self.month}-' || {self._day(dialect, text, self.month)}"
            f" when 7 then {text} || '-' || {self._day(dialect, text, None)} else {text} end"
        )

    def of_time(self, dialect: Dialect, text: str) -> str:
        """A time, or the time of a dateTime, to the millisecond; null where there is none."""
        clock = dialect.extract(text, CLOCK, 1)
        return dialect.let(
            clock,
            "t",
            lambda t: (
                f"case length({t}) when 5 then {t} || '{self.seconds}' when 8 then {t} || '{self.fraction}'"
                f" when 10 then {t} || '00' when 11 then {t} || '0' else {t} end"
            ),
        )

    def of_date_time(self, dialect: Dialect, text: str) -> str:
        """A dateTime of any precision, to the millisecond, with an offset."""
        day = self.of_date(dialect, text)
        zone = f"coalesce({dialect.extract(text, ZONE, 1)}, '{self.zone}')"
        return (
            f"case when length({text}) > 10 then substr({text}, 1, 11) || {self.of_time(dialect, text)}"
            f" else {day} || 'T{self.whole_day}' end || {zone}"
        )

    def _day(self, dialect: Dialect, text: str, month: str | None) -> str:
        """The first or last day of a month, as text."""
        if self.month == "01":
            return "'01'"
        if month:
            return "'31'"
        year = dialect.try_cast(f"substr({text}, 1, 4)", "integer")
        leap = f"{year} % 4 = 0 and ({year} % 100 <> 0 or {year} % 400 = 0)"
        return (
            f"case when substr({text}, 6, 2) in ('04', '06', '09', '11') then '30'"
            f" when substr({text}, 6, 2) <> '02' then '31' when {leap} then '29' else '28' end"
        )


LOW = Boundary(half="- 5", month="01", seconds=":00.000", fraction=".000", whole_day="00:00:00.000", zone="+14:00")
HIGH = Boundary(half="+ 5", month="12", seconds=":59.999", fraction=".999", whole_day="23:59:59.999", zone="-12:00")
