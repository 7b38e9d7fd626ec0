"""What landing means, said once more: slowly, in plain Python, over lists in memory.

It shares nothing with the platform but the meaning. Input are the exports as they stand in the landing zone, run after
run; output are the rows of each product of `tests.integration.tiny_mesh`, four counts a file, and which ids are gone.

A resource is told by the id space of its source and its id. Each space is resolved as if it were alone; then the first
space, in a stated order, keeps an id, and the newest line of each other one is quarantined.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

UPDATED = "lastUpdated"

Row = tuple[object, ...]
Key = tuple[str, str]
"""Id space and id of a resource."""
Resource = dict[str, Any]


@dataclass(frozen=True)
class Export:
    """A folder of the landing zone: its files with their lines, its delete lists with their ids, its manifest.

    A file is its lines joined: it ends with a line break where its last line is empty. A delete list is its URLs.
    """

    files: Mapping[str, tuple[str, ...]]
    deleted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    manifest: Mapping[str, Any] | None = None

    @property
    def is_full(self) -> bool:
        m = self.manifest
        return bool(m and m["level"] == "system" and not (m["since"] or m["until"] or m["is_filtered"]))

    def covers(self, kind: str) -> bool:
        """Whether it says of a type what is gone; where it names no types, only of those that it has a line of."""
        if not (self.manifest and self.is_full):
            return False
        types = self.manifest["types"]
        return any(True for _ in self.lines(kind)) if types is None else kind in types

    def lines(self, kind: str) -> Iterable[tuple[str, int, str]]:
        for name in sorted(self.files):
            if type_of(name) == kind:
                yield from ((name, number, line) for number, line in enumerate(self.files[name], 1) if line.strip())


@dataclass(frozen=True)
class Spaces:
    """What is said of sources: those listed first keep an id, the others by name; some share ids (space → sources)."""

    order: tuple[str, ...] = ()
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, source: str) -> str:
        for space, members in self.shared.items():
            if source in members:
                return space
        return source

    def rank(self, space: str) -> tuple[int, str]:
        listed = [place for place, name in enumerate(self.order) if self.of(name) == space]
        return (min(listed, default=len(self.order)), space)


@dataclass(frozen=True)
class Landed:
    """An export in the ledger."""

    name: str
    at: str
    export: Export

    @property
    def source(self) -> str:
        return source_of(self.name, self.export)

    @property
    def time(self) -> Fraction:
        stated = self.export.manifest["submitted_at"] if self.export.manifest else self.at
        return _must(instant(stated))


@dataclass(frozen=True)
class Version:
    """A line that holds a resource, and where it stands."""

    id: str
    resource: Resource
    place: int
    file: str
    line: int

    @property
    def updated(self) -> Fraction | None:
        return instant(_meta(self.resource).get(UPDATED))

    @property
    def rank(self) -> tuple[Any, ...]:
        """Newer versions rank higher."""
        updated, stated = self.updated, _meta(self.resource).get("versionId")
        version = "" if stated is None else str(stated)
        number = int(version) if re.fullmatch("[0-9]+", version) else -1
        known = (updated is not None, updated or Fraction(0))
        return (*known, number, version.encode(), self.place, self.file, self.line)


@dataclass
class Outcome:
    """What one product holds: rows, and by (export, file) how many lines are used, superseded, deleted, quarantined.

    `removed` gives for each resource that is gone the deletions that kill its newest version: any may be named.
    `claimed` are the quarantined lines whose id another id space keeps: which one.
    """

    rows: list[Row]
    counts: dict[tuple[str, str], tuple[int, int, int, int]]
    removed: dict[Key, set[tuple[str, str]]]
    used: dict[Key, tuple[str, str]]
    quarantined: set[tuple[str, str, int]]
    claimed: dict[tuple[str, str, int], str]


class Model:
    """The landing zone and the ledger, as they should be."""

    def __init__(self) -> None:
        self.zone: dict[str, Export] = {}
        self.ledger: list[Landed] = []
        self.spaces = Spaces()

    def land(self, *, now: str) -> None:
        """Take in what stands in the zone; what is the same as an export that was landed is passed over."""
        for name in sorted(self.zone):
            export = self.zone[name]
            index = next((i for i, landed in enumerate(self.ledger) if landed.name == name), None)
            if index is not None:
                self.ledger[index] = Landed(name, self.ledger[index].at, export)
            elif not any(_is_copy(Landed(name, now, export), landed) for landed in self.ledger):
                self.ledger.append(Landed(name, now, export))

    def forget(self, name: str) -> None:
        """Take an export out of zone and ledger."""
        del self.zone[name]
        self.ledger = [landed for landed in self.ledger if landed.name != name]

    def outcome(self, product: str) -> Outcome:
        """What a product holds, made from all that was landed."""
        kind, refuses, rows_of = PRODUCTS[product]
        ordered = sorted(self.ledger, key=lambda landed: landed.time)
        tally = {(e.name, f): [0, 0, 0, 0] for e in ordered for f in e.export.files if type_of(f) == kind}
        versions: dict[Key, list[Version]] = {}
        result = Outcome([], {}, {}, {}, set(), {})
        for place, landed in enumerate(ordered):
            for file, number, line in landed.export.lines(kind):
                resource = _read(line, kind)
                if resource is None or refuses(resource):
                    tally[landed.name, file][3] += 1
                    result.quarantined.add((landed.name, file, number))
                else:
                    found = Version(resource["id"], resource, place, file, number)
                    versions.setdefault((self.spaces.of(landed.source), found.id), []).append(found)
        newest_alive: dict[Key, Version] = {}
        for key, known in versions.items():
            kills = {v.rank: _kills(v, kind, ordered) for v in known}
            alive = [v for v in known if not kills[v.rank]]
            # Of versions that are all gone the one counts that went last, and of those the newest.
            newest = max(alive or known, key=lambda v: (_first_kill(kills[v.rank], ordered), v.rank))
            for version in known:
                column = 1 if version is not newest else 0 if alive else 2
                tally[ordered[version.place].name, version.file][column] += 1
            if alive:
                newest_alive[key] = newest
            else:
                result.removed[key] = kills[newest.rank]
        for (space, resource_id), version in newest_alive.items():
            rivals = [other for other, same in newest_alive if same == resource_id]
            keeper = min(rivals, key=self.spaces.rank)
            export = ordered[version.place].name
            if keeper == space:
                result.rows += [(*row, space) for row in rows_of(version.resource)]
                result.used[space, resource_id] = (export, version.file)
            else:
                tally[export, version.file][0] -= 1
                tally[export, version.file][3] += 1
                result.quarantined.add((export, version.file, version.line))
                result.claimed[export, version.file, version.line] = keeper
        result.counts = {key: (a, b, c, d) for key, (a, b, c, d) in tally.items()}
        return result


def type_of(name: str) -> str:
    """The resource type of a file, by its name."""
    return re.split("[-.]", name.rsplit("/", 1)[-1])[0]


def source_of(name: str, export: Export) -> str:
    """The source of an export: its manifest states it, or the data store in its name does; else nobody."""
    if export.manifest:
        stated = str(export.manifest["source"]).removesuffix("/")
        at_healthlake = re.fullmatch(r"https://healthlake\.[^/]+/datastore/(\w+)/r4", stated)
        return at_healthlake[1] if at_healthlake else stated
    return name.split("-FHIR_EXPORT-")[0] if "-FHIR_EXPORT-" in name else "default"


def instant(stated: object) -> Fraction | None:
    """Seconds since the year 1, exact to whatever fraction is stated, UTC without offset; None for no FHIR instant."""
    pattern = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?"
    matched = re.fullmatch(pattern, stated, re.ASCII) if isinstance(stated, str) else None
    if matched is None:
        return None
    try:
        whole = datetime.fromisoformat(matched[1] + (matched[3] or "Z").replace("Z", "+00:00"))
    except ValueError:
        return None
    since = whole.replace(tzinfo=None) - datetime(1, 1, 1) - (whole.utcoffset() or timedelta())
    return Fraction(since // timedelta(seconds=1)) + Fraction("0" + (matched[2] or ""))


def _must(moment: Fraction | None) -> Fraction:
    assert moment is not None
    return moment


def _meta(resource: Resource) -> Resource:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}


def _is_copy(landed: Landed, before: Landed) -> bool:
    """The same files from one source, and no manifest that says it is another job."""
    export, other = landed.export, before.export
    if landed.source != before.source:
        return False
    # What a delete list removes may have come again since.
    same = export.files == other.files and not export.deleted and not other.deleted
    job = export.manifest and export.manifest["job"]
    return same and (job is None or bool(other.manifest and other.manifest["job"] == job))


def _read(line: str, kind: str) -> Resource | None:
    """The resource on a line of a file of its type; None where there is none with an id."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("resourceType") != kind or not _readable_id(value):
        return None
    return value


