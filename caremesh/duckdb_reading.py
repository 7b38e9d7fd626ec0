"""SQL of analysts and contracts in DuckDB: it may read the tables that are there, and nothing else.

Two locks, as neither is enough. `reading_statement` takes a statement only if all of its tree is on a list of what
reads: DuckDB knows data-changing CTEs and `copy` within a `with`, which a read-only database does not stop.
`lock_connection` then lets the engine open only certain files, and keeps the settings as they are.

See https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import duckdb

from caremesh.errors import QueryError
from caremesh.quoting import quote_text

_HINT = 'one "select …", "describe …", "summarize …", "show tables" or "explain …"'
_TABLES_HINT = "tables are called <domain>.<product>, see: caremesh products"

# What the tree of a statement may be made of. Whatever DuckDB adds one day is refused until it is listed here.
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_REFERENCES = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "PIVOT", "SHOW_REF"}
)
_MODIFIERS = frozenset({"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"})
_ORDERS = frozenset({"ORDER_DEFAULT", "ASCENDING", "DESCENDING"})
_KNOWN = _NODES | _REFERENCES | _MODIFIERS | _ORDERS

_TABLE_FUNCTIONS = frozenset(
    {
        *("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"),
        *("duckdb_columns", "duckdb_functions", "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types"),
        *("duckdb_views", "pg_timezone_names", "icu_calendar_names", "pragma_version"),
    }
)
# What the engine tells of its tables. Other tables of its own show settings, logs and files.
_SYSTEM_TABLES = frozenset({"duckdb_columns", "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views"})
# Settings hold paths and proxies; a log entry is something written.
_REFUSED_FUNCTIONS = frozenset({"current_setting", "getenv", "write_log"})

_GAP = r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"{_GAP}explain\b(?:{_GAP}(?P<analyze>analyze)\b)?"
    rf"(?:{_GAP}(?P<options>\(\s*(?:analyze|format\s+\w+)(?:\s*,\s*(?:analyze|format\s+\w+))*\s*\)))?{_GAP}",
    re.IGNORECASE | re.DOTALL,
)
# Of what was wrong with the statement DuckDB speaks in these; its other errors come from rows, and may quote them.
_OF_THE_STATEMENT = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.NotImplementedException,
    duckdb.PermissionException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
)


def lock_connection(
    connection: duckdb.DuckDBPyConnection, *, folders: Sequence[Path] = (), files: Sequence[Path] = ()
) -> None:
    """Let a connection open nothing but files in `folders` and `files`, for good; its time zone is UTC.

    All connections to one database file have these settings in common: for those after the first, nothing is changed.
    """
    if connection.execute("select current_setting('lock_configuration')").fetchall()[0][0]:
        return
    for name, paths in (("allowed_directories", folders), ("allowed_paths", files)):
        listed = ", ".join(quote_text(str(path.resolve())) for path in paths)
        connection.execute(f"set {name} = [{listed}]")
    for setting in (
        "global TimeZone = 'UTC'",
        "allow_persistent_secrets = false",
        # Otherwise a table that is not there could be a variable of this program.
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"set {setting}")


def reading_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The statement to run for `sql`; raise QueryError where it is not one that only reads tables of the connection.

    Raises what DuckDB raises where it cannot be parsed.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise QueryError(f"{len(statements)} statements, and not one", hint=_HINT)
    if statements[0].type == duckdb.StatementType.EXPLAIN:
        explain = _EXPLAIN.match(sql)
        if explain is None:
            raise QueryError("this form of explain is not known", hint=_HINT)
        inner = sql[explain.end() :]
        _require_reading(connection, inner)
        # Not as it came: what runs is what was looked at.
        return " ".join(["explain", *filter(None, explain.group("analyze", "options")), inner])
    _require_reading(connection, sql)
    return sql


def tables_read(connection: duckdb.DuckDBPyConnection, sql: str) -> set[tuple[str, ...]]:
    """The tables that a statement reads, as far as it qualifies their names; without those of its own `with`."""
    parsed = json.loads(connection.execute("select json_serialize_sql(?)", [sql]).fetchall()[0][0])
    return set(_outer_tables(list(_walk(parsed))))


def tell_error(error: duckdb.Error, sql: str) -> QueryError:
    """What to say of an error: DuckDB's words on the statement, and never a value of a row."""
    if isinstance(error, _OF_THE_STATEMENT):
        return QueryError(str(error), hint=_TABLES_HINT)
    place = _place(str(error), sql)
    kind = type(error).__name__.removesuffix("Exception")
    return QueryError(
        f"{kind} error; DuckDB's words are withheld, because they may quote a row{place}",
        hint="try_cast(… as …) gives null for a value that does not fit" if kind == "Conversion" else None,
    )


