"""How patterns are spelled for both engines, and which are refused; tests/athena/test_gate.py runs them on both."""

from __future__ import annotations

import duckdb
import pytest

from quality.pattern import NotPortableError, spell_pattern
from tests.unit.quality.patterns import PATTERNS, TEXTS


@pytest.mark.parametrize(
    ("pattern", "spelled"),
    [
        ("^AB[0-9]$", r"\AAB[0-9]\z"),
        (r"\d{3}-\w+\s?", r"[0-9]{3}\-[0-9A-Za-z_]+[\t\n\f\r ]?"),
        (r"\D\W\S", r"[^0-9][^0-9A-Za-z_][^\t\n\f\r ]"),
        (r"[\w.-]+", r"[0-9A-Za-z_\.\-]+"),
        ("[^a-z-9]", r"[^a-z\-9]"),
        ("[a&&b]", r"[a\&\&b]"),
        ("a.b", r"a[^\n]b"),
        ("x{", r"x\{"),
        (r"(?:a|b){2,}?", r"(?:a|b){2,}?"),
    ],
)
def test_what_both_engines_can_say_is_spelled_out(pattern, spelled):
    assert spell_pattern(pattern) == spelled


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_spelled_pattern_matches_what_it_matched(pattern):
    spelled = spell_pattern(pattern)

    with duckdb.connect() as connection:
        matched = [
            connection.execute(
                "select regexp_matches($1, $2), regexp_matches($1, $3)", [t, pattern, spelled]
            ).fetchone()
            for t in TEXTS
        ]

    assert [before for before, _ in matched] == [after for _, after in matched]


GROUPS = ("(?i)a", "(?P<n>a)", "a(?!b)", r"(a)\1", "^*a", "$+")
ESCAPES = (r"\bx", r"\p{L}", "a\\")
SETS = ("[[a]]", "[[:alpha:]]", "[]a]", "[^]a][b]", r"[\w-z]", r"[a-\d]", "[--a]", "[a--]", r"[\D]")


@pytest.mark.parametrize("pattern", [*GROUPS, *ESCAPES, *SETS])
def test_what_they_would_read_differently_is_refused(pattern):
    with pytest.raises(NotPortableError, match="DuckDB and Athena do not read"):
        spell_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a", "a)", "a**", "*a", "a{2}{3}", "a{1001}", "[z-a]"])
def test_what_is_no_pattern_is_refused_in_the_words_of_re2(pattern):
    with pytest.raises(NotPortableError, match="Invalid Input Error"):
        spell_pattern(pattern)
