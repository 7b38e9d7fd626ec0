"""The parts of the local Athena that need no Trino: how statements are read, and how doubles are printed."""

from __future__ import annotations

import pytest

from tests.athena.hive_words import HiveError, Words
from tests.athena.statements import Kind, StatementError, as_creation, as_unload, kind_of, strip
from tests.athena.values import print_double


def test_texts_of_hive_are_unescaped() -> None:
    words = Words(r"""'\u0001' '\001' 'it\'s' 'it''s' "a\\b" 'a\nb' -- the end""")
    assert [words.text() for _ in range(6)] == ["\x01", "\x01", "it's", "it's", "a\\b", "a\nb"]
    assert words.done()


def test_names_of_hive_are_lower_case() -> None:
    words = Words("`My Table`.Col_1")
    assert (words.name(), words.accept("."), words.name()) == ("my table", True, "col_1")


def test_an_error_of_hive_shows_no_text() -> None:
    with pytest.raises(
        HiveError, match="ParseException line 1: word 1: cannot recognize input: a name is missing"
    ) as e:
        Words("'a secret'").name()
    assert "secret" not in str(e.value)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("/* a */ -- b\n ( select 1 ) ;", Kind.QUERY),
        ("WITH a as (select 1) select * from a", Kind.QUERY),
        ("create table t as select 1", Kind.CTAS),
        ("Create External Table t (a int)", Kind.HIVE),
        ("create or replace view v as select 1", Kind.VIEW),
        ("unload(select 1) to 's3://x/'", Kind.UNLOAD),
        ("explain analyze select 1", Kind.EXPLAIN),
    ],
)
def test_kinds_are_told_by_the_first_words(sql: str, kind: Kind) -> None:
    assert kind_of(strip(sql)) is kind


@pytest.mark.parametrize("sql", ["", "selected", "optimize t", "delete from t", "update t set a = 1"])
def test_other_statements_are_of_no_kind(sql: str) -> None:
    with pytest.raises(StatementError, match="NOT_SUPPORTED"):
        kind_of(sql)


def test_brackets_in_texts_names_and_comments_end_nothing() -> None:
    sql = """unload (select ')' as "a)" /* ) */ from t -- )\n) to 's3://b/p' with (format = 'json')"""
    found = as_unload(sql, "x")
    assert found.location == "s3://b/p/"
    assert found.sql.endswith("""as select ')' as "a)" /* ) */ from t -- )\n""")


def test_a_table_without_a_place_gets_the_default() -> None:
    found = as_creation("create table if not exists t as select 1", default_location="s3://b/tables/1/")
    assert found.location == "s3://b/tables/1/"
    assert found.sql.startswith("create table if not exists t with (format = 'PARQUET', external_location = ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1.25e-3, "0.00125"),
        (9.9e-4, "9.9E-4"),
        (-1e300, "-1.0E300"),
    ],
    ids=str,
)
def test_doubles_are_printed_as_java_does(value: float, text: str) -> None:
    assert print_double(value) == text
