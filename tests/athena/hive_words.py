"""The words of a Hive statement, one after the other."""

from __future__ import annotations

import re

_WORD = re.compile(
    r"""\s+ | --[^\n]*
    | (?P<text>'(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.)*")
    | `(?P<quoted>(?:[^`]|``)+)`
    | (?P<word>[A-Za-z_0-9][A-Za-z_0-9]*)
    | (?P<sign>[^\s])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"''|\\(?:u([0-9A-Fa-f]{4})|([0-3][0-7]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class HiveError(Exception):
    """Why a statement of DDL failed, in Athena's words."""


class Words:
    """A statement read from left to right; `where` is the first word of an error."""

    def __init__(self, sql: str) -> None:
        self._words = [(m.lastgroup or "", m[m.lastgroup]) for m in _WORD.finditer(sql) if m.lastgroup]
        self._place = 0

    def accept(self, *words: str) -> bool:
        """Whether these words come next; if so, they are passed."""
        following = self._words[self._place : self._place + len(words)]
        if [text.lower() if kind in ("word", "sign") else None for kind, text in following] != list(words):
            return False
        self._place += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Pass these words, or raise HiveError."""
        if not self.accept(*words):
            raise self.refuse(f"missing {' '.join(words).upper()}")

    def name(self) -> str:
        """Pass a name, with or without back-quotes; give it in lower case."""
        kind, text = self._next()
        if kind == "quoted":
            return text.replace("``", "`").lower()
        if kind != "word":
            raise self.refuse("cannot recognize input: a name is missing", back=1)
        return text.lower()

    def text(self) -> str:
        """Pass a text in quotes; give what it stands for."""
        kind, text = self._next()
        if kind != "text":
            raise self.refuse("cannot recognize input: a text is missing", back=1)
        return _ESCAPE.sub(_unescape, text[1:-1])

    def value(self) -> str:
        """Pass a text in quotes or a whole number; give its text."""
        if self._place < len(self._words) and self._words[self._place][0] == "text":
            return self.text()
        return ("-" if self.accept("-") else "") + self.number()

    def number(self) -> str:
        """Pass a whole number."""
        kind, text = self._next()
        if kind != "word" or not text.isdigit():
            raise self.refuse("cannot recognize input: a number is missing", back=1)
        return text

    def done(self) -> bool:
        """Whether nothing follows."""
        return self._place >= len(self._words)

    def end(self) -> None:
        """Raise HiveError where something follows."""
        if not self.done():
            raise self.refuse("extraneous input")

    def refuse(self, why: str, *, back: int = 0) -> HiveError:
        """The error for the word that comes next; its text is not shown, as it may be data."""
        return HiveError(f"FAILED: ParseException line 1: word {self._place - back + 1}: {why}")

    def _next(self) -> tuple[str, str]:
        if self.done():
            raise self.refuse("unexpected end of the statement")
        self._place += 1
        return self._words[self._place - 1]


def _unescape(found: re.Match[str]) -> str:
    if found[0] == "''":
        return "'"
    if found[1] or found[2]:
        return chr(int(found[1], 16)) if found[1] else chr(int(found[2], 8))
    return _ESCAPED.get(found[3], found[3])
