"""Which statements `caremesh query` sends to Athena: parsed with sqlglot, and refused unless they are known to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from caremesh.errors import QueryError

ATHENA = "athena"

_ONE = 'one "select …", "show …", "describe …" or "explain …"'
_LOOKING = ("SHOW", "DESCRIBE", "DESC")
_PART = r"""(?:[\w$]+|"[^"]*"|`[^`]*`)"""
_NAME = rf"{_PART}(?:\s*\.\s*{_PART})*"
_LIKE = r"(?:\s+like)?\s*'[^']*'"
# What Athena shows of its catalog. https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
_LOOKS = re.compile(
    rf"""show\s+(?:
        (?:databases|schemas)(?:{_LIKE})?
        | (?:tables|views)(?:\s+(?:in|from)\s+{_NAME})?(?:{_LIKE})?
        | columns\s+(?:in|from)\s+{_NAME}(?:\s+(?:in|from)\s+{_NAME})?
        | partitions\s+{_NAME}
        | create\s+(?:table|view)\s+{_NAME}
        | tblproperties\s+{_NAME}(?:\s*\(\s*'[^']*'\s*\))?
    )
    | desc(?:ribe)?\s+(?:(?:extended|formatted)\s+)?{_NAME}(?:\s+{_NAME})?""",
    re.IGNORECASE | re.VERBOSE,
)
_EXPLAIN = re.compile(
    r"""explain\b
    (?P<analyze>\s+analyze\b(?:\s+verbose\b)?)?
    (?:\s*\(\s*(?:type|format)\s+\w+(?:\s*,\s*(?:type|format)\s+\w+)*\s*\))?\s*""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Statement:
    """One statement that only reads: its text, and its tree where running it reads tables."""

    text: str
    tree: Any = None
    is_looking: bool = False


def read_statement(sql: str) -> Statement:
    """Take one statement that only reads; raise QueryError for everything else."""
    from sqlglot.errors import SqlglotError

    hush("sqlglot")
    try:
        text, first = _only_statement(sql)
        if first == "EXPLAIN":
            return _read_explain(text)
        return _read_look(text) if first in _LOOKING else Statement(text, parse_query(text))
    except SqlglotError as error:
        raise QueryError(_plain_words(error), hint=_ONE) from None


def _only_statement(sql: str) -> tuple[str, str]:
    """The one statement in a text, without comments and semicolons around it, and its first word."""
    from sqlglot import TokenType

    tokens = _tokens(sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens or any(t.token_type == TokenType.SEMICOLON for t in tokens):
        raise QueryError("not one statement that only reads", hint=_ONE)
    return sql[tokens[0].start : tokens[-1].end + 1], tokens[0].text.upper()


def _read_explain(text: str) -> Statement:
    """An `explain` of a query. Only `explain analyze` runs it, and reads its tables."""
    explain = _EXPLAIN.match(text)
    if explain is None:
        raise QueryError("this form of explain is not known", hint=_ONE)
    tree = parse_query(text[explain.end() :])
    return Statement(text, tree if explain["analyze"] else None, is_looking=True)


def _read_look(text: str) -> Statement:
    if not _LOOKS.fullmatch(text):
        raise QueryError("not a form of show or describe that only reads", hint=_ONE)
    return Statement(text, is_looking=True)


def parse_query(text: str) -> Any:
    """The tree of a query; raise QueryError where it does more than read tables, SqlglotError where it is none."""
    import sqlglot
    from sqlglot import exp

    (tree,) = sqlglot.parse(text, dialect=ATHENA)
    is_query = isinstance(tree, exp.Query | exp.Values)
    if tree is None or not is_query or tree.find(exp.DML, exp.DDL, exp.Into, exp.Command) not in (None, tree):
        raise QueryError("not one statement that only reads", hint=_ONE)
    if any(not isinstance(table.this, exp.Identifier) for table in tree.find_all(exp.Table)):
        # Functions that give a table may ask any system that Athena reaches.
        raise QueryError("a function may not be read from: a query reads the tables of the lake", hint=_ONE)
    return tree


def _tokens(sql: str) -> list[Any]:
    from sqlglot import Dialect

    # Athena's own tokens in sqlglot hold marks for its two parsers, which Trino's do not.
    return list(Dialect.get_or_raise("trino").tokenize(sql))


def hush(library: str) -> None:
    """Let a library that logs have nobody who prints it: what matters it also raises."""
    import logging

    logger = logging.getLogger(library)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _plain_words(error: Exception) -> str:
    """The parser's message without the marks for terminals and the quoted statement."""
    return str(error).partition("\n")[0].strip()
