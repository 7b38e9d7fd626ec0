"""The SQL of every shipped view, as text: a change of the compiler shows as a diff of these files."""

from __future__ import annotations

from tests.golden.refresh import GOLDEN, golden_files


def test_golden_sql_is_what_the_compiler_writes() -> None:
    expected = golden_files()
    assert {f.relative_to(GOLDEN) for f in GOLDEN.glob("*/*.sql")} == {f.relative_to(GOLDEN) for f in expected}
    for file, text in expected.items():
        assert file.read_text() == text, f"{file} differs: python -m tests.golden.refresh, then review the diff"


def test_the_same_view_gives_the_same_text_twice() -> None:
    assert golden_files() == golden_files()
