"""Which kind of statement Athena was given, and what Trino is asked for it.

https://docs.aws.amazon.com/athena/latest/ug/ddl-sql-reference.html. Most go to Trino as they came; `create table as`
has other properties here than in Trino, and `unload` is one of them into a table that nobody sees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tests.athena.server import CATALOG, SCRATCH


class Kind(Enum):
    """What a statement is to Athena."""

    QUERY = "query"
    SHOW = "show"
    EXPLAIN = "explain"
    VIEW = "view"
    INSERT = "insert"
    CTAS = "create table as"
    UNLOAD = "unload"
    PREPARE = "prepare"
    EXECUTE = "execute"
    HIVE = "hive"


class StatementError(Exception):
    """A statement that Athena does not take, in its words: `NAME: what is wrong`."""


# The first words of a statement → its kind. Everything else is refused.
STARTS = {
    r"(select|with|values)\b|\(": Kind.QUERY,
    r"(show|describe|desc)\b": Kind.SHOW,
    r"explain\b": Kind.EXPLAIN,
    r"create\s+(or\s+replace\s+)?view\b|drop\s+view\b": Kind.VIEW,
    r"insert\s+into\b": Kind.INSERT,
    r"unload\s*\(": Kind.UNLOAD,
    r"prepare\b|deallocate\s+prepare\b": Kind.PREPARE,
    r"execute\b": Kind.EXECUTE,
    r"create\s+table\b": Kind.CTAS,
    r"create\s+(external\s+table|database|schema)\b": Kind.HIVE,
    r"drop\s+(table|database|schema)\b|alter\s+table\b|msck\s+repair\s+table\b": Kind.HIVE,
}

_COMMENTS = re.compile(r"\A(\s+|--[^\n]*(\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|[()]""", re.DOTALL)
_CTAS = re.compile(r"create\s+table\s+(?P<lenient>if\s+not\s+exists\s+)?(?P<name>(?:\"[^\"]+\"|[\w.])+)\s*", re.I)
_PROPERTY = re.compile(
    r"\s*(?P<name>\w+)\s*=\s*(?:'(?P<text>(?:[^']|'')*)'|array\s*\[(?P<items>[^\]]*)\]|(?P<word>\w+))\s*(?:,|\Z)", re.I
)
_PREPARE = re.compile(r"prepare\s+(\w+)\s+from\s+(.+)", re.IGNORECASE | re.DOTALL)
_DEALLOCATE = re.compile(r"deallocate\s+prepare\s+(\w+)", re.IGNORECASE)
_EXECUTE = re.compile(r"execute\s+(\w+)(?:\s+using\s+(.+))?", re.IGNORECASE | re.DOTALL)
_INSERT = re.compile(r"insert\s+into\s+((?:\"[^\"]+\"|[\w.])+)", re.IGNORECASE)
_ITEM = re.compile(r"'((?:[^']|'')*)'")

CTAS_PROPERTIES = frozenset(
    {"external_location", "format", "is_external", "partitioned_by", "table_type", "write_compression"}
)
UNLOAD_PROPERTIES = frozenset({"compression", "format", "partitioned_by"})
FORMATS = frozenset({"PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"})


@dataclass(frozen=True)
class Creation:
    """A `create table as` for Trino, with where its files go, and the session's settings that it needs."""

    sql: str
    location: str
    session: Mapping[str, str] = field(default_factory=dict)


def strip(sql: str) -> str:
    """A statement without the comments before it and the semicolon after it."""
    return _COMMENTS.sub("", sql).strip().removesuffix(";").rstrip()


def kind_of(sql: str) -> Kind:
    """The kind of a stripped statement. Raises StatementError where Athena or this double knows none such."""
    for start, kind in STARTS.items():
        if re.match(start, sql, re.IGNORECASE):
            return kind
    raise StatementError("NOT_SUPPORTED: Queries of this type are not supported")


def as_preparation(sql: str) -> tuple[str, str | None]:
    """The name and the statement of `prepare`; no statement for `deallocate prepare`. Raises StatementError."""
    if found := _PREPARE.fullmatch(sql):
        return found[1].lower(), strip(found[2])
    if found := _DEALLOCATE.fullmatch(sql):
        return found[1].lower(), None
    raise StatementError("SYNTAX_ERROR: line 1:1: a statement is prepared as PREPARE name FROM statement")


def as_call(sql: str) -> tuple[str, str | None]:
    """The name of the statement that `execute` runs, and its parameters as they stand. Raises StatementError."""
    if found := _EXECUTE.fullmatch(sql):
        return found[1].lower(), found[2]
    raise StatementError("SYNTAX_ERROR: line 1:1: a statement is executed as EXECUTE name [USING parameters]")


def with_parameters(sql: str, parameters: str | None) -> str:
    """A statement with its parameters, as Trino takes both."""
    if parameters is None:
        return sql
    quoted = sql.replace("'", "''")
    return f"execute immediate '{quoted}' using {parameters}"


