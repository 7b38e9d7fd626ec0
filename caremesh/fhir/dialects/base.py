"""What a dialect of SQL must be able to say, and what all of them say alike.

The compiler writes no SQL of its own where engines differ: it calls these methods. A dialect overrides the ones in
which it differs; nothing else asks which dialect is in use.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from caremesh.fhir.shape import Array, Leaf, Node, Struct

SIMPLE = re.compile(r'[\w".]+(?:\[\d+\][\w".]*)*')
PARTIAL_DATE = r"[0-9]{4}(-[0-9]{2})?"
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2})"
# Some engines take 24:00; FHIR does not.
ZONE = r"T.*(Z|[+-][0-9]{2}:[0-9]{2})\z"
TO_THE_MINUTE = r"^([0-9]{4}[0-9-]*(?:T[0-9]{2}:[0-9]{2})?|[0-9]{2}:[0-9]{2})"
SECONDS = r"[0-9]{2}:[0-9]{2}:([0-9]{2})"
FRACTION = r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.([0-9]+)"
TIME = r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"


class Dialect(ABC):
    """How one engine spells SQL."""

    name: str
    type_names: Mapping[str, str] = {}

    # Names, literals and types

    def quote(self, name: str) -> str:
        """An identifier, whatever it contains."""
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        """A text literal, on one line whatever it contains."""
        lines = ["'" + line.replace("'", "''") + "'" for line in value.split("\n")]
        return lines[0] if len(lines) == 1 else "(" + " || chr(10) || ".join(lines) + ")"

    def literal(self, value: str | bool | int | float | None) -> str:
        """A literal of any plain kind."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return self.cast(repr(value), "double")
        return self.text(value) if isinstance(value, str) else str(value)

    def type_name(self, sql_type: str) -> str:
        """The engine's name of a neutral type."""
        return self.type_names.get(sql_type, sql_type)

    @abstractmethod
    def list_type(self, item: str) -> str:
        """The type of a list, from the engine's name of the item type."""

    @abstractmethod
    def struct_type(self, fields: Sequence[tuple[str, str]]) -> str:
        """The type of a struct, from names and the engine's names of types."""

    def node_type(self, node: Node) -> str:
        """The engine's type for a shape."""
        if isinstance(node, Leaf):
            return self.type_name("double" if node.kind == "number" else "varchar")
        if isinstance(node, Array):
            return self.list_type(self.node_type(node.item))
        return self.struct_type([(name, self.node_type(inner)) for name, inner in node.fields])

    def source_columns(self, shape: Struct) -> dict[str, str]:
        """The type of each column of `src`, by name."""
        return {name: self.node_type(node) for name, node in shape.fields}

    def quote_numbers(self, line: str, names: Sequence[str]) -> str:
        """A line of JSON with quotes around the numbers of these names, so that `1.10` stays `1.10`.

        Engines read JSON numbers as doubles. Inside a JSON text nothing matches, since quotes stand escaped there. One
        name at a time: a pattern that begins with a whole word is found twice as fast as one with a choice of words.
        """
        for name in names:
            line = self.replace_all(line, rf'"{name}"\s*:\s*(-?[0-9][0-9.eE+-]*)', f'"{name}":"', '"')
        return line

    @abstractmethod
    def replace_all(self, value: str, pattern: str, before: str, after: str) -> str:
        """A text with the first group of each match between two texts in place of the match."""

    # Lists

    @abstractmethod
    def array(self, items: Sequence[str]) -> str:
        """A list of these items."""

    @abstractmethod
    def item(self, xs: str, position: int | str) -> str:
        """The item at a position from 1; null where there is none."""

    @abstractmethod
    def head(self, xs: str, count: str) -> str:
        """So many of the first items of a list."""

    @abstractmethod
    def size(self, xs: str) -> str:
        """How many items a list has."""

    @abstractmethod
    def transform(self, xs: str, variable: str, body: str) -> str:
        """The body for each item."""

    @abstractmethod
    def transform_indexed(self, xs: str, variable: str, index: str, body: str) -> str:
        """The body for each item and its position from 0."""

    @abstractmethod
    def filter(self, xs: str, variable: str, criterion: str) -> str:
        """The items for which the criterion is true."""

    @abstractmethod
    def join(self, xs: str, separator: str) -> str:
        """One text of all items that are not null."""

    @abstractmethod
    def distinct(self, xs: str) -> str:
        """Each value of a list once, where it stands first."""

    @abstractmethod
    def split(self, value: str, separator: str) -> str:
        """The parts of a text between separators, as a list."""

    @abstractmethod
    def row(self, fields: Sequence[tuple[str, str, str]]) -> str:
        """A struct of (name, SQL, type)."""

    def flatten(self, xs: str) -> str:
        """One list of a list of lists."""
        return f"flatten({xs})"

    def compact(self, xs: str) -> str:
        """The items that are not null."""
        return self.filter(xs, "v", "v is not null")

    def not_empty(self, xs: str) -> str:
        """Whether a list has items; a missing list has none."""
        return f"coalesce({self.size(xs)} > 0, false)"

    def same_lists(self, xs: str, ys: str) -> str:
        """Whether two lists hold the same values; null where one of them is empty."""
        return f"case when {self.not_empty(xs)} and {self.not_empty(ys)} then {xs} = {ys} end"

    def same_times(self, xs: str, ys: str) -> str:
        """Whether two lists hold the same times; null where one of them is empty, or a precision leaves it open."""
        pairs = self.transform_indexed(xs, "x", "n", self.compare_times("=", "x", self.item(ys, "n + 1")))
        false, unknown = self.filter("r", "b", "not b"), self.filter("r", "b", "b is null")
        verdict = (
            f"case when {self.size(xs)} <> {self.size(ys)} or {self.not_empty(false)} then false"
            f" when {self.not_empty(unknown)} then null else true end"
        )
        found = self.item(self.transform(self.array([pairs]), "r", verdict), 1)
        return f"case when {self.not_empty(xs)} and {self.not_empty(ys)} then {found} end"

    def distinct_times(self, xs: str) -> str:
        """Each time of a list once, where it stands first; two are one only where they are equal for sure."""
        earlier = self.filter(self.head(xs, "n"), "y", self.compare_times("=", "x", "y"))
        return self.compact(self.transform_indexed(xs, "x", "n", f"case when not {self.not_empty(earlier)} then x end"))

    def let(self, value: str, name: str, body: Callable[[str], str]) -> str:
        """The body over a value that it uses more than once."""
        if SIMPLE.fullmatch(value):
            return body(value)
        return self.item(self.transform(self.array([value]), name, body(name)), 1)

    # Conditions and values

    def group(self, value: str) -> str:
        """A value in brackets, where it is more than a name or a word: `a is null = true` reads otherwise."""
        return value if SIMPLE.fullmatch(value) else f"({value})"

    def both(self, left: str, right: str) -> str:
        """Two-valued `and`: an unknown side counts as false."""
        return f"coalesce({left} and {right}, false)"

    def cast(self, value: str, sql_type: str) -> str:
        """A cast that raises where it fails."""
        return f"cast({value} as {self.type_name(sql_type)})"

    def try_cast(self, value: str, sql_type: str) -> str:
        """A cast that gives null where it fails."""
        return f"try_cast({value} as {self.type_name(sql_type)})"

    @abstractmethod
    def matches(self, value: str, pattern: str) -> str:
        """Whether the whole text matches a regular expression."""

    @abstractmethod
    def extract(self, value: str, pattern: str, group: int = 1) -> str:
        """A group of a regular expression; null where it does not match."""

    @abstractmethod
    def fail(self, message: str, sql_type: str) -> str:
        """An expression of this type that raises an error with the message (given as SQL)."""

    def fault(self, message: str, sql_type: str) -> str:
        """Raise an error that names the resource, and nothing of its content."""
        described = f"{self.text(message + ', resource ')} || coalesce({self.quote('id')}, 'without id')"
        return self.fail(described, sql_type)

    def fault_of_any_type(self, message: str) -> str:
        """Raise the same error where a value of some type is due that has no name here."""
        return f"case when {self.fault(message, 'bigint')} is null then null end"

    def first_or_fail(self, xs: str, message: str, sql_type: str) -> str:
        """The only value of a list; an error where there are more."""
        return f"case when {self.size(xs)} > 1 then {self.fault(message, sql_type)} else {self.item(xs, 1)} end"

    def parse(self, value: str, sql_type: str, message: str) -> str:
        """Text as a value of a type; an error where the text is not one. Partial dates are null."""
        fault = self.fault(message, sql_type)
        if sql_type == "boolean":
            known = f"when {value} = 'true' then true when {value} = 'false' then false"
            return f"case {known} when {value} is not null then {fault} end"
        if sql_type in ("integer", "bigint", "double") or sql_type.startswith("decimal"):
            # Engines round 1.5 to 2 when they cast it to a whole number: only digits get that far.
            pattern = r"-?[0-9]+" + ("" if sql_type in ("integer", "bigint") else r"(\.[0-9]+)?([eE][+-]?[0-9]+)?")
            parsed, refused = self.try_cast(value, sql_type), f"{value} is not null"
        else:
            pattern, parsed, unknown = {
                "date": (f"{DAY}.*", self.day(value), PARTIAL_DATE),
                "timestamp": (f"{DAY}({TIME}{OFFSET}?)?", self.wall_clock(value), PARTIAL_DATE),
                # A day is no moment either.
                "timestamp with time zone": (f"{DAY}{TIME}{OFFSET}", self.instant(value), f"{PARTIAL_DATE}|{DAY}"),
            }[sql_type]
            refused = f"not {self.matches(value, unknown)}"
        found = f"case when {self.matches(value, pattern)} then {parsed} end"
        return f"coalesce({found}, case when {refused} then {fault} end)"

    @abstractmethod
    def whole_quotient(self, left: str, right: str) -> str:
        """The quotient of whole numbers, rounded towards zero."""

    @abstractmethod
    def truncate(self, value: str) -> str:
        """A number without its decimals."""

    def day(self, value: str) -> str:
        """The date that the first ten characters of a text are."""
        return self.try_cast(f"substr({value}, 1, 10)", "date")

    @abstractmethod
    def wall_clock(self, value: str) -> str:
        """The date and time of a text as written, to the millisecond, without the offset; null where it is neither."""

    @abstractmethod
    def instant(self, value: str) -> str:
        """The moment that a dateTime with an offset names, to the millisecond; null where it is none."""

    def compare_times(self, operator: str, left: str, right: str) -> str:
        """Compare dates or times of any precision; null where their precision leaves it open.

        With offsets on both sides the minutes compare as moments, else as they were written; then the seconds compare,
        which have no precision of their own: 30 is 30.0.
        """
        zones = self.extract(left, ZONE), self.extract(right, ZONE)
        moments = [self.instant(f"substr({x}, 1, 16) || {zone}") for x, zone in zip((left, right), zones, strict=True)]
        heads = self.extract(left, TO_THE_MINUTE), self.extract(right, TO_THE_MINUTE)
        shared = [f"substr({head}, 1, least(length({heads[0]}), length({heads[1]})))" for head in heads]
        seconds = self._seconds(left), self._seconds(right)
        return (
            f"case when {left} is null or {right} is null then null"
            f" when {zones[0]} is not null and {zones[1]} is not null then"
            f" case when {moments[0]} <> {moments[1]} then {moments[0]} {operator} {moments[1]}"
            f" when {seconds[0]} is null and {seconds[1]} is null then 0 {operator} 0"
            f" else {seconds[0]} {operator} {seconds[1]} end"
            f" when {shared[0]} <> {shared[1]} then {shared[0]} {operator} {shared[1]}"
            f" when length({heads[0]}) <> length({heads[1]}) then null"
            f" when {seconds[0]} is null and {seconds[1]} is null then 0 {operator} 0"
            f" else {seconds[0]} {operator} {seconds[1]} end"
        )

    def _seconds(self, value: str) -> str:
        """The seconds of a time, as text that sorts; null where it has none."""
        whole, fraction = (self.extract(value, pattern) for pattern in (SECONDS, FRACTION))
        return f"{whole} || '.' || rpad(coalesce({fraction}, ''), 12, '0')"

    # Rows

    @abstractmethod
    def unnest(self, source: str, xs: str, element: str, *, index: str | None, or_null: bool) -> str:
        """A query over `source` with one more column for the items of a list, and one for their position from 0.

        Where the list is empty the row goes, or stays with nulls in both columns if `or_null`.
        """


def subquery(query: str) -> str:
    """A query as something to select from, on lines of its own; literals never hold a line break, so it may indent."""
    return "(\n" + "\n".join(f"  {line}" for line in query.split("\n")) + "\n)"
