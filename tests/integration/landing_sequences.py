"""Random sequences of exports, small and nasty: few ids, few moments, much damage. A seed gives one sequence.

They come from one source, or from two or three that number alike; what settings say of these may change on the way.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.landing_model import Export, Spaces

IDS = {"Patient": [f"p{n}" for n in range(1, 6)], "Observation": [f"o{n}" for n in range(1, 6)]}
START = datetime(2026, 1, 1, tzinfo=UTC)
VERSIONS = (None, None, "1", "2", "10", "02", "9", "a", "b", "W/1")
# Each is no instant: it is as if nothing were stated.
UNREADABLE = (
    *("", "soon", "infinity", "epoch", "2026-01-05", "2026-02-30T00:00:00Z", "2026-01-05 00:00:00+00"),
    *("2026-01-04T24:00:00Z", "2026-01-05T00:00:00 Europe/Berlin", " 2026-01-05T00:00:00Z"),
)


STORE = "aa-FHIR_EXPORT-"
"""How the folders of exports of the data store `aa` begin."""
_HEALTHLAKE = "https://healthlake.eu-west-1.amazonaws.com/datastore/aa/r4"
SPELLINGS = {
    "default": ("default",),
    "aa": ("aa", _HEALTHLAKE, f"{_HEALTHLAKE}/"),
    "https://fhir.example/r4": ("https://fhir.example/r4", "https://fhir.example/r4/"),
}
"""Sources, and how manifests write them."""
MESHES = (("default",), ("default", "aa"), ("aa", "https://fhir.example/r4"), tuple(SPELLINGS))
"""The sources that one lake may have."""


@dataclass(frozen=True)
class Step:
    """What happens in the landing zone, until it is landed at a time.

    `forgotten` are taken out of the ledger, and of the zone where they are not `put` again. `torn` lack a file that
    their manifest names when they are landed first. `spaces` is what settings say of sources then.
    """

    now: str
    put: Mapping[str, Export]
    forgotten: tuple[str, ...] = ()
    torn: bool = False
    spaces: Spaces = field(default_factory=Spaces)


def make_sequence(seed: int) -> tuple[tuple[str, str], tuple[Step, ...]]:
    """Two products, and three to five landings."""
    return _Dice(seed).sequence()


class _Dice:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.day = 0
        self.count = 0
        self.said: dict[str, list[str]] = {"Patient": [], "Observation": []}
        self.known: dict[str, Export] = {}
        self.copied: set[str] = set()
        self.sources = self.random.choice(MESHES)
        self.spaces = self.draw_spaces()

    def sequence(self) -> tuple[tuple[str, str], tuple[Step, ...]]:
        first, second = self.random.sample(("person", "badge", "reading"), 2)
        return (first, second), tuple(self.step(day) for day in range(self.random.randint(2, 4)))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def step(self, day: int) -> Step:
        put: dict[str, Export] = {}
        forgotten: tuple[str, ...] = ()
        self.day = 2 * day
        now = _stated(START + timedelta(days=self.day))
        if self.known and self.chance(0.06):
            forgotten = (self.random.choice(sorted(self.known)),)
            left = self.known.pop(forgotten[0])
            if self.chance(0.5):
                put[forgotten[0]] = left
        elif self.known and self.chance(0.15):
            self.repeat(put)
        elif self.known and self.chance(0.1):
            self.grow(put)
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 3)) if put else self.random.choice((1, 1, 1, 2, 3))):
            source = self.random.choice(self.sources)
            export = self.export(source)
            put[self.name(source, export)] = export
        self.known |= put
        if self.chance(0.15):
            self.spaces = self.draw_spaces()
        is_torn = self.chance(0.05) and any(e.manifest and e.manifest["files"] for e in put.values())
        return Step(now, put, forgotten, torn=is_torn and not forgotten, spaces=self.spaces)

    def draw_spaces(self) -> Spaces:
        """Most lakes say nothing of sources; some list a few, or let two share their ids."""
        order = self.random.sample(self.sources, self.random.choice((0, 0, 1, len(self.sources))))
        shared = {}
        if len(self.sources) > 1 and self.chance(0.3):
            members = tuple(self.random.sample(self.sources, 2))
            shared[self.random.choice(("town", members[0]))] = members
        return Spaces(tuple(order), shared)

    def repeat(self, put: dict[str, Export]) -> None:
        """The same files under another name: a mere copy, or what another job gave."""
        name = self.random.choice(sorted(self.known))
        export = self.known[name]
        self.copied.add(name)
        if export.manifest and self.chance(0.5):
            export = replace(export, manifest={**export.manifest, "job": self.mark(), "submitted_at": self.moment()})
        if export.manifest is None and "aa" in self.sources and self.chance(0.3):
            # What one hospital sent, and under the name of another one.
            name = name.removeprefix(STORE) if name.startswith(STORE) else f"{STORE}{name}"
        put[f"{name}-copy{self.mark()}"] = export

    def grow(self, put: dict[str, Export]) -> None:
        """A file more in an export of which no manifest says what belongs to it."""
        name = self.random.choice(sorted(self.known))
        export = self.known[name]
        if export.manifest is None and name not in self.copied and "copy" not in name:
            put[name] = replace(export, files={**export.files, **self.files(full=False)})

    def name(self, source: str, export: Export) -> str:
        """A name; that of HealthLake's folders where nothing else tells the data store."""
        is_stated = export.manifest is None and source == "aa"
        return f"{STORE if is_stated else ''}{self.random.choice('abc')}{self.mark()}"

    def mark(self) -> str:
        self.count += 1
        return f"n{self.count}"

    def moment(self) -> str:
        """One of few moments, so that many are equal or the wrong way round."""
        at = START + timedelta(days=self.random.randint(-2, self.day), hours=self.random.choice((0, 0, 0, 12)))
        return _stated(at, self.random.choice(("", "", "", ".5", ".123", ".123456")))

    def export(self, source: str) -> Export:
        is_full = self.chance(0.35)
        files = self.files(full=is_full)
        deleted = {f"deleted/{self.mark()}.ndjson{self.gz()}": self.urls() for _ in range(self.chance(0.3))}
        is_empty = not any("".join(lines) for lines in files.values())
        must_state = is_full or is_empty or source not in ("default", "aa")
        if not (must_state or self.chance(0.3)):
            return Export(files, deleted)
        export = Export(files, deleted, self.manifest(source, full=is_full))
        if self.chance(0.7):
            assert export.manifest
            sizes = [{"name": name, "bytes": len(data)} for name, data in sorted(contents(export).items())]
            export = replace(export, manifest={**export.manifest, "files": sizes})
        return export

    def manifest(self, source: str, *, full: bool) -> dict[str, Any]:
        lesser = self.random.choice(
            [
                *({"level": "patient"}, {"level": "group/7"}, {"is_filtered": True}),
                *({"since": self.moment()}, {"until": self.moment()}),
            ]
        )
        return {
            "format": 1,
            "source": self.random.choice(SPELLINGS[source]),
            "job": self.mark(),
            "submitted_at": self.moment(),
            "level": "system",
            "since": None,
            "until": None,
            "types": self.random.choice((None, ["Patient"], ["Observation", "Patient"], ["Observation"])),
            "is_filtered": False,
            "files": None,
            **({} if full else lesser),
        }

    def files(self, *, full: bool) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for kind in ("Patient", "Observation"):
            for _ in range(self.random.choice((0, 1, 1, 1, 1, 2)) or (0 if found else 1)):
                folder = self.random.choice((f"{kind}/", ""))
                found[f"{folder}{kind}-{self.mark()}.ndjson{self.gz()}"] = self.lines(kind, full=full)
        return found

    def gz(self) -> str:
        return ".gz" if self.chance(0.2) else ""

    def lines(self, kind: str, *, full: bool) -> tuple[str, ...]:
        if self.chance(0.12):
            return self.random.choice(((), ("",), ("", " ", "")))
        count = self.random.randint(1, 6)
        is_tidy = full or self.chance(0.6)
        ids = self.random.sample(IDS[kind], min(count, 5)) if is_tidy else self.random.choices(IDS[kind], k=count)
        lines = [self.line(kind, i) for i in ids]
        return (*lines, "") if self.chance(0.8) else tuple(lines)

    def line(self, kind: str, resource_id: str) -> str:
        said = self.said[kind]
        if said and self.chance(0.12):
            return self.random.choice(said)
        if self.chance(0.03):
            return ""
        resource = self.resource(kind, resource_id)
        line = json.dumps(resource)
        if self.chance(0.06):
            return self.damaged(kind, resource)
        said.append(line)
        return line

    def resource(self, kind: str, resource_id: str) -> dict[str, Any]:
        resource: dict[str, Any] = {"resourceType": kind, "id": resource_id}
        resource |= {"gender": self.mark()} if kind == "Patient" else {"valueString": self.mark()}
        if kind == "Patient":
            badges = [{"value": self.mark(), "system": "urn:x"} for _ in range(self.random.choice((0, 1, 1, 2)))]
            resource |= {"identifier": badges} if badges else {}
            resource |= {"active": self.chance(0.5)} if self.chance(0.5) else {}
            resource |= {"name": [{"family": self.mark()}]} if self.chance(0.5) else {}
        meta = {"lastUpdated": self.updated(), "versionId": self.random.choice(VERSIONS)}
        meta = {name: value for name, value in meta.items() if value is not None}
        return resource | ({"meta": meta} if meta else {})

    def updated(self) -> str | None:
        if self.chance(0.15):
            return None
        if self.chance(0.06):
            return self.random.choice(UNREADABLE)
        if self.chance(0.2):
            # The same moments, told by other clocks.
            hours = self.random.choice((-5, 2, 9))
            at = START + timedelta(days=self.random.randint(-2, 5), hours=hours)
            return f"{at:%Y-%m-%dT%H:%M:%S}{hours:+03}:00"
        return self.moment()

    def damaged(self, kind: str, resource: dict[str, Any]) -> str:
        """A line that some product of its type, or each, cannot use."""
        if self.chance(0.4):
            return self.ruined(resource)
        other = "Observation" if kind == "Patient" else "Patient"
        changes: list[dict[str, Any]] = [{"resourceType": other}, {"meta": [1]}]
        if kind == "Patient":
            changes += [{"active": "yes"}, {"name": [{"family": "x"}, {"family": "y"}]}]
            changes += [{"identifier": {"value": "x"}}, {"identifier": ["x"]}]
        else:
            changes += [{"valueBoolean": "no"}, {"valueBoolean": 2}]
        return json.dumps(resource | self.random.choice(changes))

    def ruined(self, resource: dict[str, Any]) -> str:
        """A line of which nobody knows whose it is."""
        line = json.dumps(resource)
        nameless = {name: value for name, value in resource.items() if name != "id"}
        unnamed = [json.dumps(r) for r in (nameless, resource | {"id": ""}, resource | {"id": 7})]
        return self.random.choice([*unnamed, line[:20], "[1, 2]", "7", '"text"', "null", "\\", "}" + line])

    def urls(self) -> tuple[str, ...]:
        kinds = self.random.choices(("Patient", "Observation"), k=self.random.randint(0, 3))
        return tuple(f"{kind}/{self.random.choice([*IDS[kind], 'never-seen'])}" for kind in kinds)


def contents(export: Export) -> dict[str, bytes]:
    """The bytes of every file of an export, but for its manifest."""
    texts = {name: "\n".join(lines) for name, lines in export.files.items()}
    for name, urls in export.deleted.items():
        bundles = [urls[start : start + 2] for start in range(0, len(urls), 2)]
        texts[name] = "".join(json.dumps(_bundle(b)) + "\n" for b in bundles)
    plain = {name: text.encode() for name, text in texts.items()}
    return {name: gzip.compress(data, mtime=0) if name.endswith(".gz") else data for name, data in plain.items()}


def write_export(folder: Path, export: Export, *, torn: bool = False) -> None:
    """Put an export into the landing zone; what stands there already stays as it is, times included."""
    files = contents(export)
    if torn:
        files.pop(sorted(files)[-1])
    if export.manifest:
        files["export.json"] = json.dumps(export.manifest).encode()
    for name, data in files.items():
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def remove_export(folder: Path) -> None:
    """Take an export out of the landing zone."""
    shutil.rmtree(folder)


def _bundle(urls: tuple[str, ...]) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _stated(moment: datetime, fraction: str = "") -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
