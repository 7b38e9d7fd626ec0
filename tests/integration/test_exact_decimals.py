"""Decimals that are wanted as written come as written, however few or many of them a double would change."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from caremesh.engines.exact import LIMIT
from caremesh.engines.intake import flatten_files
from caremesh.engines.view_rows import flatten_strictly, name_files, open_view_engine
from caremesh.errors import LandingError
from caremesh.fhir import DUCKDB, compile_view, parse_view
from tests.scale import draw

AS_WRITTEN = [{"name": "ansi/type", "value": "VARCHAR"}]
VIEW: dict[str, Any] = {
    "resource": "Observation",
    "select": [
        {"column": [{"name": "id", "path": "id"}]},
        {
            "forEachOrNull": "component",
            "column": [
                {"name": "position", "path": "%rowIndex"},
                {"name": "number", "path": "value.ofType(Quantity).value", "tag": AS_WRITTEN},
            ],
        },
    ],
}
PLAIN = ["0", "7", "-3", "120", "123456789012345", "0.1", "-0.5", "5.0", "10.0", "0.0001", "98.6", "1234567.125"]
ROUNDED = [
    *("1.10", "5.00", "-2.50", "100.000", "0.10", "-0", "0.00001", "0.000010", "1e3", "1E-7", "-1.5e+10", "1.0e0"),
    *("12345678901234567", "0.1234567890123456789", "123456789012345678901234567890", "139.9996742575894123456789"),
]


def line(number: int, *numbers: str, space: str = "") -> str:
    """A resource with these numbers; no JSON library would write them so."""
    values = ",".join(f'{{"valueQuantity":{{"value"{space}:{space}{n},"unit":"\\"value\\": 1.10"}}}}' for n in numbers)
    return f'{{"resourceType":"Observation","id":"o{number}","component":[{values}]}}'


def read(tmp_path: Path, lines: Sequence[str], *, strictly: bool = False) -> list[tuple[str, int, str | None]]:
    """The view's rows: id, position, number."""
    file, target, scratch = tmp_path / "lines.ndjson", tmp_path / "rows.csv", tmp_path / "scratch"
    file.write_text("\n".join(lines))
    scratch.mkdir(exist_ok=True)
    view = compile_view(parse_view(json.dumps(VIEW), where="view.json"), DUCKDB)
    files = name_files([file], view.resource)
    with open_view_engine(files, memory_limit="256MB", threads=2, scratch=scratch) as connection:
        if strictly:
            flatten_strictly(connection, view=view, files=files, target=target, form="csv")
        else:
            flatten_files(connection, view=view, files=files, target=target, scratch=scratch, form="csv")
    rows = [row.split(",") for row in target.read_text().splitlines()[1:]]
    return sorted((row[0], int(row[1]), row[2]) for row in rows)


def expected(numbers: Sequence[Sequence[str]]) -> list[tuple[str, int, str]]:
    return sorted((f"o{i}", position, n) for i, ns in enumerate(numbers) for position, n in enumerate(ns))


@pytest.mark.parametrize("strictly", [False, True], ids=["counted", "strict"])
@pytest.mark.parametrize("number", [*PLAIN, *ROUNDED])
def test_a_number_comes_as_it_was_written(number: str, strictly: bool, tmp_path: Path) -> None:
    numbers = [["1"], ["2", number, "3"], [number]]
    lines = [line(i, *ns, space=" " * (i % 2)) for i, ns in enumerate(numbers)]
    assert read(tmp_path, lines, strictly=strictly) == expected(numbers)


@pytest.mark.parametrize("seed", draw("exact_decimals", 40, least=2))
def test_any_numbers_come_as_they_were_written(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)

    def number() -> str:
        whole = str(chance.randrange(10 ** chance.randrange(1, 12)))
        digits = "".join(chance.choices("0123456789", k=chance.randrange(8)))
        exponent = chance.choice(["", "", "", "e2", "E-3"])
        return chance.choice(["", "-"]) + whole + (f".{digits}" if digits else "") + exponent

    numbers = [[number() for _ in range(chance.randrange(1, 4))] for _ in range(2000)]
    assert read(tmp_path, [line(i, *ns) for i, ns in enumerate(numbers)]) == expected(numbers)


@pytest.mark.parametrize("strictly", [False, True], ids=["counted", "strict"])
def test_where_doubles_would_change_many_all_are_read_from_their_text(strictly: bool, tmp_path: Path) -> None:
    numbers = [[PLAIN[i % len(PLAIN)], "1.10"] for i in range(LIMIT + 5)]
    lines = [line(i, *ns) for i, ns in enumerate(numbers)]
    assert read(tmp_path, lines, strictly=strictly) == expected(numbers)
    spoilt = lines[7].replace('"component":[', '"component":["x",')
    with pytest.raises(LandingError, match="a line does not fit"):
        read(tmp_path, [*lines[:7], spoilt, *lines[8:]], strictly=True)
    kept = read(tmp_path, [*lines[:7], spoilt, *lines[8:]])
    assert kept == [row for row in expected(numbers) if row[0] != "o7"]


def test_an_id_that_stands_twice_keeps_both_where_nobody_compares_versions(tmp_path: Path) -> None:
    lines = [line(1, "1.5"), line(1, "2.50"), line(2, "3")]
    assert read(tmp_path, lines, strictly=True) == [("o1", 0, "1.5"), ("o1", 0, "2.50"), ("o2", 0, "3")]
    assert read(tmp_path, lines) == [("o1", 0, "2.50"), ("o2", 0, "3")]


@pytest.mark.parametrize("value", ['"much"', "{}", "[1]"])
def test_what_is_no_number_is_none_either_way(value: str, tmp_path: Path) -> None:
    lines = [line(1, "1.5"), line(2, value), line(3, "2.50")]
    assert read(tmp_path, lines) == [("o1", 0, "1.5"), ("o3", 0, "2.50")]
    with pytest.raises(LandingError, match="a line does not fit"):
        read(tmp_path, lines, strictly=True)
