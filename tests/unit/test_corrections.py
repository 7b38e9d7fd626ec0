"""Files of corrected lines: what is read, and how a bad row is named without quoting it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caremesh.errors import LandingError
from caremesh.sources.corrections import Correction, read_corrections

PLACE = {"export": "e", "file": "Patient.ndjson", "line": 7, "text": "abc", "reason": "as it was"}


def read(tmp_path: Path, *rows: str) -> list[Correction]:
    path = tmp_path / "corrected.ndjson"
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    return list(read_corrections(path))


def row(raw: Any, **more: Any) -> str:
    return json.dumps({**PLACE, **more, "raw": raw})


def test_a_row_gives_the_line_that_it_stands_for_and_the_new_text(tmp_path: Path) -> None:
    found = read(tmp_path, row('{"id": 1}'), "", row("x", line=None))

    assert [(c.export, c.file, c.line, c.text, c.raw) for c in found] == [
        ("e", "Patient.ndjson", 7, "abc", '{"id": 1}'),
        ("e", "Patient.ndjson", None, "abc", "x"),
    ]


def test_a_resource_may_stand_there_as_json_and_keeps_its_digits(tmp_path: Path) -> None:
    place = json.dumps(PLACE)[:-1]

    (found,) = read(
        tmp_path, place + ', "raw": {"value": 1.50, "big": 12345678901234567890123, "name": "é", "e": 1E5}}'
    )

    assert found.raw == '{"value":1.50,"big":12345678901234567890123,"name":"é","e":1E5}'


def test_json_over_several_lines_becomes_one_line(tmp_path: Path) -> None:
    (found,) = read(tmp_path, row('{\n  "id": "p1",\n  "n": 2.0\n}\n'))

    assert found.raw == '{"id":"p1","n":2.0}'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("SECRET", id="no JSON"),
        pytest.param('["SECRET"]', id="no object"),
        pytest.param(json.dumps({**PLACE, "SECRET": 1}), id="no text"),
        pytest.param(row(["SECRET"]), id="text that is no text"),
        pytest.param(row("SECRET", line="SECRET"), id="line that is no number"),
        pytest.param(row("SECRET\nSECRET"), id="two lines"),
        pytest.param(row(" \n"), id="empty text"),
        pytest.param(row("SECRET")[:-1] + ', "raw": "SECRET"}', id="text twice"),
        pytest.param(json.dumps(PLACE)[:-1] + ', "raw": {"a": NaN, "b": "SECRET"}}', id="number that JSON has not"),
        pytest.param(row({"name": "SECRET\ud800"}), id="half a character"),
    ],
)
def test_a_bad_row_is_named_by_its_number_and_not_quoted(tmp_path: Path, text: str) -> None:
    with pytest.raises(LandingError) as refused:
        read(tmp_path, row("{}"), text)

    assert "corrected.ndjson:2" in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="No such file"):
        list(read_corrections(tmp_path / "none.ndjson"))
