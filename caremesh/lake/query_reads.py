"""What a statement for Athena reads: found with sqlglot, before anything is sent.

Views, subqueries and CTEs are followed to the tables; columns that nobody uses further out are not read, as in Trino.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from caremesh.errors import QueryError
from caremesh.lake.query_statement import ATHENA, Statement, parse_query

CATALOG = "awsdatacatalog"

# Catalog of sqlglot: database → table → column → type.
Schema: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Relation:
    """A table or view as a catalog knows it: columns with types, partition keys among them; a view's own statement."""

    columns: Mapping[str, str]
    view: str | None = None
    view_database: str = "default"


@dataclass(frozen=True)
class TableRead:
    """One table that a statement reads: which columns, how often, and which values it wants of a column, if it says."""

    database: str
    table: str
    columns: frozenset[str]
    wanted: Mapping[str, frozenset[str]]
    times: int = 1


@dataclass(frozen=True)
class Reads:
    """All tables that a statement reads.

    `is_exact` is false where all columns are named because nothing more is known. `has_nested` is false where no value
    of the result can be a list, a map or a row.
    """

    tables: tuple[TableRead, ...]
    is_exact: bool
    has_nested: bool


Lookup = Callable[[str, str], Relation]


def find_reads(statement: Statement, lookup: Lookup) -> Reads:
    """The tables and columns that a statement reads; `lookup` gives a table of Glue by database and name."""
    from sqlglot.errors import SqlglotError

    if statement.tree is None:
        return Reads((), is_exact=True, has_nested=False)
    schema: Schema = {}
    tree = _resolve_tables(_lower_names(statement.tree.copy()), lookup, schema)
    try:
        return _follow(tree, schema)
    except (SqlglotError, RecursionError, KeyError, ValueError, AttributeError, TypeError):
        # sqlglot's optimizer does not know all of Athena's SQL; that is a reason to estimate more, and not to fail.
        return Reads(tuple(_whole_tables(tree, schema)), is_exact=False, has_nested=True)


def _resolve_tables(tree: Any, lookup: Lookup, schema: Schema, depth: int = 0) -> Any:
    """Note the columns of every table in `schema`; put the statement of a view in the view's place."""
    from sqlglot import exp

    for node in list(_tables_of(tree)):
        if not _is_data(node):
            continue
        relation = lookup(node.db, node.name)
        if relation.view is None:
            schema.setdefault(node.db, {})[node.name] = dict(relation.columns)
            continue
        if depth > 20:
            raise QueryError(f"the view {node.db}.{node.name} reads itself")
        inner = _lower_names(parse_query(relation.view))
        # The tables of a view without a database are in the one that it was made in.
        list(_tables_of(inner, default=relation.view_database))
        inner = _resolve_tables(inner, lookup, schema, depth + 1)
        alias = node.args.get("alias") or exp.TableAlias(this=_identifier(node.name))
        node.replace(exp.Subquery(this=inner, alias=alias))
    return tree


def _tables_of(tree: Any, *, default: str = "default") -> Iterator[Any]:
    """The tables that are named, but for those of a `with`; each with its database, which may be the default."""
    from sqlglot import exp

    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        if not node.db and node.name in own:
            continue
        if node.catalog not in ("", CATALOG):
            raise QueryError(f"{node.catalog} is another data catalog", hint="name tables as <domain>.<product>")
        node.set("catalog", None)
        if not node.db:
            node.set("db", _identifier(default))
        yield node


def _lower_names(tree: Any) -> Any:
    """Quoted or not, Athena's names are in lower case."""
    from sqlglot import exp

    for name in tree.find_all(exp.Identifier):
        name.set("this", name.name.lower())
    return tree


def _is_data(node: Any) -> bool:
    """Whether the table has rows in S3: what Athena tells of tables has none."""
    return node.db != "information_schema" and "$" not in node.name


