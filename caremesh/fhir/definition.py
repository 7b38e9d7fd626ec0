"""The JSON form of a ViewDefinition, checked at the edge: https://sql-on-fhir.org/ig/StructureDefinition-ViewDefinition.html."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from caremesh.errors import ViewError
from caremesh.fhir.types import suggest

# Both spellings are in use: the plain token since 3.0.0, the URL before.
RESOURCE_TYPES = ("ViewDefinition", "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition")

Name = Annotated[StrictStr, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Path = Annotated[StrictStr, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TagDefinition(_Part):
    """A hint for one kind of implementation, such as `ansi/type`."""

    name: StrictStr
    value: StrictStr


class ColumnDefinition(_Part):
    """One output column."""

    name: Name
    path: Path
    type: StrictStr | None = None
    collection: StrictBool = False
    description: StrictStr | None = None
    tag: tuple[TagDefinition, ...] = ()


class SelectDefinition(_Part):
    """Columns, and the iteration that they stand below."""

    column: tuple[ColumnDefinition, ...] = ()
    select: tuple[SelectDefinition, ...] = ()
    forEach: Path | None = None
    forEachOrNull: Path | None = None
    repeat: tuple[Path, ...] = ()
    unionAll: tuple[SelectDefinition, ...] = ()

    @model_validator(mode="after")
    def _one_iteration(self) -> SelectDefinition:
        stated = [n for n in ("forEach", "forEachOrNull", "repeat") if getattr(self, n)]
        if len(stated) > 1:
            raise ValueError(f"{' and '.join(stated)} stand in one select; keep one of them")
        return self


class WhereDefinition(_Part):
    """A condition that a resource must meet to give rows."""

    path: Path
    description: StrictStr | None = None


class ConstantDefinition(BaseModel):
    """A value that paths use as `%name`; stands in JSON as `valueString`, `valueInteger` …"""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name

    @property
    def value(self) -> tuple[str, Any]:
        """The FHIR type as written after `value` (`String`), and the value."""
        ((key, value),) = (self.model_extra or {}).items()
        return key.removeprefix("value"), value

    @model_validator(mode="after")
    def _one_value(self) -> ConstantDefinition:
        keys = sorted(self.model_extra or {})
        if len(keys) != 1 or not keys[0].startswith("value"):
            raise ValueError(f"a constant needs one value[x], such as valueString; found {', '.join(keys) or 'none'}")
        return self


class ViewDefinition(_Part):
    """A whole ViewDefinition; what only describes it is accepted and not used."""

    resource: StrictStr
    select: Annotated[tuple[SelectDefinition, ...], Field(min_length=1)]
    where: tuple[WhereDefinition, ...] = ()
    constant: tuple[ConstantDefinition, ...] = ()
    resourceType: StrictStr | None = None
    id: Any = None
    meta: Any = None
    implicitRules: Any = None
    language: Any = None
    text: Any = None
    contained: Any = None
    extension: Any = None
    url: Any = None
    identifier: Any = None
    version: Any = None
    name: Any = None
    title: Any = None
    status: Any = None
    experimental: Any = None
    date: Any = None
    publisher: Any = None
    contact: Any = None
    description: Any = None
    useContext: Any = None
    jurisdiction: Any = None
    purpose: Any = None
    copyright: Any = None
    copyrightLabel: Any = None
    fhirVersion: Any = None
    profile: Any = None

    @model_validator(mode="after")
    def _is_a_view(self) -> ViewDefinition:
        if self.resourceType not in (None, *RESOURCE_TYPES):
            raise ValueError(f"resourceType is {self.resourceType!r}; write {RESOURCE_TYPES[0]!r}")
        return self


def read_definition(text: str, *, where: str) -> ViewDefinition:
    """Parse and check the JSON of a view; raise ViewError with the JSON path of the first thing that is wrong."""
    try:
        return ViewDefinition.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        # A misspelt key is the better news than the key that is missing because of it.
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        if first["type"] == "json_invalid":
            raise ViewError(f"not valid JSON: {first['msg']}", where=where) from None
        path = json_path(first["loc"])
        raise ViewError(_message(first), where=f"{where}: {path}", hint=_hint(first)) from None


def json_path(parts: tuple[int | str, ...]) -> str:
    """Write a place inside JSON as `$.select[0].column[2].path`."""
    return "$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts)


def _message(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"{error['loc'][-1]!r} is no key of this object"
    if error["type"] == "missing":
        return f"{error['loc'][-1]!r} is missing"
    return str(error["msg"]).removeprefix("Value error, ")


def _hint(error: Any) -> str | None:
    if error["type"] != "extra_forbidden":
        return None
    holder = [p for p in error["loc"][:-1] if isinstance(p, str)]
    kinds: dict[str, type[BaseModel]] = {
        "column": ColumnDefinition,
        "tag": TagDefinition,
        "where": WhereDefinition,
        "select": SelectDefinition,
        "unionAll": SelectDefinition,
    }
    kind = kinds.get(holder[-1], ViewDefinition) if holder else ViewDefinition
    return suggest(str(error["loc"][-1]), kind.model_fields)
