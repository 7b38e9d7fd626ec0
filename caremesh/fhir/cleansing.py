"""A line without what belongs to a person: gone where the line is hers, else rid of all that names her.

Of a line that stays, the rest stays as it is, digits of numbers included. A reference, identifier or embedded resource
that is hers goes; with a reference the element of the list that it stands in, since the rest of that is about her too
(when she was a member of a group, in which role she took part). A text that names her goes as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from caremesh.fhir.belongings import Belongings, Key, is_reference, read_identifier, read_reference
from caremesh.fhir.lossless import Number, read_json, write_json

_MARK = "\ufeff"
_ID = re.compile(r'"id"\s*:\s*"([^"]*)"')
_GONE = object()


@dataclass(frozen=True)
class Cleansed:
    """What became of a line. `dropped` are the texts by which rows that were made of it may still tell of her."""

    outcome: Literal["same", "removed", "scrubbed"]
    text: str = ""
    key: Key | None = None
    dropped: frozenset[str] = frozenset()


SAME = Cleansed("same")
REMOVED = Cleansed("removed")


def cleanse(
    line: str, resource_type: str, belongings: Belongings, *, contested: Collection[Key] = frozenset()
) -> Cleansed:
    """Judge a line (without its end) of a file of that type; `contested` are resources that became somebody else's."""
    if not belongings.may_be_in(line):
        return SAME
    resource = parse_resource(line)
    if resource is None:
        return REMOVED if _is_named_in_fragment(line, resource_type, belongings) else SAME
    kind, name = resource.get("resourceType"), resource.get("id")
    keys = {(kind, name), (resource_type, name)}
    if keys & belongings.keys:
        return REMOVED
    is_bundle = kind == "Bundle"
    if not is_bundle and not keys & set(contested) and belongings.whose(resource) == "hers":
        return REMOVED
    scrub = _Scrub(belongings)
    left = scrub.resource(resource)
    if is_bundle and resource.get("entry") and not left.get("entry"):
        return REMOVED
    if left == resource and not belongings.are_named_in(_without_id(line, name)):
        return SAME
    text = (_MARK if line.startswith(_MARK) else "") + write_json(left)
    key = (kind, name) if isinstance(kind, str) and isinstance(name, str) else None
    return Cleansed("scrubbed", text, key, frozenset(scrub.dropped))


def parse_resource(line: str) -> dict[str, Any] | None:
    """The JSON object in a line; None where there is none."""
    try:
        value = read_json(line.removeprefix(_MARK))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def embedded_resources(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources in the entries of a Bundle."""
    entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    for entry in entries if isinstance(entries, list) else ():
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            yield inner


def _without_id(line: str, name: Any) -> str:
    """A line but for the resource's own id, which another type's resource may share with hers."""
    return line.replace(f'"{name}"', "", 1) if isinstance(name, str) else line


def _is_named_in_fragment(line: str, resource_type: str, belongings: Belongings) -> bool:
    """Whether a line that is no JSON names her, or looks like a resource of hers."""
    if belongings.are_named_in(line.replace("\\/", "/")):
        return True
    return any((resource_type, found) in belongings.keys for found in _ID.findall(line))


class _Scrub:
    """Takes out of one resource what names a person, and keeps in mind by which texts it did."""

    def __init__(self, belongings: Belongings) -> None:
        self.belongings = belongings
        self.dropped: set[str] = set()

    def resource(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource without what names her; its type and own id stay."""
        is_bundle = resource.get("resourceType") == "Bundle"
        kept: dict[str, Any] = {}
        for name, value in resource.items():
            if name in ("resourceType", "id"):
                kept[name] = value
            elif is_bundle and name == "entry" and isinstance(value, list):
                kept[name] = [left for entry in value if (left := self._entry(entry)) is not _GONE]
            elif (left := self._value(value)) is not _GONE and not self.belongings.are_named_in(name):
                kept[name] = left
        return kept

    def _entry(self, entry: Any) -> Any:
        """An entry of a Bundle goes as a whole where its address, its request or its resource is hers."""
        if not isinstance(entry, dict):
            return self._value(entry)
        request = entry.get("request")
        addresses = (entry.get("fullUrl"), request.get("url") if isinstance(request, dict) else None)
        if any(isinstance(a, str) and self.belongings.are_named_in(a) for a in addresses):
            return _GONE
        inner = entry.get("resource")
        return _GONE if isinstance(inner, dict) and self._is_hers(inner) else self._value(entry)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Number):
            return _GONE if self.belongings.are_named_in(value) else value
        if isinstance(value, list):
            return self._list(value)
        if not isinstance(value, dict):
            return value
        if self._is_hers(value):
            self._drop(value)
            return _GONE
        left = {n: found for n, v in value.items() if (found := self._value(v)) is not _GONE}
        left = {n: v for n, v in left.items() if not self.belongings.are_named_in(n)}
        return _GONE if value and not left else left

    def _list(self, items: list[Any]) -> Any:
        left = []
        for item in items:
            if isinstance(item, dict) and any(self._points_to_her(v) for v in item.values()):
                self._drop(item)
            elif (found := self._value(item)) is not _GONE:
                left.append(found)
        return _GONE if items and not left else left

    def _is_hers(self, value: dict[str, Any]) -> bool:
        """Whether an element is a reference to her, an identifier of hers, or a resource of hers."""
        if self._points_to_her(value) or read_identifier(value) in self.belongings.identifiers:
            return True
        kind = value.get("resourceType")
        if not isinstance(kind, str):
            return False
        return (kind, value.get("id")) in self.belongings.keys or self.belongings.whose(value) == "hers"

    def _points_to_her(self, value: Any) -> bool:
        if not isinstance(value, dict) or not is_reference(value):
            return False
        target = read_reference(value)
        stated = value.get("reference")
        is_named = isinstance(stated, str) and self.belongings.are_named_in(stated)
        logical = read_identifier(value.get("identifier")) in self.belongings.identifiers
        return is_named or logical or (target is not None and self.belongings.own(target))

    def _drop(self, value: Any) -> None:
        """Keep in mind the texts of references and identifiers that go."""
        if isinstance(value, list):
            for item in value:
                self._drop(item)
        elif isinstance(value, dict):
            if is_reference(value):
                stated = [value.get("reference"), value.get("display"), (value.get("identifier") or {}).get("value")]
                self.dropped.update(text for text in stated if isinstance(text, str) and text)
                target = read_reference(value)
                self.dropped.update([target.id] if target and target.id else [])
            elif identifier := read_identifier(value):
                self.dropped.add(identifier[1])
            for item in value.values():
                self._drop(item)
