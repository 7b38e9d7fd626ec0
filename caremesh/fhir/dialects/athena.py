"""Athena engine 3 (Trino), where it differs: https://docs.aws.amazon.com/athena/latest/ug/functions-env3.html."""

from __future__ import annotations

from collections.abc import Sequence

from caremesh.fhir.dialects.base import Dialect, subquery

WALL_CLOCK = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:]{5,8}(?:\.[0-9]{1,3})?)?)"


class Athena(Dialect):
    """SQL for Athena."""

    name = "athena"

    def list_type(self, item: str) -> str:
        """Lists are `array(varchar)`."""
        return f"array({item})"

    def struct_type(self, fields: Sequence[tuple[str, str]]) -> str:
        """Structs are `row(…)`; casts of JSON match a quoted name to no key unless it is lower case."""
        return "row(" + ", ".join(f"{self.quote(n.lower())} {t}" for n, t in fields) + ")"

    def replace_all(self, value: str, pattern: str, before: str, after: str) -> str:
        """Groups are `$1`."""
        return f"regexp_replace({value}, {self.text(pattern)}, {self.text(before + '$1' + after)})"

    def array(self, items: Sequence[str]) -> str:
        """Lists are `array[…]`."""
        return f"array[{', '.join(items)}]"

    def item(self, xs: str, position: int | str) -> str:
        """`xs[n]` would be an error when out of range."""
        return f"element_at({xs}, {position})"

    def head(self, xs: str, count: str) -> str:
        """`slice`."""
        return f"slice({xs}, 1, {count})"

    def size(self, xs: str) -> str:
        """`cardinality`, null for a missing list."""
        return f"cardinality({xs})"

    def transform(self, xs: str, variable: str, body: str) -> str:
        """Lambdas are arrows."""
        return f"transform({xs}, {variable} -> {body})"

    def transform_indexed(self, xs: str, variable: str, index: str, body: str) -> str:
        """There is no index in a lambda; sequence() counts down when its end is below its start, hence the case."""
        positions = f"sequence(0, cardinality({xs}) - 1)"
        return f"case when cardinality({xs}) > 0 then zip_with({xs}, {positions}, ({variable}, {index}) -> {body}) end"

    def filter(self, xs: str, variable: str, criterion: str) -> str:
        """Lambdas are arrows."""
        return f"filter({xs}, {variable} -> {criterion})"

    def join(self, xs: str, separator: str) -> str:
        """Leaves nulls out."""
        return f"array_join({xs}, {separator})"

    def distinct(self, xs: str) -> str:
        """Keeps the order."""
        return f"array_distinct({xs})"

    def split(self, value: str, separator: str) -> str:
        """`split`."""
        return f"split({value}, {separator})"

    def row(self, fields: Sequence[tuple[str, str, str]]) -> str:
        """Only a cast gives the fields of a row their names."""
        typed = self.struct_type([(n, t) for n, _, t in fields])
        return f"cast(row({', '.join(sql for _, sql, _ in fields)}) as {typed})"

    def matches(self, value: str, pattern: str) -> str:
        """The pattern may match anywhere, hence the anchors."""
        return f"regexp_like({value}, {self.text(f'^(?:{pattern})' + chr(92) + 'z')})"

    def extract(self, value: str, pattern: str, group: int = 1) -> str:
        """No match gives null."""
        return f"regexp_extract({value}, {self.text(pattern)}, {group})"

    def fail(self, message: str, sql_type: str) -> str:
        """Athena lists no fail(): a cast that cannot work raises an error that quotes its text."""
        if sql_type == "varchar":
            return f"cast(cast({message} as integer) as varchar)"
        return self.cast(message, sql_type)

    def whole_quotient(self, left: str, right: str) -> str:
        """`/` between whole numbers rounds towards zero."""
        return f"({left} / {right})"

    def truncate(self, value: str) -> str:
        """`truncate`."""
        return f"truncate({value})"

    def wall_clock(self, value: str) -> str:
        """A text with an offset casts to no timestamp, and digits beyond milliseconds would round: both stay behind."""
        return self.try_cast(f"replace({self.extract(value, WALL_CLOCK)}, 'T', ' ')", "timestamp")

    def instant(self, value: str) -> str:
        """Applies the offset."""
        return f"try(from_iso8601_timestamp({value}))"

    def unnest(self, source: str, xs: str, element: str, *, index: str | None, or_null: bool) -> str:
        """`unnest` spreads the fields of a row over columns; a row around each item keeps the item whole."""
        wrapped = self.transform(xs, "v", "row(v)")
        join = "left join" if or_null else "cross join"
        condition = " on true" if or_null else ""
        counted = f", u.{index} - 1 as {index}" if index else ""
        position = index or "position"
        return subquery(
            f"select q.*, u.{element}{counted}\nfrom {source} q\n"
            f"{join} unnest({wrapped}) with ordinality as u({element}, {position}){condition}"
        )


ATHENA: Dialect = Athena()
