"""Reads YAML as people write it: every scalar is the text as written, and every place has its line.

YAML 1.1 reads `NO`, `on`, `0o7`, `1_000` and `12:30` as booleans and numbers, and so do its loaders. Here nothing is
converted: the code that knows what a value is for (the model of a contract, the type of a column) reads the text. A
scalar without quotes is a `PlainText`, so that `null` can be told from `'null'` where that matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Place: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to a value: keys of mappings, numbers in lists."""

_MOST_VALUES = 100_000
"""Of one document; more of them only come of aliases that repeat each other."""
_MOST_DEEP = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
# All but tab, line feed and carriage return; YAML takes them where they are escaped: "\0".
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class PlainText(str):
    """A scalar that was written without quotes."""

    __slots__ = ()

    @property
    def is_null(self) -> bool:
        """Whether YAML means "nothing" by it."""
        return self in _NULLS


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a text as YAML; `line` and `column` count from 1."""

    message: str
    line: int
    column: int
    hint: str | None = None


@dataclass
class YamlText:
    """A document: dicts, lists and texts, the line of each, and what is wrong with it."""

    value: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def line_of(self, path: Sequence[str | int]) -> int | None:
        """The line of a value, else that of the nearest one above it, short of the document itself."""
        steps = tuple(path)
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines[steps] if steps else None


def read_yaml(text: str) -> YamlText:
    """Read a document; `flaws` says what is wrong with it, and `value` is None where it cannot be read at all."""
    document = YamlText()
    try:
        # Before it is composed: that calls itself for each level, and would run out of stack.
        document.flaws += _depth_flaws(text)
        root = None if document.flaws else yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        document.flaws.append(_syntax_flaw(error, text))
        return document
    if root is not None:
        builder = _Builder(document)
        built = builder.build(root, (), ())
        document.value = None if builder.is_full else built
    return document


def drop_nulls(value: Any) -> Any:
    """The document with None for each key that has no value; the values of a list stay the texts they are."""
    if isinstance(value, dict):
        return {key: None if _is_null(inner) else drop_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [drop_nulls(inner) for inner in value]
    return value


def _is_null(value: Any) -> bool:
    return isinstance(value, PlainText) and value.is_null


def _depth_flaws(text: str) -> list[Flaw]:
    depth = 0
    events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEEP:
            mark = event.start_mark
            return [
                Flaw(f"nested more than {_MOST_DEEP} levels deep", mark.line + 1, mark.column + 1, "close a bracket")
            ]
    return []


def _syntax_flaw(error: yaml.YAMLError, text: str) -> Flaw:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        words = ", ".join(
            str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part
        )
        return Flaw(f"not valid YAML: {words}", mark.line + 1, mark.column + 1)
    # A character that YAML does not allow: the error knows its place in the text, and quotes nothing else.
    before = text[: getattr(error, "position", 0)]
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Flaw(f"not valid YAML: {getattr(error, 'reason', error)}", before.count("\n") + 1, column)


class _Builder:
    """Makes values out of nodes, and notes the line of each; `is_full` once there are too many of them."""

    def __init__(self, document: YamlText) -> None:
        self._document = document
        self.is_full = False

    def build(self, node: yaml.Node, path: Place, above: tuple[int, ...]) -> Any:
        """The value of a node; `above` are the nodes that it is part of, which it must not contain."""
        if not self._can_hold(node, above):
            return None
        self._document.lines[path] = node.start_mark.line + 1
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._flaw(node, f"the tag {node.tag} means nothing here", hint="remove the tag")
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), inside) for index, item in enumerate(node.value)]
        if found := _CONTROL.search(node.value):
            self._flaw(node, f"holds the control character {found[0]!r}", hint="remove it")
        is_quoted = isinstance(node, yaml.ScalarNode) and bool(node.style)
        return str(node.value) if is_quoted else PlainText(node.value)

    def _can_hold(self, node: yaml.Node, above: tuple[int, ...]) -> bool:
        if self.is_full:
            return False
        if id(node) in above:
            self._flaw(node, "an alias repeats what it is part of", hint="write the values out")
            return False
        if len(self._document.lines) >= _MOST_VALUES:
            self.is_full = True
            words = f"more than {_MOST_VALUES:,} values, those of aliases counted each time"
            self._flaw(node, words, hint="write out what the aliases repeat, and leave the rest away")
            return False
        return True

    def _mapping(self, node: yaml.MappingNode, path: Place, above: tuple[int, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._flaw(key, "a key is not a plain text", hint="write keys as words")
            elif key.value in first:
                words = f"{key.value!r} is repeated, first in line {first[key.value]}"
                self._flaw(key, words, hint="keep one of the two")
            elif key.value == "<<" and not key.style:
                first["<<"] = key.start_mark.line + 1
                made = self._merged(value, (*path, "<<"), above) | made
            else:
                first[key.value] = key.start_mark.line + 1
                made[str(key.value)] = self.build(value, (*path, key.value), above)
                self._document.lines[(*path, key.value)] = first[key.value]
        return made

    def _merged(self, node: yaml.Node, path: Place, above: tuple[int, ...]) -> dict[str, Any]:
        """What `<<` merges into a mapping: another one or a list of them, of which the first counts most."""
        built = self.build(node, path, above)
        parts = built if isinstance(built, list) else [built]
        if not all(part is None or isinstance(part, dict) for part in parts):
            self._flaw(node, "<< does not name a mapping", hint="<<: *name, where &name marks a mapping")
        return {k: v for part in reversed(parts) if isinstance(part, dict) for k, v in part.items()}

    def _flaw(self, node: yaml.Node, message: str, *, hint: str) -> None:
        mark = node.start_mark
        self._document.flaws.append(Flaw(message, mark.line + 1, mark.column + 1, hint))
