"""Sources, and the id spaces among which an id means one resource: what they are called, and which comes first.

A source is the system that an export comes from. Each is an id space of its own, unless settings join several.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from caremesh.errors import UsageError

SOURCE_COLUMN = "source_id"
"""The column of every product that says from which id space a row comes."""

DEFAULT_SOURCE = "default"
"""What the source of an export is called of which nobody says it."""

LONGEST_NAME = 256

_HEALTHLAKE = re.compile(
    r"https://healthlake(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/datastore/(?P<datastore>[^/]+)(?:/r4)?"
)
_ADDRESS = re.compile(r"(?P<server>https?://[^/]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_EXPORT_FOLDER = re.compile(r"(?P<datastore>.+?)-FHIR_EXPORT-.+")


def canonical_source(stated: str) -> str:
    """The one name of a source, whichever way somebody writes it.

    A data store of HealthLake goes by its id, so that it is the same with and without a manifest
    (https://docs.aws.amazon.com/healthlake/latest/devguide/reference-healthlake-endpoints-quotas.html). Others lose a
    slash at their end, as some write one and some do not.
    """
    address = _ADDRESS.fullmatch(stated)
    whole = address["server"].lower() + address["rest"] if address else stated
    name = whole.rstrip("/") or whole
    healthlake = _HEALTHLAKE.fullmatch(name)
    return healthlake["datastore"] if healthlake else name


def is_same_source(one: str, other: str) -> bool:
    """Whether two names or addresses are of one source."""
    return canonical_source(one) == canonical_source(other)


def source_in_name(export: str) -> str | None:
    """The data store that HealthLake writes into the name of an export's folder; None where the name is another."""
    named = _EXPORT_FOLDER.fullmatch(export)
    return named["datastore"] if named else None


def fault_of_name(name: str) -> str | None:
    """Why a text cannot be the name of a source or an id space; None where it can."""
    if not name.strip():
        return "is empty"
    if len(name) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not name.isprintable():
        return "holds a control character, or another one that is not printed"
    return "starts or ends with a space" if name != name.strip() else None


@dataclass(frozen=True)
class IdSpaces:
    """What settings say of sources: the order in which they keep an id, and which of them share ids (space → sources).

    An id space that `order` does not list, neither itself nor one of its sources, follows those that it lists, by name.
    Raises UsageError where that cannot be.
    """

    order: tuple[str, ...] = ()
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a source in two spaces, or one that is listed twice."""
        members = [source for sources in self.shared.values() for source in sources]
        _refuse_twice(self.order, "stands twice in sources.order")
        _refuse_twice(members, "stands in two of sources.shared")
        self.refuse_mixed(members)

    def space_of(self, source: str) -> str:
        """The id space of a source."""
        return next((space for space, sources in self.shared.items() if source in sources), source)

    def in_order(self, sources: Iterable[str]) -> tuple[str, ...]:
        """The id spaces of these sources; of several that have one id, the first keeps it."""
        places: dict[str, int] = {}
        for place, listed in enumerate(self.order):
            places.setdefault(self.space_of(listed), place)
        spaces = {self.space_of(source) for source in sources}
        return tuple(sorted(spaces, key=lambda space: (places.get(space, len(places) + len(self.order)), space)))

    def refuse_mixed(self, sources: Iterable[str]) -> None:
        """Raise where an id space is called like a source that is not in it: rows of both would look as if of one."""
        for source in sources:
            if source in self.shared and source not in self.shared[source]:
                raise UsageError(
                    f"sources.shared calls an id space {source!r}, and a source outside of it is called so, too",
                    hint=f"call the space otherwise, or list {source!r} among its sources",
                )


def _refuse_twice(names: Iterable[str], what: str) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise UsageError(f"{twice[0]!r} {what}", hint="name each source once")
