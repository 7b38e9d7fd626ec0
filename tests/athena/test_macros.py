"""Every macro of the dbt project that writes SQL gives the same values on DuckDB and on a real Trino."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from trino.exceptions import TrinoUserError

from caremesh.engines.dbt import compile_offline, write_project
from tests.athena.engine import Athena
from tests.conftest import ROOT

# dbt-athena warns of its package's name, and of its own macros' backslashes.
pytestmark = [pytest.mark.athena, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MACROS = ROOT / "dbt_project" / "macros"
NO_VALUES = {"generate_schema_name", "refuse_full_refresh"}
"""Macros that name things or stop a build."""


@dataclass(frozen=True)
class Case:
    """A call of a macro, and the value it must give, written by hand."""

    macro: str
    topic: str
    arguments: tuple[str, ...]
    expected: object

    @property
    def call(self) -> str:
        """The call in Jinja."""
        quoted = ", ".join('"' + argument + '"' for argument in self.arguments)
        return "{{ " + f"{self.macro}({quoted})" + " }}"


def day(written: str | None) -> str:
    return "cast(null as date)" if written is None else f"date '{written}'"


def years(topic: str, birth: str | None, later: str | None, expected: int | None) -> Case:
    return Case("full_years_between", topic, (day(birth), day(later)), expected)


def days(topic: str, earlier: str, later: str, expected: int | None) -> Case:
    return Case("days_between", topic, (earlier, later), expected)


def month(topic: str, value: str, expected: date | None) -> Case:
    return Case("first_of_month", topic, (value,), expected)


def decimal(topic: str, number: str, expected: str | None) -> Case:
    return Case("exact_decimal", topic, (number,), None if expected is None else Decimal(expected))


CASES = [
    years("the birthday itself", "1990-02-28", "2023-02-28", 33),
    years("the day before the birthday", "1990-03-01", "2023-02-28", 32),
    years("leap day, in a year without one", "2000-02-29", "2023-02-28", 22),
    years("leap day, the day after", "2000-02-29", "2023-03-01", 23),
    years("leap day to leap day", "2000-02-29", "2024-02-29", 24),
    years("month end", "1999-12-31", "2000-01-01", 0),
    years("same day", "2000-01-01", "2000-01-01", 0),
    years("before birth", "2000-06-15", "1999-06-14", -2),
    years("exactly a year before birth", "2000-06-15", "1999-06-15", -1),
    years("long ago", "1899-12-31", "2024-12-31", 125),
    years("birth not known", None, "2024-01-01", None),
    years("later day not known", "2000-01-01", None, None),
    days("same day", day("2024-02-29"), day("2024-02-29"), 0),
    days("over a leap day", day("2024-02-28"), day("2024-03-01"), 2),
    days("no leap day", day("2023-02-28"), day("2023-03-01"), 1),
    days("no leap year in 1900", day("1900-02-28"), day("1900-03-01"), 1),
    days("over new year", day("2023-12-31"), day("2024-01-01"), 1),
    days("backwards", day("2024-03-01"), day("2024-02-28"), -2),
    days("times less than a day apart", "timestamp '2024-01-01 23:00:00'", "timestamp '2024-01-02 01:00:00'", 1),
    days("times of one day", "timestamp '2024-01-01 00:00:00'", "timestamp '2024-01-01 23:59:59.999'", 0),
    days("times backwards", "timestamp '2024-01-02 01:00:00'", "timestamp '2024-01-01 23:00:00'", -1),
    days("a day and a time", day("2024-01-01"), "timestamp '2024-01-31 08:00:00'", 30),
    days("not known", day(None), day("2024-01-01"), None),
    month("month end", day("2024-01-31"), date(2024, 1, 1)),
    month("first of the month", day("2024-03-01"), date(2024, 3, 1)),
    month("leap day", day("2024-02-29"), date(2024, 2, 1)),
    month("a time", "timestamp '2024-12-31 23:59:59.999'", date(2024, 12, 1)),
    month("long ago", day("1899-12-31"), date(1899, 12, 1)),
    month("not known", day(None), None),
    decimal("tenth", "1e-1", "0.1"),
    decimal("sum of tenths", "1e-1 + 2e-1", "0.3"),
    decimal("zero", "0e0", "0"),
    decimal("negative zero", "-0e0", "0"),
    decimal("half a unit of the last digit", "5e-10", "0.000000001"),
    decimal("negative half a unit", "-5e-10", "-0.000000001"),
    decimal("less than half a unit", "4.9e-10", "0"),
    decimal("more digits than a scaled double holds", "9007199.254740993e0", "9007199.254740993"),
    decimal("large with cents", "12345678901.23e0", "12345678901.23"),
    decimal("negative and large", "-123456789012.34567e0", "-123456789012.34567"),
    decimal("written with an exponent", "1e21", "1000000000000000000000"),
    decimal("not known", "cast(null as double)", None),
    Case("safe_cast", "number", ("'12'", "integer"), 12),
    Case("safe_cast", "leap day", ("'2024-02-29'", "date"), date(2024, 2, 29)),
    Case("safe_cast", "empty text", ("''", "varchar"), ""),
    Case("safe_cast", "null", ("null", "double"), None),
    Case("stated_as_of", "nobody stated a day", (), None),
]

REFUSED = [
    Case("safe_cast", "no day", ("'2023-02-29'", "date"), None),
    Case("safe_cast", "no number", ("'twelve'", "integer"), None),
    Case("safe_cast", "empty text as a number", ("''", "integer"), None),
    Case("exact_decimal", "too large", ("1e29",), None),
]


@dataclass(frozen=True)
class Compiled:
    """SQL of each case, by engine."""

    duckdb: Mapping[Case, str]
    athena: Mapping[Case, str]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Each call as a model of its own, in a project that has our macros and no other model."""
    folder = tmp_path_factory.mktemp("macros")
    source = folder / "source"
    shutil.copytree(MACROS, source / "macros")
    (source / "models").mkdir()
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(ROOT / "dbt_project" / name, source / name)
    cases = {f"case_{number}": case for number, case in enumerate([*CASES, *REFUSED])}
    for name, case in cases.items():
        (source / "models" / f"{name}.sql").write_text(f"select {case.call} as value")
    project = write_project([], folder / "dbt", project_dir=source)
    env = {"CAREMESH_DUCKDB": str(folder / "empty.duckdb")}
    sql = {target: compile_offline(project, target=target, env=env) for target in ("local", "athena")}
    return Compiled(*({case: sql[target][name] for name, case in cases.items()} for target in ("local", "athena")))


def name_of(case: Case) -> str:
    return f"{case.macro}: {case.topic}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_macro_gives_the_value_on_both_engines(case: Case, compiled: Compiled, athena: Athena) -> None:
    with duckdb.connect() as connection:
        (on_duckdb,) = connection.execute(compiled.duckdb[case]).fetchone() or ()
    (on_athena,) = athena.query(compiled.athena[case])
    assert (type(on_duckdb), on_duckdb) == (type(case.expected), case.expected)
    assert (type(on_athena["value"]), on_athena["value"]) == (type(case.expected), case.expected)


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_macro_fails_on_both_engines(case: Case, compiled: Compiled, athena: Athena) -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.ConversionException):
        connection.execute(compiled.duckdb[case])
    with pytest.raises(TrinoUserError):
        athena.query(compiled.athena[case])


def test_every_macro_has_cases() -> None:
    assert {c.macro for c in CASES} == {f.stem for f in Path(MACROS).glob("*.sql")} - NO_VALUES