def insert_target(sql: str) -> Sequence[str]:
    """The parts of the name of the table that `insert` writes to. Raises StatementError."""
    found = _INSERT.match(sql)
    if found is None:
        raise StatementError("SYNTAX_ERROR: line 1:1: INSERT INTO is followed by no name")
    return [part.replace('"', "").lower() for part in found[1].split(".")]


def to_check(sql: str, kind: Kind) -> str | None:
    """What of a statement Trino's parser can judge; None where that is nothing."""
    if kind is Kind.UNLOAD:
        return split_brackets(sql)[0]
    return sql if kind in (Kind.QUERY, Kind.EXPLAIN, Kind.VIEW, Kind.INSERT, Kind.CTAS) else None


def as_creation(sql: str, *, default_location: str) -> Creation:
    """Athena's `create table as` as Trino takes it."""
    head = _CTAS.match(sql)
    if head is None:
        raise StatementError("SYNTAX_ERROR: line 1:1: CREATE TABLE is followed by no name")
    rest = sql[head.end() :]
    properties: dict[str, str | list[str]] = {}
    if re.match(r"with\s*\(", rest, re.IGNORECASE):
        inner, rest = split_brackets(rest)
        properties = read_properties(inner, CTAS_PROPERTIES)
    found = re.match(r"\s*as\b", rest, re.IGNORECASE)
    if found is None:
        raise StatementError("SYNTAX_ERROR: line 1:1: CREATE TABLE in Athena is CREATE EXTERNAL TABLE or has AS")
    if str(properties.get("table_type", "hive")).lower() != "hive":
        raise StatementError("NOT_SUPPORTED: Iceberg is not supported by the local Athena")
    location = str(properties.get("external_location", default_location))
    target = f"create table {head['lenient'] or ''}{head['name']}"
    return _creation(target, properties, rest[found.end() :], location, compression="write_compression")


def as_unload(sql: str, table: str) -> Creation:
    """An `unload` as the making of a table of the scratch catalog, which is to be forgotten at once."""
    inner, rest = split_brackets(sql)
    found = re.match(r"\s*to\s*'((?:[^']|'')+)'\s*", rest, re.IGNORECASE)
    if found is None:
        raise StatementError("SYNTAX_ERROR: line 1:1: UNLOAD needs TO 's3://…'")
    rest = rest[found.end() :]
    if not re.match(r"with\s*\(", rest, re.IGNORECASE):
        raise StatementError("SYNTAX_ERROR: line 1:1: UNLOAD needs WITH (format = …)")
    given, rest = split_brackets(rest)
    properties = read_properties(given, UNLOAD_PROPERTIES)
    if rest.strip() or "format" not in properties:
        raise StatementError("SYNTAX_ERROR: line 1:1: UNLOAD needs WITH (format = …) and ends there")
    return _creation(f"create table {table}", properties, inner, found[1], compression="compression", catalog=SCRATCH)


def _creation(
    target: str,
    properties: Mapping[str, str | list[str]],
    select: str,
    location: str,
    *,
    compression: str,
    catalog: str = CATALOG,
) -> Creation:
    format_ = str(properties.get("format", "PARQUET")).upper()
    if format_ not in FORMATS:
        raise StatementError(f"INVALID_TABLE_PROPERTY: format {format_} is not supported")
    location = f"{location.rstrip('/')}/"
    given = [f"format = '{format_}'", f"external_location = '{location}'"]
    keys = properties.get("partitioned_by")
    if keys:
        items = ", ".join(f"'{key}'" for key in keys)
        given.append(f"partitioned_by = array[{items}]")
    session = {}
    if compression in properties:
        session[f"{catalog}.compression_codec"] = str(properties[compression]).upper()
    return Creation(f"{target} with ({', '.join(given)}) as {select}", location, session)


def split_brackets(sql: str) -> tuple[str, str]:
    """What stands in the first pair of brackets, and what follows it; texts, names and comments may hold brackets."""
    depth, start = 0, 0
    for token in _TOKEN.finditer(sql):
        if token[0] == "(":
            depth += 1
            start = start or token.end()
        elif token[0] == ")":
            depth -= 1
            if depth == 0:
                return sql[start : token.start()], sql[token.end() :]
    raise StatementError("SYNTAX_ERROR: line 1:1: a bracket is not closed")


def read_properties(text: str, known: frozenset[str]) -> dict[str, str | list[str]]:
    """Properties as `name = 'text'`, `name = array['a', 'b']` or `name = true`. Raises StatementError."""
    properties: dict[str, str | list[str]] = {}
    place = 0
    while place < len(text):
        found = _PROPERTY.match(text, place)
        if found is None:
            raise StatementError("SYNTAX_ERROR: line 1:1: the properties of a table are `name = value`")
        name = found["name"].lower()
        if name not in known:
            raise StatementError(f"INVALID_TABLE_PROPERTY: table property '{name}' does not exist")
        items = found["items"]
        properties[name] = _ITEM.findall(items) if items is not None else found["text"] or found["word"] or ""
        place = found.end()
    return properties