def _require_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("not a statement that only reads", hint=_HINT)
    try:
        parsed = json.loads(connection.execute("select json_serialize_sql(?)", [sql]).fetchall()[0][0])
    except RecursionError:
        raise QueryError("nested too deep to be looked at", hint="write parts of it as: with … as (…)") from None
    if parsed["error"] or len(parsed["statements"]) != 1:
        raise QueryError("not a statement that only reads", hint=_HINT)
    (statement,) = parsed["statements"]
    if statement["named_param_map"]:
        raise QueryError("the statement has parameters, which nobody gives a value", hint="write the values themselves")
    nodes = list(_walk(statement))
    for node in nodes:
        _require_known(node)
    _require_tables(connection, nodes)


def _walk(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in the tree of a statement."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _require_known(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if "class" not in node and isinstance(kind, str) and kind not in _KNOWN:
        raise QueryError("a part of the statement does more than read, or is not known", hint=_HINT)
    if "cte_map" in node and kind not in _NODES:
        raise QueryError("a part of the statement changes data", hint=_HINT)
    if kind == "TABLE_FUNCTION" and (name := _function_name(node["function"])) not in _TABLE_FUNCTIONS:
        raise QueryError(f"{name}(…) may not be read from: a query reads the tables of the lake", hint=_TABLES_HINT)
    if "function_name" in node and _function_name(node) in _REFUSED_FUNCTIONS:
        raise QueryError(f"{_function_name(node)}(…) may not be used: it is about the engine, and not about data")


def _function_name(node: dict[str, Any]) -> str:
    return str(node.get("function_name")).lower()


def _require_tables(connection: duckdb.DuckDBPyConnection, nodes: Sequence[dict[str, Any]]) -> None:
    """Refuse a table that is not there: DuckDB would look for a file of that name."""
    paths = _outer_tables(nodes)
    if not paths:
        return
    known = _known_tables(connection)
    for path in paths:
        if path not in known:
            near = get_close_matches(".".join(path), sorted({".".join(k) for k in known if len(k) == 2}), n=1)
            hint = f"{near[0]}? {_TABLES_HINT}" if near else _TABLES_HINT
            raise QueryError(f"there is no table {'.'.join(path)}", hint=hint)


def _outer_tables(nodes: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The tables that a statement reads but for those of its own `with`, in its order."""
    stated = set(_stated_names(nodes))
    return [path for node in nodes for path in _table_paths(node) if not (len(path) == 1 and path[0] in stated)]


def _stated_names(nodes: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The names that a statement gives in its `with`, but for those that could as well be a file's."""
    for node in nodes:
        for entry in (node.get("cte_map") or {}).get("map", ()):
            if not re.search(r"[./\\:]", entry["key"]):
                yield entry["key"].lower()


def _table_paths(node: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The table that a part of a statement names: catalog, schema and name, as far as it says them."""
    is_shown = node.get("type") == "SHOW_REF" and node.get("show_type") != "SHOW_SPECIAL" and not node.get("query")
    if node.get("type") == "BASE_TABLE" or (is_shown and node.get("table_name")):
        path = tuple(part.lower() for part in node["qualified_name"]["path"] if part)
        # A recursive `with` may name the rows of all its steps so.
        yield path[1:] if len(path) == 2 and path[0] == "recurring" else path


def _known_tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, ...]]:
    found = connection.execute(
        "select lower(database_name), lower(schema_name), lower(view_name), internal from duckdb_views() "
        "union all select lower(database_name), lower(schema_name), lower(table_name), internal from duckdb_tables()"
    ).fetchall()
    known: set[tuple[str, ...]] = set()
    for catalog, schema, name, is_internal in found:
        if is_internal and schema != "information_schema" and name not in _SYSTEM_TABLES:
            continue
        known |= {(catalog, schema, name), (schema, name), *([(name,)] if schema == "main" else [])}
    return known


def _place(message: str, sql: str) -> str:
    """The line of the statement that an error points at, if it is one of the statement."""
    _, _, pointed = message.rpartition("\n\nLINE ")
    number, _, line = pointed.partition("\n")[0].partition(": ")
    is_ours = number.isdigit() and line.strip(". ") and line.strip(". ") in sql
    return f": line {number} of the statement" if is_ours else ""
