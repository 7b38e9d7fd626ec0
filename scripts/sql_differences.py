"""Finds SQL that DuckDB and Athena both take and give different results for.

Call: `python scripts/sql_differences.py [FILE…]`. Without files it reads the dbt models as they are written; what a
macro writes is the macro's business, and has tests of its own. What either engine refuses needs no rule, as a build
finds it, and `order by` needs none, as both put nulls last, up and down. Each rule is proved on both engines in
tests/athena/test_sql_differences.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from sqlglot import exp

MODELS = Path("dbt_project/models")

_TEXT_NAMES = ("_text",)
_TIME_NAMES = ("_at", "_date", "_day", "_month")
_FRACTION_NAMES = ("_amount", "_number", "_percent", "_rate", "_share")
_NUMBERS = (exp.DType.DOUBLE, exp.DType.DECIMAL)
_INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_TIMES = (exp.DType.DATE, exp.DType.TIMESTAMP)
_WHOLE = (exp.Count, exp.Sum, exp.Window, exp.Round, exp.Floor, exp.Ceil, exp.Length, exp.DateDiff)
_JSON = (exp.JSONExtract, exp.JSONExtractScalar, exp.JSONExtractArray)

# What Jinja writes is not known here; a name that starts like this stands for it.
_OPAQUE = "jinja_"


@dataclass(frozen=True)
class Finding:
    """One place that the engines take differently."""

    line: int
    rule: str
    advice: str


@dataclass(frozen=True)
class Rule:
    """What differs, what to write instead, and how to see it: `finds` is asked about every node of these types."""

    name: str
    advice: str
    nodes: tuple[type[exp.Expression], ...]
    finds: Callable[[exp.Expression], bool]


def find_differences(sql: str) -> Iterator[Finding]:
    """Give what differs in a text of SQL, which may hold Jinja, from its first line to its last."""
    tree = sqlglot.parse_one(_without_jinja(sql), read="athena")
    found = [
        Finding(_line_of(node), rule.name, rule.advice)
        for node in tree.walk()
        for rule in RULES
        if isinstance(node, rule.nodes) and rule.finds(node)
    ]
    yield from sorted(found, key=lambda f: (f.line, f.rule))


def _without_jinja(sql: str) -> str:
    """The same text, on the same lines, with a name in place of each expression and nothing in place of statements."""

    def name(found: re.Match[str]) -> str:
        return _OPAQUE + "x" * 4 + "\n" * found[0].count("\n")

    def nothing(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    return re.sub(r"\{\{.*?\}\}", name, re.sub(r"\{[%#].*?[%#]\}", nothing, sql, flags=re.S), flags=re.S)


def _line_of(node: exp.Expression) -> int:
    """The line of the node, or of the first part of it that has one, or of what it stands in."""
    lines = [n.meta["line"] for n in node.walk() if "line" in n.meta]
    if lines:
        return int(min(lines))
    return _line_of(node.parent) if node.parent else 1


def _is_opaque(node: exp.Expression) -> bool:
    return isinstance(node, exp.Column) and node.name.startswith(_OPAQUE)


def _bare(node: exp.Expression) -> exp.Expression:
    """The node without brackets around it, and a window's function without the window."""
    while isinstance(node, exp.Paren | exp.Window | exp.Neg):
        node = node.this
    return node


def _is_cast(node: exp.Expression | None, *types: exp.DType) -> bool:
    return isinstance(node, exp.Cast) and node.to.this in types


def _stands_in_cast(node: exp.Expression, *types: exp.DType) -> bool:
    """Whether what is around the node, or around the window of it, is a cast to one of these types."""
    parent = node.parent
    while isinstance(parent, exp.Paren | exp.Window):
        parent = parent.parent
    return _is_cast(parent, *types)


def _is_named(node: exp.Expression, endings: tuple[str, ...]) -> bool:
    return isinstance(node, exp.Column) and node.name.endswith(endings)