def _readable_id(value: object) -> str | None:
    stated = value.get("id") if isinstance(value, dict) else None
    return stated if isinstance(stated, str) and stated else None


def _kills(version: Version, kind: str, ordered: list[Landed]) -> set[tuple[str, str]]:
    """The deletions that kill a version: the export that each stands in, and the reason."""
    found = set()
    source = ordered[version.place].source
    for landed in ordered[version.place :]:
        if landed.source != source:
            continue
        export, at = landed.export, landed.time
        if export.manifest and version.updated is not None and version.updated > at:
            continue
        if any(f"{kind}/{version.id}" in urls for urls in export.deleted.values()):
            found.add((landed.name, "deleted"))
        if version.id not in _stated_ids(export, kind, otherwise={version.id}):
            found.add((landed.name, "not in full export"))
    return found


def _first_kill(kills: set[tuple[str, str]], ordered: list[Landed]) -> int:
    """The place of the first export that kills a version; the same for all that none kills."""
    names = [landed.name for landed in ordered]
    return min((names.index(name) for name, _ in kills), default=-1)


def _stated_ids(export: Export, kind: str, *, otherwise: set[str]) -> set[str]:
    """The ids of a type that an export does not say are gone; `otherwise` where it says that of none."""
    if not export.covers(kind):
        return otherwise
    ids = set()
    for _, _, line in export.lines(kind):
        try:
            found = _readable_id(json.loads(line))
        except ValueError:
            found = None
        if found is None:
            return otherwise
        ids.add(found)
    return ids


