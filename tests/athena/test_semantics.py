"""What Athena's SQL means: small probes through the API, with values that follow from Trino's documentation.

The pages are those of https://trino.io/docs/current/functions/ and …/language/types.html. Most probes are places where
another engine answers otherwise. Where a value is `Fails`, it is the name of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.athena.queries import Queries

pytestmark = pytest.mark.athena


@dataclass(frozen=True)
class Fails:
    """The query fails with this error."""

    name: str


Expected = str | None | Fails

# Topic → what it asks → an expression and its value as text.
PROBES: dict[str, dict[str, tuple[str, Expected]]] = {
    "numbers": {
        "whole numbers divide to a whole number": ("5 / 2", "2"),
        "division cuts towards zero": ("-7 / 2", "-3"),
        "the remainder has the sign of the dividend": ("-7 % 3", "-1"),
        "doubles divide to a double": ("5e0 / 2", "2.5"),
        "whole numbers do not divide by zero": ("1 / 0", Fails("DIVISION_BY_ZERO")),
        "doubles divide by zero": ("1e0 / 0e0", "Infinity"),
        "round takes halves away from zero": ("round(-2.5)", "-3"),
        "round keeps the type of a double": ("round(2.5e0)", "3.0"),
        "a cast to integer rounds halves up": ("cast(1.5e0 as integer)", "2"),
        "a text with a fraction is no integer": ("cast('1.5' as integer)", Fails("INVALID_CAST_ARGUMENT")),
        "a number that is too large is no integer": (
            "cast(2147483648 as integer)",
            Fails("NUMERIC_VALUE_OUT_OF_RANGE"),
        ),
        "sums of integers do not grow": ("2147483647 + 1", Fails("NUMERIC_VALUE_OUT_OF_RANGE")),
        "a large double prints with an exponent": ("cast(12345678 as double)", "1.2345678E7"),
        "a double becomes text with an exponent": ("cast(1e0 as varchar)", "1.0E0"),
        "nan equals nothing": ("nan() = nan()", "false"),
    },
    "decimals": {
        "a literal with a point is a decimal": ("typeof(1.50)", "decimal(3,2)"),
        "a sum has the larger scale": ("1.5 + 1.25", "2.75"),
        "a product adds the scales": ("1.50 * 1.5", "2.250"),
        "a quotient has the larger scale": ("1.00 / 3", "0.33"),
        "a quotient rounds halves up": ("2.00 / 3", "0.67"),
        "a cast rounds": ("cast(1.455 as decimal(3, 2))", "1.46"),
        "a cast that does not fit fails": ("cast(100 as decimal(2, 0))", Fails("INVALID_CAST_ARGUMENT")),
        "zeros at the end stay": ("cast(1 as decimal(5, 2))", "1.00"),
        "an average of decimals is a decimal": ("(select avg(x) from (values 1.0, 2.0, 2.0) t(x))", "1.7"),
        "an average of integers is a double": ("(select avg(x) from (values 1, 2) t(x))", "1.5"),
    },
    "nulls": {
        "concat of a null is null": ("'a' || null", None),
        "concat of a null among texts is null": ("concat('a', cast(null as varchar), 'b')", None),
        "greatest of a null is null": ("greatest(1, null)", None),
        "least of a null is null": ("least(1, null)", None),
        "concat_ws leaves nulls out": ("concat_ws('-', 'a', null, 'b')", "a-b"),
        "an empty text is not null": ("'' is null", "false"),
        "an empty text equals an empty text": ("'' = ''", "true"),
        "nullif makes an empty text null": ("nullif('', '')", None),
        "null is in no list": ("null in (1, 2)", None),
        "a value is in no list with a null": ("3 in (1, null)", None),
        "not in a list with a null is unknown": ("3 not in (1, null)", None),
        "distinct from null is known": ("1 is distinct from null", "true"),
        "count leaves nulls out": ("(select count(x) from (values 1, null) t(x))", "1"),
        "a sum of nothing is null": ("(select sum(x) from (values 1) t(x) where x > 1)", None),
        "nulls come last in both directions": (
            "(select array_join(array_agg(x order by x desc), ',', 'n') from (values 1, null, 2) t(x))",
            "2,1,n",
        ),
        "coalesce gives the first that is there": ("coalesce(null, 2, 3)", "2"),
    },
    "dates": {
        "years are counted when they are full": ("date_diff('year', date '2000-06-15', date '2024-01-01')", "23"),
        "months are counted when they are full": ("date_diff('month', date '2024-01-15', date '2024-02-14')", "0"),
        "a month is full where adding one would end": (
            "date_diff('month', date '2024-01-31', date '2024-02-29')",
            "1",
        ),
        "days are counted between midnights": ("date_diff('day', date '2024-02-28', date '2024-03-01')", "2"),
        "a day of moments has 24 hours": (
            "date_diff('day', timestamp '2024-01-01 23:00:00', timestamp '2024-01-02 01:00:00')",
            "0",
        ),
        "differences may be negative": ("date_diff('day', date '2024-03-01', date '2024-02-28')", "-2"),
        "a month after the 31st is the last day": ("date_add('month', 1, date '2024-01-31')", "2024-02-29"),
        "a year after a leap day is the 28th": ("date_add('year', 1, date '2024-02-29')", "2025-02-28"),
        "a month before the 31st is the last day": ("date_add('month', -1, date '2024-03-31')", "2024-02-29"),
        "a date plus days stays a date": ("date '2024-02-28' + interval '2' day", "2024-03-01"),
        "a date minus a month stays a date": ("date '2024-03-31' - interval '1' month", "2024-02-29"),
        "a date plus hours fails": ("date '2024-01-01' + interval '1' hour", Fails("INVALID_FUNCTION_ARGUMENT")),
        "a date cut to a month stays a date": ("date_trunc('month', date '2024-02-29')", "2024-02-01"),
        "weeks start on Monday": ("date_trunc('week', date '2024-03-03')", "2024-02-26"),
        "Sunday is the seventh day": ("day_of_week(date '2024-03-03')", "7"),
        "the last day of a month": ("last_day_of_month(date '2024-02-10')", "2024-02-29"),
        "a date that is none": ("cast('2023-02-29' as date)", Fails("INVALID_CAST_ARGUMENT")),
        "two dates give an interval of days": ("date '2024-03-01' - date '2024-02-28'", "2 00:00:00.000"),
    },
    "moments": {
        "a text with T is no timestamp": ("cast('2024-01-01T10:00:00' as timestamp)", Fails("INVALID_CAST_ARGUMENT")),
        "ISO 8601 is parsed with its zone": (
            "from_iso8601_timestamp('2024-01-01T10:00:00+02:00')",
            "2024-01-01 10:00:00.000 +02:00",
        ),
        "a zone can be changed": (
            "from_iso8601_timestamp('2024-01-01T10:00:00+02:00') at time zone 'UTC'",
            "2024-01-01 08:00:00.000 UTC",
        ),
        "the time of the clock loses its zone in a cast": (
            "cast(from_iso8601_timestamp('2024-01-01T10:00:00+02:00') as timestamp)",
            "2024-01-01 10:00:00.000",
        ),
        "moments of two zones are compared as moments": (
            "from_iso8601_timestamp('2024-01-01T10:00:00+02:00') = timestamp '2024-01-01 08:00:00 UTC'",
            "true",
        ),
        "the session is in UTC": ("current_timezone()", "UTC"),
        "hours that a zone skips are counted": (
            "date_diff('hour', timestamp '2024-03-31 00:00 Europe/Berlin', timestamp '2024-04-01 00:00 Europe/Berlin')",
            "23",
        ),
        "fractions have three digits": ("cast('2024-01-01 10:00:00.123456' as timestamp)", "2024-01-01 10:00:00.123"),
        "seconds since 1970": ("to_unixtime(timestamp '1970-01-02 00:00:00 UTC')", "86400.0"),
        "a date is formatted as in MySQL": (
            "date_format(timestamp '2024-01-02 03:04:05', '%Y-%m-%d %H')",
            "2024-01-02 03",
        ),
        "a text is parsed as in MySQL": ("date_parse('02.01.2024', '%d.%m.%Y')", "2024-01-02 00:00:00.000"),
        "an ISO text of UTC ends in Z": (
            "to_iso8601(timestamp '2024-01-01 10:00:00.000 UTC')",
            "2024-01-01T10:00:00.000Z",
        ),
    },
    "texts": {
        "part of a split that is not there is null": ("split_part('a,b', ',', 3)", None),
        "parts of a split start at one": ("split_part('a,b', ',', 1)", "a"),
        "part zero of a split fails": ("split_part('a,b', ',', 0)", Fails("INVALID_FUNCTION_ARGUMENT")),
        "substr starts at one": ("substr('abc', 0)", ""),
        "substr counts from the end": ("substr('abcd', -2)", "cd"),
        "length counts characters": ("length('é𝄞')", "2"),
        "length of bytes counts bytes": ("length(to_utf8('é𝄞'))", "6"),
        "texts are compared with their case": ("'a' = 'A'", "false"),
        "capitals come before small letters": ("'B' < 'a'", "true"),
        "like knows case": ("'abc' like 'A%'", "false"),
        "strpos gives zero for nothing": ("strpos('abc', 'x')", "0"),
        "lpad also cuts": ("lpad('abcd', 2, 'x')", "ab"),
        "trim takes blanks": ("'[' || trim('  a ') || ']'", "[a]"),
        "a char is padded": ("'[' || cast('a' as char(3)) || ']'", "[a  ]"),
        "a boolean becomes text": ("cast(true as varchar)", "true"),
        "texts are no numbers": ("'1' = 1", Fails("TYPE_MISMATCH")),
    },
    "expressions": {
        "regexp_like finds a part": ("regexp_like('abc', 'b')", "true"),
        "regexp_replace takes all": ("regexp_replace('a1b2', '[0-9]', '')", "ab"),
        "groups are named with a dollar": ("regexp_replace('ab', '(a)(b)', '$2$1')", "ba"),
        "regexp_extract gives null for nothing": ("regexp_extract('abc', 'x')", None),
        "regexp_extract gives a group": ("regexp_extract('id=42', 'id=(\\d+)', 1)", "42"),
        "try makes an error null": ("try(1 / 0)", None),
        "try makes a wrong cast null": ("try(cast('x' as date))", None),
        "try_cast makes a wrong cast null": ("try_cast('x' as integer)", None),
        "if without else is null": ("if(false, 1)", None),
        "case without else is null": ("case when null then 1 end", None),
        "null and false is false": ("cast(null as boolean) and false", "false"),
        "null or true is true": ("cast(null as boolean) or true", "true"),
    },
    "lists and json": {
        "lists start at one": ("array['a', 'b'][1]", "a"),
        "a place outside of a list fails": ("array[1, 2][3]", Fails("INVALID_FUNCTION_ARGUMENT")),
        "place zero fails": ("array[1, 2][0]", Fails("INVALID_FUNCTION_ARGUMENT")),
        "element_at is null outside": ("element_at(array[1, 2], 3)", None),
        "element_at counts from the end": ("element_at(array[1, 2], -1)", "2"),
        "a key that is not in a map fails": ("map(array['a'], array[1])['b']", Fails("INVALID_FUNCTION_ARGUMENT")),
        "element_at of a map is null": ("element_at(map(array['a'], array[1]), 'b')", None),
        "contains of a null is unknown": ("contains(array[1, null], 2)", None),
        "cardinality counts nulls": ("cardinality(array[1, null])", "2"),
        "array_join leaves nulls out": ("array_join(array['a', null, 'b'], ',')", "a,b"),
        "unnest of nothing gives no row": ("(select count(*) from unnest(cast(array[] as array(integer))) t(x))", "0"),
        "any_match of nothing is false": ("any_match(cast(array[] as array(integer)), x -> x > 0)", "false"),
        "a scalar of json comes as text": ("""json_extract_scalar('{"a": 1.50}', '$.a')""", "1.50"),
        "an object of json is no scalar": ("""json_extract_scalar('{"a": {"b": 1}}', '$.a')""", None),
        "a missing path of json is null": ("""json_extract_scalar('{"a": 1}', '$.b')""", None),
        "json that is none gives null": ("json_extract_scalar('{', '$.a')", None),
        "json_parse of what is none fails": ("json_parse('{')", Fails("INVALID_FUNCTION_ARGUMENT")),
        "a cast of json leaves other keys out": (
            """cast(json_parse('{"A": 1, "c": 2}') as row(a integer, b integer))""",
            "{a=1, b=null}",
        ),
    },
}

FAILING = [
    pytest.param(sql, expected.name, id=f"{topic}: {name}")
    for topic, probes in PROBES.items()
    for name, (sql, expected) in probes.items()
    if isinstance(expected, Fails)
]


@pytest.mark.parametrize("topic", PROBES)
def test_expressions_have_their_documented_values(queries: Queries, topic: str) -> None:
    expected = {name: probe for name, probe in PROBES[topic].items() if not isinstance(probe[1], Fails)}
    (row,) = queries.rows(f"select {', '.join(sql for sql, _ in expected.values())}")
    assert dict(zip(expected, row, strict=True)) == {name: value for name, (_, value) in expected.items()}


@pytest.mark.parametrize(("sql", "error"), FAILING)
def test_expressions_fail_where_they_are_documented_to(queries: Queries, sql: str, error: str) -> None:
    assert queries.fail(f"select {sql}").partition(":")[0] == error


def test_there_are_as_many_probes_as_were_asked_for() -> None:
    assert sum(map(len, PROBES.values())) >= 68
