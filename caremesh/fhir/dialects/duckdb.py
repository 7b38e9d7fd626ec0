"""DuckDB, where it differs."""

from __future__ import annotations

from collections.abc import Sequence

from caremesh.fhir.dialects.base import SIMPLE, Dialect, subquery


class DuckDb(Dialect):
    """SQL for DuckDB 2."""

    name = "duckdb"

    def list_type(self, item: str) -> str:
        """Lists are `varchar[]`."""
        return f"{item}[]"

    def struct_type(self, fields: Sequence[tuple[str, str]]) -> str:
        """Structs are `struct(…)`."""
        return "struct(" + ", ".join(f"{self.quote(n)} {t}" for n, t in fields) + ")"

    def replace_all(self, value: str, pattern: str, before: str, after: str) -> str:
        """Groups are `\\1`."""
        return f"regexp_replace({value}, {self.text(pattern)}, {self.text(before + chr(92) + '1' + after)}, 'g')"

    def array(self, items: Sequence[str]) -> str:
        """Lists are `[…]`."""
        return f"[{', '.join(items)}]"

    def item(self, xs: str, position: int | str) -> str:
        """Out of range is null."""
        return f"{xs}[{position}]"

    def head(self, xs: str, count: str) -> str:
        """A slice."""
        return f"{xs}[1:{count}]"

    def size(self, xs: str) -> str:
        """`len`, null for a missing list."""
        return f"len({xs})"

    def transform(self, xs: str, variable: str, body: str) -> str:
        """Lambdas start with the word."""
        return f"list_transform({xs}, lambda {variable}: {body})"

    def transform_indexed(self, xs: str, variable: str, index: str, body: str) -> str:
        """The index of a DuckDB lambda counts from 1."""
        counted = self.transform(f"[{index} - 1]", index, body)
        return f"list_transform({xs}, lambda {variable}, {index}: {counted}[1])"

    def filter(self, xs: str, variable: str, criterion: str) -> str:
        """Lambdas start with the word."""
        return f"list_filter({xs}, lambda {variable}: {criterion})"

    def join(self, xs: str, separator: str) -> str:
        """Leaves nulls out."""
        return f"array_to_string({xs}, {separator})"

    def distinct(self, xs: str) -> str:
        """`list_distinct` would forget the order."""
        return f"list_filter({xs}, lambda v, i: list_position({xs}, v) = i)"

    def split(self, value: str, separator: str) -> str:
        """`string_split`."""
        return f"string_split({value}, {separator})"

    def row(self, fields: Sequence[tuple[str, str, str]]) -> str:
        """Field types follow from the values."""
        return "struct_pack(" + ", ".join(f"{self.quote(n)} := {sql}" for n, sql, _ in fields) + ")"

    def matches(self, value: str, pattern: str) -> str:
        """The whole text, without anchors."""
        return f"regexp_full_match({value}, {self.text(pattern)})"

    def extract(self, value: str, pattern: str, group: int = 1) -> str:
        """No match gives an empty text, hence nullif."""
        return f"nullif(regexp_extract({value}, {self.text(pattern)}, {group}), '')"

    def fail(self, message: str, sql_type: str) -> str:  # noqa: ARG002
        """`error` fits every type."""
        return f"error({message})"

    def whole_quotient(self, left: str, right: str) -> str:
        """`//` rounds towards zero."""
        return f"({left} // {right})"

    def truncate(self, value: str) -> str:
        """`trunc`."""
        return f"trunc({value})"

    def wall_clock(self, value: str) -> str:
        """A cast to timestamp drops the offset without applying it, which is what is wanted here."""
        return f"date_trunc('milliseconds', {self.try_cast(value, 'timestamp')})"

    def instant(self, value: str) -> str:
        """`timestamptz` applies the offset."""
        return f"date_trunc('milliseconds', {self.try_cast(value, 'timestamptz')})"

    def unnest(self, source: str, xs: str, element: str, *, index: str | None, or_null: bool) -> str:
        """`unnest` in the select list: the fastest form, and several of them go in step."""
        if not SIMPLE.fullmatch(xs):
            source, xs = subquery(f"select *, {xs} as l_{element}\nfrom {source}"), f"l_{element}"
        items, positions = xs, f"range(len({xs}))"
        if or_null:
            # unnest([]) drops the row, so an empty list becomes a list of one null.
            items, positions = (f"case when len({xs}) > 0 then {x} else [null] end" for x in (items, positions))
        counted = f", unnest({positions}) as {index}" if index else ""
        return subquery(f"select *, unnest({items}) as {element}{counted}\nfrom {source}")


DUCKDB: Dialect = DuckDb()
