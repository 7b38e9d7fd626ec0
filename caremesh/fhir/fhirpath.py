"""FHIRPath text → syntax tree: the part of the grammar that SQL on FHIR uses, and nothing about types.

Grammar: https://hl7.org/fhirpath/N1/grammar.html. Operators that parse but mean nothing here (`|`, `is`, `~` …) are
refused by name, so that a view never means something else than it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

LiteralKind: TypeAlias = OneOf["string", "boolean", "integer", "decimal", "date", "dateTime", "time", "empty"]

# Loosest first; operators of one level bind to the left.
BINARY_LEVELS: tuple[tuple[str, ...], ...] = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "~", "!=", "!~"),
    ("<=", "<", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "-", "&"),
    ("*", "/", "div", "mod"),
)
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<datetime>@(?:T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?
            |\d{4}(?:-\d{2}(?:-\d{2})?)?(?:T(?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)?))
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<string>'(?:[^'\\]|\\u[0-9a-fA-F]{4}|\\.)*')
      | (?P<quoted>`(?:[^`\\]|\\.)*`)
      | (?P<external>%(?:[A-Za-z_][A-Za-z0-9_]*|'[^']*'|`[^`]*`))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<special>\$[A-Za-z]+)
      | (?P<symbol><=|>=|!=|!~|[-+*/&|=~<>().,\[\]{}])""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


class FhirPathError(Exception):
    """The text is no FHIRPath that can be compiled; `position` counts characters from 1."""

    def __init__(self, message: str, *, position: int, hint: str | None = None) -> None:
        """Keep what was found, where, and the next move."""
        super().__init__(message)
        self.message, self.position, self.hint = message, position, hint


@dataclass(frozen=True)
class Literal:
    """A value that stands in the path itself."""

    kind: LiteralKind
    text: str
    position: int


@dataclass(frozen=True)
class External:
    """`%name`: a constant of the view, or `%rowIndex`."""

    name: str
    position: int


@dataclass(frozen=True)
class This:
    """`$this`, or the unwritten start of a path."""

    position: int


@dataclass(frozen=True)
class Member:
    """`base.name`."""

    base: Ast
    name: str
    position: int


@dataclass(frozen=True)
class Call:
    """`base.name(arguments)`."""

    base: Ast
    name: str
    arguments: tuple[Ast, ...]
    position: int


@dataclass(frozen=True)
class Index:
    """`base[index]`."""

    base: Ast
    index: Ast
    position: int


@dataclass(frozen=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Ast
    right: Ast
    position: int


@dataclass(frozen=True)
class Negative:
    """`-operand`."""

    operand: Ast
    position: int


Ast: TypeAlias = Literal | External | This | Member | Call | Index | Binary | Negative


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Ast:
    """Parse one FHIRPath expression; raise FhirPathError where it is not one."""
    parser = _Parser(tuple(_tokens(text)))
    tree = parser.expression(0)
    parser.expect("end", "")
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise FhirPathError(f"{text[at]!r} is not FHIRPath", position=at + 1)
        kind = str(match.lastgroup)
        if kind != "space":
            tokens.append(_Token(kind, match.group(), at + 1))
        at = match.end()
    return [*tokens, _Token("end", "", len(text) + 1)]


class _Parser:
    """Reads tokens from left to right; each method consumes one construct of the grammar."""

    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def sees(self, *texts: str) -> bool:
        return self.next.kind in ("symbol", "name") and self.next.text in texts

    def expect(self, kind: str, text: str) -> _Token:
        if self.next.kind != kind or (text and self.next.text != text):
            found = repr(self.next.text) if self.next.text else "the end"
            raise FhirPathError(f"found {found} where {text or 'the end'!r} is due", position=self.next.position)
        return self.take()

    def expression(self, level: int) -> Ast:
        if level == len(BINARY_LEVELS):
            return self.signed()
        left = self.expression(level + 1)
        while self.sees(*BINARY_LEVELS[level]):
            operator = self.take()
            left = Binary(operator.text, left, self.expression(level + 1), operator.position)
        return left

    def signed(self) -> Ast:
        if not self.sees("+", "-"):
            return self.path()
        sign = self.take()
        operand = self.signed()
        return Negative(operand, sign.position) if sign.text == "-" else operand

    def path(self) -> Ast:
        base = self.term()
        while self.sees(".", "["):
            mark = self.take()
            if mark.text == "[":
                base = Index(base, self.expression(0), mark.position)
                self.expect("symbol", "]")
            else:
                base = self.invocation(base)
        return base

    def term(self) -> Ast:
        token = self.next
        if token.kind in ("name", "quoted") and token.text not in ("true", "false"):
            return self.invocation(This(token.position))
        self.take()
        if token.kind == "special" and token.text == "$this":
            return This(token.position)
        if token.kind == "external":
            return External(token.text[1:].strip("'`"), token.position)
        if token.text == "(":
            inner = self.expression(0)
            self.expect("symbol", ")")
            return inner
        if token.text == "{":
            self.expect("symbol", "}")
            return Literal("empty", "", token.position)
        return _literal(token)

    def invocation(self, base: Ast) -> Ast:
        token = self.take()
        if token.kind == "special" and token.text == "$this":
            return base
        if token.kind not in ("name", "quoted"):
            raise FhirPathError(f"found {token.text!r} where an element is due", position=token.position)
        name = _unescape(token.text[1:-1]) if token.kind == "quoted" else token.text
        if not self.sees("("):
            return Member(base, name, token.position)
        self.take()
        arguments = [] if self.sees(")") else [self.expression(0)]
        while self.sees(","):
            self.take()
            arguments.append(self.expression(0))
        self.expect("symbol", ")")
        return Call(base, name, tuple(arguments), token.position)


def _literal(token: _Token) -> Literal:
    if token.text in ("true", "false"):
        return Literal("boolean", token.text, token.position)
    if token.kind == "string":
        return Literal("string", _unescape(token.text[1:-1]), token.position)
    if token.kind == "number":
        return Literal("integer" if token.text.isdigit() else "decimal", token.text, token.position)
    if token.kind == "datetime":
        text = token.text[1:]
        if text.startswith("T"):
            return Literal("time", text[1:], token.position)
        return Literal("dateTime" if "T" in text else "date", text.removesuffix("T"), token.position)
    found = repr(token.text) if token.text else "the end"
    raise FhirPathError(f"found {found} where a value is due", position=token.position)


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        code = match.group(1)
        return chr(int(code[1:], 16)) if code.startswith("u") and len(code) == 5 else ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replace, text)
