r"""Patterns of contracts, spelled so that DuckDB and Athena match the same texts.

A contract's pattern is RE2's syntax (https://github.com/google/re2/wiki/Syntax), as DuckDB reads it. Athena reads
Java's (https://trino.io/docs/current/functions/regexp.html), and differs without an error: its `$` also matches before
a last line break, its `\s` takes a vertical tab, `[a&&b]` is a cut of two sets to it. What both can say is spelled out
(`$` as `\z`, `\s` as the characters that RE2 means by it, `&` as `\&`); the rest is refused, on either engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb

from caremesh.duckdb_settings import OFFLINE

_TOKEN = re.compile(
    r"""
    (?P<set>\[\^?+(?:\\.|[^\\\]])+\])
  | (?P<repeat>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??)
  | (?P<escape>\\.)
  | (?P<group>\(\?:|\((?!\?)|[)|])
  | (?P<anchor>[\^$])
  | (?P<literal>[^\\(\[])
    """,
    re.VERBOSE | re.DOTALL,
)
_ATOM = r"(?:\\.|[^\\\[])"
_MEMBER = re.compile(rf"(?P<first>{_ATOM})(?:-(?P<last>{_ATOM}))?", re.DOTALL)

_ANCHORS = {"^": r"\A", "$": r"\z", r"\A": r"\A", r"\z": r"\z"}
_CLASSES = {r"\d": "0-9", r"\w": "0-9A-Za-z_", r"\s": r"\t\n\f\r "}
_CONTROLS = (r"\t", r"\n", r"\f", r"\r")
# Each stands for itself once it is escaped, on both engines.
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class NotPortableError(Exception):
    """A pattern is not valid, or the two engines would read it differently; the message quotes the pattern alone."""


def spell_pattern(pattern: str) -> str:
    """Spell a pattern so that both engines read it as RE2 does; raise NotPortableError where that cannot be."""
    spelled = "".join(_tokens(pattern))
    try:
        # RE2 itself says whether it is a pattern at all: Athena would only say so once it reads rows.
        with duckdb.connect(config=OFFLINE) as connection:
            connection.execute("select regexp_matches('', $1)", [spelled])
    except duckdb.Error as error:
        raise NotPortableError(str(error).splitlines()[0]) from None
    return spelled


def _tokens(pattern: str) -> Iterator[str]:
    position, after_anchor = 0, False
    while position < len(pattern):
        found = _TOKEN.match(pattern, position)
        if found is None or (after_anchor and found["repeat"]):
            raise _unlike(pattern[position : position + 3])
        text = found[0]
        yield _spell_set(text) if found["set"] else _spell(text, literal=bool(found["literal"]))
        position, after_anchor = found.end(), text in _ANCHORS


def _spell(text: str, *, literal: bool) -> str:
    if text in _ANCHORS:
        return _ANCHORS[text]
    if text == ".":
        return r"[^\n]"
    if literal:
        return _literal(text)
    if text[0] != "\\" or text in _CONTROLS or text[1] in _PUNCTUATION:
        return text
    if text in _CLASSES:
        return f"[{_CLASSES[text]}]"
    if text.lower() in _CLASSES:
        return f"[^{_CLASSES[text.lower()]}]"
    raise _unlike(text)


def _spell_set(text: str) -> str:
    negated = text.startswith("[^")
    inner = text[2 if negated else 1 : -1]
    members, position = [], 0
    while position < len(inner):
        found = _MEMBER.match(inner, position)
        if found is None or (found["last"] and {"-", *_CLASSES} & {found["first"], found["last"]}):
            raise _unlike(inner[position : position + 3])
        members.append("-".join(_member(end) for end in found.groups() if end))
        position = found.end()
    return f"[{'^' if negated else ''}{''.join(members)}]"


def _member(text: str) -> str:
    if text in _CLASSES:
        return _CLASSES[text]
    if text[0] != "\\":
        return _literal(text)
    if text in _CONTROLS or text[1] in _PUNCTUATION:
        return text
    raise _unlike(text)


def _literal(character: str) -> str:
    return f"\\{character}" if character in _PUNCTUATION else character


def _unlike(part: str) -> NotPortableError:
    return NotPortableError(f"DuckDB and Athena do not read {part!r} alike, or the pattern is not valid")