def _divides_unknown_types(node: exp.Expression) -> bool:
    sides = [_bare(node.left), _bare(node.right)]  # type: ignore[attr-defined]
    sides += [_bare(side.this) for side in sides if isinstance(side, exp.Nullif)]
    return not any(_is_cast(side, exp.DType.DOUBLE) or _is_opaque(side) for side in sides)


def _is_literal(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) or (_is_cast(node, *_TIMES) and isinstance(node.this, exp.Literal))


def _may_compare_null(node: exp.Expression) -> bool:
    arguments = [node.this, *node.expressions]
    return not all(
        _is_literal(a) or (isinstance(a, exp.Coalesce) and _is_literal(a.expressions[-1])) for a in arguments
    )


def _misses_silently(node: exp.Expression) -> bool:
    around = node.parent
    return not (isinstance(around, exp.Nullif) and around.expression.is_string and around.expression.name == "")


def _moves_a_date(node: exp.Expression) -> bool:
    sides = [node.left, node.right]  # type: ignore[attr-defined]
    if not any(isinstance(side, exp.Interval) for side in sides):
        return False
    moved = next(side for side in sides if not isinstance(side, exp.Interval))
    return not (_is_cast(_bare(moved), exp.DType.TIMESTAMP) or _stands_in_cast(node, *_TIMES))


def _subtracts_times(node: exp.Expression) -> bool:
    sides = [_bare(node.left), _bare(node.right)]  # type: ignore[attr-defined]
    return any(_is_cast(side, *_TIMES) or _is_named(side, _TIME_NAMES) for side in sides) and not any(
        isinstance(side, exp.Interval) for side in sides
    )


def _counts_other_than_days(node: exp.Expression) -> bool:
    sides = [node.this, node.expression]
    return node.args["unit"].name.upper() != "DAY" or not all(_is_cast(side, exp.DType.DATE) for side in sides)


def _sums_integers(node: exp.Expression) -> bool:
    return not (
        _is_cast(node.this, *_NUMBERS)
        or _is_opaque(node.this)
        or _stands_in_cast(node, *_NUMBERS, *_INTEGERS)
        or _is_divisor(node)
    )


def _is_divisor(node: exp.Expression) -> bool:
    """Whether the node only divides, or is divided, so that its own type plays no part."""
    around = node.parent
    while isinstance(around, exp.Paren | exp.Window | exp.Nullif):
        around = around.parent
    return isinstance(around, exp.Div)


def _reads_text_as_time(node: exp.Expression) -> bool:
    if not _is_cast(node, *_TIMES):
        return False
    text = _bare(node.this)
    written = text.name if isinstance(text, exp.Literal) else ""
    return _is_named(text, _TEXT_NAMES) or re.match(r"\d{4}-\d\d-\d\dT", written) is not None


def _makes_an_integer(node: exp.Expression) -> bool:
    number = _bare(node.this)
    is_whole = isinstance(number, (*_WHOLE, exp.Boolean, exp.Null)) or (number.is_number and number.is_int)
    suspicious = (
        isinstance(number, exp.Div | exp.Mul | exp.Avg | exp.Literal)
        or _is_cast(number, *_NUMBERS)
        or _is_named(number, (*_FRACTION_NAMES, *_TEXT_NAMES))
    )
    return _is_cast(node, *_INTEGERS) and suspicious and not is_whole


def _makes_a_decimal(node: exp.Expression) -> bool:
    number = _bare(node.this)
    exact = _is_cast(number, exp.DType.VARCHAR, exp.DType.DECIMAL, *_INTEGERS) or isinstance(number, exp.Null)
    return _is_cast(node, exp.DType.DECIMAL) and not (exact or number.is_int or isinstance(number, exp.Count))


def _writes_a_number(node: exp.Expression) -> bool:
    value = _bare(node.this)
    fraction = _is_cast(value, *_NUMBERS, exp.DType.TIMESTAMP) or _is_named(value, (*_FRACTION_NAMES, "_at"))
    return _is_cast(node, exp.DType.VARCHAR) and fraction and not _stands_in_cast(node, *_NUMBERS)


def _starts_before_one(node: exp.Expression) -> bool:
    start = node.args.get("start")
    return isinstance(start, exp.Literal) and start.name == "0"


