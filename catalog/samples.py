"""Sample queries of a table, derived from its columns: they run as pasted, and select no direct identifier.

Only aggregates are offered. The SQL keeps to what DuckDB and Athena spell alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from caremesh.products import Classification

# Names that need no quoting, so that the same text can stand between the double quotes of a shell command.
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SERVER_TIME = "last_updated_at"


@dataclass(frozen=True)
class SampleColumn:
    """What a sample needs to know of a column; one without classification is never selected."""

    name: str
    sql_type: str
    classification: Classification | None


@dataclass(frozen=True)
class SampleQuery:
    """One query to start from."""

    title: str
    sql: str

    @property
    def command(self) -> str:
        """The query as one line for the shell."""
        return f'caremesh query "{" ".join(self.sql.split())}"'


def sample_queries(
    table: str, columns: Sequence[SampleColumn], *, categories: Collection[str] = ()
) -> tuple[SampleQuery, ...]:
    """Counts by category, by code and over time, as far as the columns allow; a plain count where they do not.

    `categories` names columns with a closed list of values: they make the best first grouping.
    """
    usable = [
        c for c in columns if c.classification not in (None, "direct_identifier") and _PLAIN_NAME.fullmatch(c.name)
    ]
    queries = [
        query
        for query in (_by_category(table, usable, categories), _by_code(table, usable), _over_time(table, usable))
        if query is not None
    ]
    return tuple(queries) or (SampleQuery("How many rows there are", f"select count(*) as row_count\nfrom {table}"),)


def _by_category(table: str, columns: list[SampleColumn], categories: Collection[str]) -> SampleQuery | None:
    ranked = sorted(columns, key=lambda c: (c.name not in categories, not _is_code(c.name), c.sql_type != "boolean"))
    best = next((c for c in ranked if c.name in categories or _is_code(c.name) or c.sql_type == "boolean"), None)
    return _count_by(table, [best.name], f"Rows by {best.name}") if best else None


def _by_code(table: str, columns: list[SampleColumn]) -> SampleQuery | None:
    names = {c.name for c in columns}
    pairs = [(name, _display_of(name)) for name in (c.name for c in columns) if _is_code(name)]
    pair = next((p for p in pairs if p[1] in names), None)
    return _count_by(table, list(pair), f"Most frequent values of {pair[0]}") if pair else None


def _over_time(table: str, columns: list[SampleColumn]) -> SampleQuery | None:
    # When the server last touched a resource says little of care, so it is never the time axis.
    times = [c for c in columns if c.sql_type.split("(")[0] in ("date", "timestamp") and c.name != _SERVER_TIME]
    if not times:
        return None
    column = times[0]
    unit = "year" if column.sql_type == "date" else "month"
    sql = (
        f"select date_trunc('{unit}', {column.name}) as {unit}_start, count(*) as row_count\n"
        f"from {table}\nwhere {column.name} is not null\ngroup by 1\norder by 1"
    )
    return SampleQuery(f"Rows per {unit} of {column.name}", sql)


def _count_by(table: str, names: list[str], title: str) -> SampleQuery:
    listed = ", ".join(names)
    sql = f"select {listed}, count(*) as row_count\nfrom {table}\ngroup by {listed}\norder by row_count desc\nlimit 20"
    return SampleQuery(title, sql)


def _is_code(name: str) -> bool:
    return name == "code" or name.endswith("_code")


def _display_of(name: str) -> str:
    return "code_display" if name == "code" else name.removesuffix("_code") + "_display"
