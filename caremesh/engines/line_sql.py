"""Tables of lines in Athena: SQL text over a table whose one column `line` holds lines of NDJSON, as they came.

One such table per resource type serves every view, and no line can make a query fail. Nothing here talks to AWS.
"""

from __future__ import annotations

from caremesh.errors import ViewError
from caremesh.fhir import ATHENA, LONGEST_STATEMENT, SHORTEN, Array, CompiledView, Node, Struct, exact_names
from caremesh.quoting import quote_name

# How the SerDe writes a null, so that a line of only this is read as one.
NULL_LINE = r"\N"
# No FHIR element has this name.
_GUARD = ("-", "boolean")


def read_lines_sql(table: str, shape: Struct) -> str:
    """SQL that reads a table of lines as columns, one for each top-level field of `shape`.

    A line that is no JSON object, or that contradicts the shape, gives no row. `table` may be `database.table`, or the
    name of a `with` query.
    """
    fields = ", ".join(f"r.{quote_name(name)}" for name, _ in shape.fields)
    parsed = f"select {parse_line_sql(shape)} as r from {_quote_table(table)}"
    return f"(select {fields} from ({parsed}) where r is not null)"


def read_view_sql(view: CompiledView, table: str) -> str:
    """The statement for the rows of a view over a table of lines; raise ViewError where it is too long for Athena."""
    statement = f"with src as (select * from {read_lines_sql(table, view.shape)})\n{view.query}"
    size = len(statement.encode())
    if size > LONGEST_STATEMENT:
        raise ViewError(
            f"its SQL for Athena is {size:,} bytes long, and Athena takes {LONGEST_STATEMENT:,}",
            hint=SHORTEN,
        )
    return statement


def parse_line_sql(shape: Struct) -> str:
    """SQL that reads the column `line` as a row of this shape; null where it is no JSON, or contradicts the shape."""
    line = ATHENA.quote_numbers("line", exact_names(shape))
    return f"try(cast(json_parse({line}) as {row_type(shape)}))"


def row_type(node: Node) -> str:
    """The type that lines are parsed as: that of the shape, and in each row one field more than JSON can fill.

    A cast takes a JSON list as a row, item by item, where their numbers agree: `["a"]` as `{"reference": "a"}`. The
    guard makes such a list one item too short.
    """
    if isinstance(node, Struct):
        return ATHENA.struct_type([*((name, row_type(inner)) for name, inner in node.fields), _GUARD])
    return ATHENA.list_type(row_type(node.item)) if isinstance(node, Array) else ATHENA.node_type(node)


def _quote_table(table: str) -> str:
    return ".".join(quote_name(part) for part in table.split("."))