def _person_refused(resource: Resource) -> bool:
    names, is_flag = resource.get("name", []), isinstance(resource.get("active", True), bool)
    return _meta_refused(resource) or not is_flag or not isinstance(names, list) or len(names) > 1


def _person_rows(resource: Resource) -> list[Row]:
    family = next((n["family"] for n in resource.get("name", [])), None)
    return [(resource["id"], resource.get("gender"), family, resource.get("active"), _meta(resource).get(UPDATED))]


def _badge_refused(resource: Resource) -> bool:
    badges = resource.get("identifier", [])
    return not isinstance(badges, list) or any(not isinstance(b, dict) for b in badges)


def _badge_rows(resource: Resource) -> list[Row]:
    return [(resource["id"], b.get("value"), b.get("system")) for b in resource.get("identifier", [])]


def _reading_refused(resource: Resource) -> bool:
    return _meta_refused(resource) or not isinstance(resource.get("valueBoolean", True), bool)


def _reading_rows(resource: Resource) -> list[Row]:
    return [(resource.get("valueString"), resource.get("valueBoolean"), _meta(resource).get(UPDATED))]


def _meta_refused(resource: Resource) -> bool:
    return not isinstance(resource.get("meta", {}), dict)


PRODUCTS = {
    "person": ("Patient", _person_refused, _person_rows),
    "badge": ("Patient", _badge_refused, _badge_rows),
    "reading": ("Observation", _reading_refused, _reading_rows),
}
"""Of each product of the tiny mesh: resource type, whether it refuses a resource, its rows of one."""
