"""What dbt reads out of a project is kept for the next build, and used only where nothing differs."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.engines.dbt import build
from caremesh.engines.dbt_manifest import KeptManifest, find_manifest

FILES = {
    "dbt_project.yml": """
name: tiny
version: "1.0.0"
profile: tiny
models: {tiny: {+materialized: table, +access: public}}
""",
    "profiles.yml": """
tiny:
  target: local
  outputs: {local: {type: duckdb, path: "{{ env_var('TINY_DATABASE') }}", threads: 1}}
""",
    "seeds/ward.csv": "ward\nA\nB\n",
    "models/bed.sql": "select ward, '{{ var('unit', 'cm') }}' as unit from {{ ref('ward') }}",
    "models/bed.yml": """
models:
  - name: bed
    columns:
      - {name: ward, data_type: varchar, config: {meta: {classification: administrative}}, data_tests: [not_null]}
""",
}
MADE_OF: dict[str, Any] = {
    "files": {"profiles.yml": b"path: \"{{ env_var( 'TINY_DATABASE' ) }}\"", "models/bed.sql": b"select 1"},
    "target": "local",
    "variables": "{}",
    "env": {"TINY_DATABASE": "a.duckdb", "OTHER": "1"},
}


def make_project(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def rows_of(project: Path, cache: Path) -> list[tuple[str, str]]:
    built = build(project, target="local", variables={}, env={"TINY_DATABASE": "../tiny.duckdb"}, cache=cache)
    assert built.tests_passed == ("not_null_bed_ward",)
    with duckdb.connect(str(project.with_name("tiny.duckdb")), read_only=True) as connection:
        return connection.execute("select * from bed order by all").fetchall()


def was_read(project: Path) -> bool:
    """Whether dbt read the project: it writes what it read."""
    return (project / "target_local" / "partial_parse.msgpack").exists()


def test_a_kept_manifest_serves_another_folder_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    cache, expected = tmp_path / "cache", [("A", "cm"), ("B", "cm")]
    first, second, third = (make_project(tmp_path / name / "dbt") for name in ("first", "second", "third"))
    assert (rows_of(first, cache), was_read(first)) == (expected, True)
    # The seed's file is read in the folder of the build, or nowhere.
    shutil.rmtree(first)
    assert (rows_of(second, cache), was_read(second)) == (expected, False)
    (kept,) = (cache / "dbt").iterdir()
    content = bytearray(kept.read_bytes())
    # Still a manifest to dbt, but not the one that was kept.
    place = content.index(b"as unit")
    content[place : place + 7] = b"as unix"
    kept.write_bytes(content)
    assert (rows_of(third, cache), was_read(third)) == (expected, True)
    assert b"as unix" not in kept.read_bytes()


def test_without_a_folder_to_keep_it_in_a_project_is_built_all_the_same(tmp_path: Path) -> None:
    (cache := tmp_path / "cache").write_text("a file")
    assert rows_of(make_project(tmp_path / "dbt"), cache) == [("A", "cm"), ("B", "cm")]


@pytest.mark.parametrize(
    "change",
    [
        {"files": {**MADE_OF["files"], "models/bed.sql": b"select 2"}},
        {"files": {**MADE_OF["files"], "models/ward.sql": b"select 1"}},
        {"target": "athena"},
        {"variables": '{"unit": "m"}'},
        {"env": {"TINY_DATABASE": "b.duckdb", "OTHER": "1"}},
        {"env": {"TINY_DATABASE": "a.duckdb", "OTHER": "1", "DBT_STATIC_PARSER": "0"}},
    ],
    ids=["changed file", "new file", "target", "variables", "environment of the project", "environment of dbt"],
)
def test_a_manifest_that_was_made_of_something_else_is_not_the_same(change: dict[str, Any], tmp_path: Path) -> None:
    same = find_manifest(tmp_path, tmp_path / "elsewhere", **{**MADE_OF, "env": {**MADE_OF["env"], "OTHER": "2"}})
    other = find_manifest(tmp_path, tmp_path, **{**MADE_OF, **change})
    assert find_manifest(tmp_path, tmp_path, **MADE_OF).key == same.key != other.key


def test_a_manifest_of_another_version_is_not_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = find_manifest(tmp_path, tmp_path, **MADE_OF).key
    for package in ("caremesh", "dbt-core", "dbt-duckdb"):
        monkeypatch.setattr("caremesh.engines.dbt_manifest.version", lambda name, p=package: "9" if name == p else "1")
        assert find_manifest(tmp_path, tmp_path, **MADE_OF).key != before
        before = find_manifest(tmp_path, tmp_path, **MADE_OF).key


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:31], bytes.upper])
def test_a_damaged_manifest_is_as_none(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (written := tmp_path / "written").write_bytes(b"manifest")
    kept = KeptManifest(tmp_path / "kept", "key", tmp_path)
    kept.keep(written)
    (file,) = (tmp_path / "kept").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert kept.read() is None


def test_a_manifest_under_the_name_of_another_one_is_as_none(tmp_path: Path) -> None:
    (written := tmp_path / "written").write_bytes(b"manifest")
    kept = KeptManifest(tmp_path / "kept", "key", tmp_path)
    kept.keep(written)
    (file,) = (tmp_path / "kept").iterdir()
    other = dataclasses.replace(kept, key="other")
    file.rename(file.with_name("manifest-other"))
    assert other.read() is None


def test_the_newest_manifests_are_kept(tmp_path: Path) -> None:
    (written := tmp_path / "written").write_bytes(b"manifest")
    for number in range(12):
        KeptManifest(tmp_path / "kept", f"key{number:02}", tmp_path).keep(written)
        os.utime(tmp_path / "kept" / f"manifest-key{number:02}", (number, number))
    names = sorted(p.name for p in (tmp_path / "kept").iterdir())
    assert names == [f"manifest-key{number:02}" for number in range(4, 12)]
