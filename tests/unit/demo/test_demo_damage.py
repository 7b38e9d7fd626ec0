"""Damaged lines: exactly as many as asked for, where they are said to be, and nothing else is changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from caremesh.demo import ExportPlan, list_damage, write_export


def _is_resource(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line)["meta"], dict)
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return False


@pytest.mark.parametrize("count", [1, 5, 47])
def test_damaged_lines_are_where_they_are_said_to_be(tmp_path: Path, count: int) -> None:
    plan = ExportPlan(patients=6, resources_per_file=60, damaged_lines=count)
    export = write_export(plan, tmp_path)
    stated = {(d.file, d.line) for d in list_damage(plan, export)}
    found = {
        (str(file.relative_to(export)), number)
        for file in export.rglob("*.ndjson")
        for number, line in enumerate(file.read_bytes().splitlines(), start=1)
        if not _is_resource(line)
    }
    assert found == stated
    assert len(stated) == count


def test_without_its_damaged_lines_the_export_is_whole(tmp_path: Path) -> None:
    damaged_plan, plan = ExportPlan(patients=6, damaged_lines=12), ExportPlan(patients=6)
    damaged, whole = write_export(damaged_plan, tmp_path), write_export(plan, tmp_path)
    for file in whole.rglob("*.ndjson"):
        (other,) = (damaged / file.parent.name).iterdir()
        lines = [line for line in other.read_bytes().splitlines() if _is_resource(line)]
        assert lines == file.read_bytes().splitlines()
    assert [p.name for p in damaged.rglob(".*")] == []


def test_every_kind_of_damage_occurs_and_is_spread_over_types(tmp_path: Path) -> None:
    plan = ExportPlan(patients=6, damaged_lines=10)
    damage = list_damage(plan, write_export(plan, tmp_path))
    assert set(Counter(d.kind for d in damage).values()) == {2}
    assert {d.kind for d in damage} == {
        "broken JSON", "truncated line", "two objects on a line", "text where an object is expected", "byte order mark",
    }  # fmt: skip
    assert len({d.file.split("/")[0] for d in damage}) == 6


def test_text_where_an_object_is_expected_is_valid_json(tmp_path: Path) -> None:
    plan = ExportPlan(patients=6, damaged_lines=5)
    export = write_export(plan, tmp_path)
    (damage,) = (d for d in list_damage(plan, export) if d.kind.startswith("text"))
    line = (export / damage.file).read_bytes().splitlines()[damage.line - 1]
    assert isinstance(orjson.loads(line)["meta"], str)


def test_no_damage_is_listed_where_none_was_asked_for(base) -> None:
    assert list_damage(base.plan, base.folder) == ()