def _always(_: exp.Expression) -> bool:
    return True


RULES = (
    Rule(
        "integer division",
        "DuckDB gives 3.5 for 7 / 2, Athena 3; cast one side to double",
        (exp.Div,),
        _divides_unknown_types,
    ),
    Rule(
        "average",
        "of decimals a double on DuckDB, a decimal on Athena; cast what is averaged to double",
        (exp.Avg,),
        lambda node: not _is_cast(node.this, exp.DType.DOUBLE),
    ),
    Rule(
        "sum without a type",
        "of integers a hugeint on DuckDB, a bigint on Athena; cast the sum",
        (exp.Sum,),
        _sums_integers,
    ),
    Rule(
        "date_diff",
        "DuckDB counts boundaries, Athena full units; use days_between() or full_years_between()",
        (exp.DateDiff,),
        _counts_other_than_days,
    ),
    Rule(
        "difference of dates",
        "a number on DuckDB, an interval on Athena; use days_between()",
        (exp.Sub,),
        _subtracts_times,
    ),
    Rule(
        "date and interval",
        "a timestamp on DuckDB, a date on Athena; cast the date before, or the result, to what is meant",
        (exp.Add, exp.Sub),
        _moves_a_date,
    ),
    Rule(
        "date_trunc",
        "of a date a timestamp on DuckDB, a date on Athena; use first_of_month(), or cast the result",
        (exp.DateTrunc, exp.TimestampTrunc),
        lambda node: not _stands_in_cast(node, *_TIMES),
    ),
    Rule(
        "extract",
        "Sunday is day 0 of the week on DuckDB and 7 on Athena; write a dispatched macro",
        (exp.Extract,),
        lambda node: node.name.upper() in ("DOW", "DAY_OF_WEEK"),
    ),
    Rule("concat", "leaves nulls out on DuckDB, is null on Athena; use ||", (exp.Concat,), _always),
    Rule(
        "greatest and least",
        "leave nulls out on DuckDB, are null on Athena; use case, or coalesce each argument",
        (exp.Greatest, exp.Least),
        _may_compare_null,
    ),
    Rule(
        "miss as empty text",
        "no match is '' on DuckDB, null on Athena; write nullif(…, '')",
        (exp.SplitPart, exp.RegexpExtract),
        _misses_silently,
    ),
    Rule(
        "substring from 0",
        "DuckDB counts the place before the first, Athena gives ''; start at 1",
        (exp.Substring,),
        _starts_before_one,
    ),
    Rule(
        "text as a time",
        "DuckDB takes what ISO 8601 allows, Athena no 'T' and no zone; use the typed column of the product",
        (exp.Cast, exp.TryCast),
        _reads_text_as_time,
    ),
    Rule(
        "number as an integer",
        "halves go to even on DuckDB, away from zero on Athena, and text with a point is null there; round first",
        (exp.Cast, exp.TryCast),
        _makes_an_integer,
    ),
    Rule(
        "number as a decimal",
        "DuckDB scales a double first and loses digits; use exact_decimal()",
        (exp.Cast, exp.TryCast),
        _makes_a_decimal,
    ),
    Rule(
        "number as text",
        "1.0 on DuckDB, 1.0E0 on Athena, and times have milliseconds there; leave it a number",
        (exp.Cast, exp.TryCast),
        _writes_a_number,
    ),
    Rule(
        "array subscript",
        "past the end null on DuckDB, an error on Athena; write a dispatched macro around element_at",
        (exp.Bracket,),
        lambda node: not node.args.get("safe"),
    ),
    Rule("JSON", "paths, types and errors differ; let the view take the field out", _JSON, _always),
)


def main(names: list[str]) -> int:
    """Print every finding as file:line; give the number of findings."""
    files = [Path(name) for name in names] or sorted(MODELS.rglob("*.sql"))
    faults = [
        f"{file}:{finding.line}: {finding.rule}: {finding.advice}"
        for file in files
        for finding in find_differences(file.read_text(encoding="utf-8"))
    ]
    print("\n".join(faults))  # noqa: T201
    return len(faults)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
