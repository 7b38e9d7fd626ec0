"""For each rule of `scripts/sql_differences.py`, SQL that it must find, and SQL to write instead. Both can be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """Two statements of one meaning: the engines give different results for `bad`, and the same one for `good`."""

    rule: str
    bad: str
    good: str


def day(written: str) -> str:
    return f"select cast('{written}' as date) as start_date"


EXAMPLES = [
    Example(
        "integer division",
        "select stays / beds as value from (select 7 as stays, 2 as beds)",
        "select cast(stays as double) / beds as value from (select 7 as stays, 2 as beds)",
    ),
    Example(
        "integer division",
        "select stays / nullif(beds, 0) as value from (select 7 as stays, 2 as beds)",
        "select stays / nullif(cast(beds as double), 0) as value from (select 7 as stays, 2 as beds)",
    ),
    Example(
        "average",
        "select avg(price) as value from (select 0.01 as price union all select 0.02)",
        "select avg(cast(price as double)) as value from (select 0.01 as price union all select 0.02)",
    ),
    Example(
        "sum without a type",
        "select sum(beds) as value from (select 7 as beds)",
        "select cast(sum(beds) as bigint) as value from (select 7 as beds)",
    ),
    Example(
        "sum without a type",
        "select sum(case when beds > 2 then 1 else 0 end) over (order by beds) as value from (select 7 as beds)",
        "select cast(sum(case when beds > 2 then 1 else 0 end) over (order by beds) as bigint) as value"
        " from (select 7 as beds)",
    ),
    Example(
        "date_diff",
        f"select date_diff('month', start_date, cast('2024-02-01' as date)) as value from ({day('2024-01-31')})",
        f"select (2024 - year(start_date)) * 12 + 2 - month(start_date) as value from ({day('2024-01-31')})",
    ),
    Example(
        "date_diff",
        "select date_diff('day', timestamp '2024-01-01 23:00:00', timestamp '2024-01-02 01:00:00') as value",
        "select date_diff('day', cast(timestamp '2024-01-01 23:00:00' as date), cast('2024-01-02' as date)) as value",
    ),
    Example(
        "difference of dates",
        f"select cast('2024-02-01' as date) - start_date as value from ({day('2024-01-31')})",
        f"select date_diff('day', cast(start_date as date), cast('2024-02-01' as date)) as value from"
        f" ({day('2024-01-31')})",
    ),
    Example(
        "date and interval",
        f"select start_date + interval '1' month as value from ({day('2024-01-31')})",
        f"select cast(start_date + interval '1' month as date) as value from ({day('2024-01-31')})",
    ),
    Example(
        "date and interval",
        f"select start_date - interval '1' second as value from ({day('2024-03-01')})",
        f"select cast(start_date as timestamp) - interval '1' second as value from ({day('2024-03-01')})",
    ),
    Example(
        "date_trunc",
        f"select date_trunc('month', start_date) as value from ({day('2024-02-29')})",
        f"select cast(date_trunc('month', start_date) as date) as value from ({day('2024-02-29')})",
    ),
    Example(
        "extract",
        f"select extract(dow from start_date) as value from ({day('2024-01-07')})",
        f"select mod(date_diff('day', cast('2024-01-01' as date), cast(start_date as date)), 7) + 1 as value"
        f" from ({day('2024-01-07')})",
    ),
    Example(
        "concat",
        "select concat(city, state) as value from (select 'Ulm' as city, cast(null as varchar) as state)",
        "select city || state as value from (select 'Ulm' as city, cast(null as varchar) as state)",
    ),
    Example(
        "greatest and least",
        "select greatest(days, 1) as value from (select cast(null as integer) as days)",
        "select greatest(coalesce(days, 0), 1) as value from (select cast(null as integer) as days)",
    ),
    Example(
        "greatest and least",
        "select least(days, 1) as value from (select cast(null as integer) as days)",
        "select case when days > 1 then 1 else days end as value from (select cast(null as integer) as days)",
    ),
    Example(
        "miss as empty text",
        "select split_part(reference, '/', 2) as value from (select 'Patient' as reference)",
        "select nullif(split_part(reference, '/', 2), '') as value from (select 'Patient' as reference)",
    ),
    Example(
        "miss as empty text",
        "select regexp_extract(reference, '/(.*)', 1) as value from (select 'Patient' as reference)",
        "select nullif(regexp_extract(reference, '/(.*)', 1), '') as value from (select 'Patient' as reference)",
    ),
    Example(
        "substring from 0",
        "select substring(code, 0, 2) as value from (select 'abc' as code)",
        "select substring(code, 1, 1) as value from (select 'abc' as code)",
    ),
    Example(
        "text as a time",
        "select try_cast(start_text as timestamp) as value from (select '2024-01-31T10:00:00' as start_text)",
        "select try_cast(substring(start_text, 1, 10) as date) as value from"
        " (select '2024-01-31T10:00:00' as start_text)",
    ),
    Example(
        "text as a time",
        "select try_cast('2024-01-31T10:00:00' as date) as value",
        "select try_cast('2024-01-31' as date) as value",
    ),
    Example(
        "number as an integer",
        "select cast(value_number as integer) as value from (select 2.5e0 as value_number)",
        "select cast(round(value_number) as integer) as value from (select 2.5e0 as value_number)",
    ),
    Example(
        "number as an integer",
        "select try_cast(age_text as integer) as value from (select '1.5' as age_text)",
        "select try_cast(round(try_cast(age_text as double)) as integer) as value from (select '1.5' as age_text)",
    ),
    Example(
        "number as a decimal",
        "select cast(amount as decimal(38, 9)) as value from (select 12345678901.23e0 as amount)",
        "select cast(cast(amount as varchar) as decimal(38, 9)) as value from (select 12345678901.23e0 as amount)",
    ),
    Example(
        "number as text",
        "select cast(paid_amount as varchar) as value from (select 1e0 as paid_amount)",
        "select cast(cast(paid_amount as varchar) as double) as value from (select 1e0 as paid_amount)",
    ),
    Example(
        "array subscript",
        "select codes[3] as value from (select array['a'] as codes)",
        "select max(case when place = 3 then code end) as value"
        " from (select array['a'] as codes) cross join unnest(codes) with ordinality as t(code, place)",
    ),
    Example(
        "JSON",
        "select json_extract(note, '$.a') as value from (select 'no JSON' as note)",
        "select note as value from (select 'no JSON' as note)",
    ),
]