def _follow(tree: Any, schema: Schema) -> Reads:
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.eliminate_ctes import eliminate_ctes
    from sqlglot.optimizer.pushdown_predicates import pushdown_predicates
    from sqlglot.optimizer.pushdown_projections import pushdown_projections
    from sqlglot.optimizer.qualify import qualify

    tree = qualify(tree.copy(), schema=schema, dialect=ATHENA, db="default")
    typed = annotate_types(tree.copy(), schema=schema, dialect=ATHENA)
    tree = eliminate_ctes(pushdown_predicates(pushdown_projections(tree), dialect=ATHENA))
    return Reads(tuple(_scoped_tables(tree)), is_exact=True, has_nested=_may_be_nested(typed))


def _scoped_tables(tree: Any) -> Iterator[TableRead]:
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    scopes = traverse_scope(tree)
    times = _count_uses(scopes)
    columns: dict[int, set[str]] = {}
    for scope in scopes:
        for name, source in scope.sources.items():
            if isinstance(source, exp.Table):
                columns.setdefault(id(source), set()).update(c.name for c in scope.columns if c.table == name)
    for scope in scopes:
        for name, (_, source) in scope.selected_sources.items():
            if isinstance(source, exp.Table) and _is_data(source):
                wanted = _wanted_values(scope.expression, name)
                yield TableRead(source.db, source.name, frozenset(columns[id(source)]), wanted, times[id(scope)])


def _count_uses(scopes: list[Any]) -> Counter[int]:
    """How often each scope is run: Trino runs what stands in a `with` anew wherever it is named."""
    uses: Counter[int] = Counter()
    # From the outside in: all that name a scope come before it.
    for scope in reversed(scopes):
        if scope.is_root:
            uses[id(scope)] = 1
        elif not scope.is_cte:
            uses[id(scope)] = uses[id(scope.parent)]
        for _, source in scope.selected_sources.values():
            if getattr(source, "is_cte", False) and source is not scope:
                uses[id(source)] += uses[id(scope)]
    return uses


def _wanted_values(select: Any, name: str) -> dict[str, frozenset[str]]:
    """Which values a select wants of a table's columns: `column = value` and `column in (values)`."""
    wanted: dict[str, frozenset[str]] = {}
    for condition in _conditions(select, name):
        column, values = _column_and_values(condition)
        if column is not None and column.table == name:
            wanted[column.name] = wanted.get(column.name, values) & values
    return wanted


def _conditions(select: Any, name: str) -> Iterator[Any]:
    """The conditions that every row of a table has to meet."""
    where = select.args.get("where")
    if where:
        yield from where.this.flatten() if _is_and(where.this) else (where.this,)
    for join in select.args.get("joins") or ():
        # An outer join keeps the rows of one side, whatever the condition says.
        meets = join.side in ("", "LEFT") if join.this.alias_or_name == name else join.side == ""
        condition = join.args.get("on")
        if condition is not None and meets:
            yield from condition.flatten() if _is_and(condition) else (condition,)


def _is_and(node: Any) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.And)


def _column_and_values(condition: Any) -> tuple[Any, frozenset[str]]:
    from sqlglot import exp

    condition = condition.unnest()
    if isinstance(condition, exp.EQ):
        sides = sorted((condition.this, condition.expression), key=lambda side: not isinstance(side, exp.Column))
        column, literals = sides[0], [sides[1]]
    elif isinstance(condition, exp.In):
        column, literals = condition.this, condition.expressions
    else:
        return None, frozenset()
    if not isinstance(column, exp.Column) or not literals or not all(isinstance(v, exp.Literal) for v in literals):
        return None, frozenset()
    return column, frozenset(v.this for v in literals)


def _whole_tables(tree: Any, schema: Schema) -> Iterator[TableRead]:
    for node in _tables_of(tree):
        if _is_data(node):
            yield TableRead(node.db, node.name, frozenset(schema[node.db][node.name]), {})


def _may_be_nested(typed: Any) -> bool:
    from sqlglot import exp

    plain = {*exp.DataType.NUMERIC_TYPES, *exp.DataType.TEXT_TYPES, *exp.DataType.TEMPORAL_TYPES, exp.DType.BOOLEAN}
    types: Iterable[Any] = [selected.type for selected in getattr(typed, "selects", ())]
    return not types or any(kind is None or kind.this not in plain for kind in types)


def _identifier(name: str) -> Any:
    from sqlglot import exp

    return exp.to_identifier(name)
