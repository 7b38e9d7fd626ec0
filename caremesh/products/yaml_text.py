"""Reads YAML as people write it: every scalar is the text that stands there, and every place has its line.

YAML 1.1 reads `NO`, `on`, `0o7`, `1_000` and `12:30` as booleans and numbers, and so do its loaders. Here nothing is
converted: whoever knows what a value is for (the model of a contract, the type of a column) reads the text. A scalar
without quotes is a `PlainText`, so that `null` can be told from `'null'` where that matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

Place: TypeAlias = tuple[str | int, ...]
"""The way from the top of a document to a value: keys of mappings, numbers in lists."""

_MOST_VALUES = 100_000
"""Of one document; more of them only come of aliases that repeat each other."""
_NULLS = ("", "~", "null", "Null", "NULL")


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
    """Read a document; what is wrong with it is told in `flaws`, and where it is no YAML at all, `value` is None."""
    document = YamlText()
    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        document.flaws.append(_syntax_flaw(error, text))
        return document
    if root is not None:
        document.value = _Builder(document).build(root, (), ())
    return document


def drop_nulls(value: Any) -> Any:
    """A document in which None stands where a key has no value; what stands in a list stays the text it is."""
    if isinstance(value, dict):
        return {key: None if _is_null(inner) else drop_nulls(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [drop_nulls(inner) for inner in value]
    return value


def _is_null(value: Any) -> bool:
    return isinstance(value, PlainText) and value.is_null


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
    """Makes values out of nodes, and notes the line of each."""

    def __init__(self, document: YamlText) -> None:
        self._document = document

    def build(self, node: yaml.Node, path: Place, above: tuple[int, ...]) -> Any:
        """The value of a node; `above` are the nodes that it is part of, which it must not contain."""
        lines = self._document.lines
        if id(node) in above or len(lines) >= _MOST_VALUES:
            self._flaw(node, "an alias repeats what it is part of", hint="write the values out")
            return None
        lines[path] = node.start_mark.line + 1
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._flaw(node, f"the tag {node.tag} means nothing here", hint="remove the tag")
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), inside) for index, item in enumerate(node.value)]
        is_quoted = isinstance(node, yaml.ScalarNode) and bool(node.style)
        return str(node.value) if is_quoted else PlainText(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Place, above: tuple[int, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._flaw(key, "a key is not a plain text", hint="write keys as words")
            elif key.value == "<<" and not key.style:
                merged = self.build(value, (*path, "<<"), above)
                made = {k: v for part in reversed(_as_list(merged)) for k, v in part.items()} | made
            elif key.value in first:
                words = f"{key.value!r} stands twice, first in line {first[key.value]}"
                self._flaw(key, words, hint="keep one of the two")
            else:
                first[key.value] = key.start_mark.line + 1
                made[str(key.value)] = self.build(value, (*path, key.value), above)
                self._document.lines[(*path, key.value)] = first[key.value]
        return made

    def _flaw(self, node: yaml.Node, message: str, *, hint: str) -> None:
        mark = node.start_mark
        self._document.flaws.append(Flaw(message, mark.line + 1, mark.column + 1, hint))


def _as_list(merged: Any) -> list[dict[str, Any]]:
    parts = merged if isinstance(merged, list) else [merged]
    return [part for part in parts if isinstance(part, dict)]
