"""The JSON form of a ViewDefinition, checked at the edge: https://sql-on-fhir.org/ig/StructureDefinition-ViewDefinition.html.

Checked by hand: to import a validation library takes a tenth of what flattening 200 MB takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, NoReturn, TypeVar

from caremesh.errors import ViewError
from caremesh.fhir.types import suggest

# Both spellings are in use: the plain token since 3.0.0, the URL before.
RESOURCE_TYPES = ("ViewDefinition", "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition")

# What describes a view is accepted and not used.
# fmt: off
DESCRIPTIVE = (
    "id", "meta", "implicitRules", "language", "text", "contained", "extension", "url", "identifier", "version", "name",
    "title", "status", "experimental", "date", "publisher", "contact", "description", "useContext", "jurisdiction",
    "purpose", "copyright", "copyrightLabel", "fhirVersion", "profile",
)
# fmt: on

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class TagDefinition:
    """A hint for one kind of implementation, such as `ansi/type`."""

    name: str
    value: str


@dataclass(frozen=True)
class ColumnDefinition:
    """One output column."""

    name: str
    path: str
    type: str | None = None
    collection: bool = False
    description: str | None = None
    tag: tuple[TagDefinition, ...] = ()


@dataclass(frozen=True)
class SelectDefinition:
    """Columns, and the iteration that they stand below."""

    column: tuple[ColumnDefinition, ...] = ()
    select: tuple[SelectDefinition, ...] = ()
    forEach: str | None = None
    forEachOrNull: str | None = None
    repeat: tuple[str, ...] = ()
    unionAll: tuple[SelectDefinition, ...] = ()


@dataclass(frozen=True)
class WhereDefinition:
    """A condition that a resource must meet to give rows."""

    path: str
    description: str | None = None


@dataclass(frozen=True)
class ConstantDefinition:
    """A value that paths use as `%name`; its `kind` stands in JSON after `value`, as in `valueString`."""

    name: str
    kind: str
    value: Any


@dataclass(frozen=True)
class ViewDefinition:
    """A whole ViewDefinition, without what only describes it."""

    resource: str
    select: tuple[SelectDefinition, ...]
    where: tuple[WhereDefinition, ...] = ()
    constant: tuple[ConstantDefinition, ...] = ()
    resourceType: str | None = None


def read_definition(text: str, *, where: str) -> ViewDefinition:
    """Parse and check the JSON of a view; raise ViewError with the JSON path of the first thing that is wrong."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ViewError(f"not valid JSON: {error}", where=where) from None
    try:
        return _object(ViewDefinition)(found, "$")
    except _Refused as refused:
        raise ViewError(refused.message, where=f"{where}: {refused.place}", hint=refused.hint) from None


class _Refused(Exception):
    def __init__(self, message: str, place: str, hint: str | None) -> None:
        self.message, self.place, self.hint = message, place, hint


Part = TypeVar("Part")
Check = Callable[[Any, str], Any]


def _refuse(message: str, place: str, hint: str | None = None) -> NoReturn:
    raise _Refused(message, place, hint)


def _object(kind: type[Part]) -> Callable[[Any, str], Part]:
    """A check for a JSON object of this kind: its keys, its values, and what must hold between them."""

    def check(value: Any, place: str) -> Part:
        if not isinstance(value, dict):
            _refuse("an object is due", place)
        checks = CHECKS[kind]
        known = [*checks, *(DESCRIPTIVE if kind is ViewDefinition else ())]
        # A misspelt key is the better news than the key that is missing because of it.
        for key in value:
            if key not in known:
                _refuse(f"{key!r} is no key of this object", f"{place}.{key}", suggest(key, known))
        stated = {key: value[key] for key in checks if value.get(key) is not None}
        for field in fields(kind):  # type: ignore[arg-type]
            if field.default is MISSING and field.name not in stated:
                _refuse(f"{field.name!r} is missing", f"{place}.{field.name}")
        found = kind(**{key: checks[key](item, f"{place}.{key}") for key, item in stated.items()})
        if isinstance(found, SelectDefinition):
            _check_iteration(found, place)
        return found

    return check


def _check_iteration(select: SelectDefinition, place: str) -> None:
    stated = [n for n in ("forEach", "forEachOrNull", "repeat") if getattr(select, n)]
    if len(stated) > 1:
        _refuse(f"{' and '.join(stated)} stand in one select; keep one of them", place)


def _constant(value: Any, place: str) -> ConstantDefinition:
    if not isinstance(value, dict):
        _refuse("an object is due", place)
    if "name" not in value:
        _refuse("'name' is missing", f"{place}.name")
    keys = sorted(value.keys() - {"name"})
    if len(keys) != 1 or not keys[0].startswith("value"):
        _refuse(f"a constant needs one value[x], such as valueString; found {', '.join(keys) or 'none'}", place)
    name = _name(value["name"], f"{place}.name")
    return ConstantDefinition(name=name, kind=keys[0].removeprefix("value"), value=value[keys[0]])


def _list(check: Check, *, least: int = 0) -> Check:
    def checked(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            _refuse("a list is due", place)
        if len(value) < least:
            _refuse("the list is empty", place)
        return tuple(check(item, f"{place}[{number}]") for number, item in enumerate(value))

    return checked


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        _refuse("a text is due", place)
    return value


def _path(value: Any, place: str) -> str:
    return _text(value, place) or _refuse("the path is empty", place)


def _name(value: Any, place: str) -> str:
    if not NAME.fullmatch(_text(value, place)):
        _refuse(f"{value!r} is no name: letters, digits and _ are, after a letter", place)
    return str(value)


def _flag(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        _refuse("true or false is due", place)
    return value


def _resource_type(value: Any, place: str) -> str:
    if value not in RESOURCE_TYPES:
        _refuse(f"resourceType is {value!r}; write {RESOURCE_TYPES[0]!r}", place)
    return str(value)


CHECKS: Mapping[type, Mapping[str, Check]] = {
    TagDefinition: {"name": _text, "value": _text},
    ColumnDefinition: {
        "name": _name,
        "path": _path,
        "type": _text,
        "collection": _flag,
        "description": _text,
        "tag": _list(_object(TagDefinition)),
    },
    SelectDefinition: {
        "column": _list(_object(ColumnDefinition)),
        "select": _list(_object(SelectDefinition)),
        "forEach": _path,
        "forEachOrNull": _path,
        "repeat": _list(_path),
        "unionAll": _list(_object(SelectDefinition)),
    },
    WhereDefinition: {"path": _path, "description": _text},
    ViewDefinition: {
        "resource": _text,
        "select": _list(_object(SelectDefinition), least=1),
        "where": _list(_object(WhereDefinition)),
        "constant": _list(_constant),
        "resourceType": _resource_type,
    },
}
