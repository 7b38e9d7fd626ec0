"""Landing quarantined lines again, as they are or corrected, as exports of their own below the lake.

The files are put into place first; then one write of the ledger lists them, and decides on the lines that they stand
for. Whoever is killed in between has changed nothing that counts.

Lines of one export make one replay, so that a replay can take that export's place in the order: whatever was deleted
after the export stays deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from caremesh.aws import Aws
from caremesh.errors import LakeLockedError, LandingError
from caremesh.fhir import parse_view
from caremesh.lake.base import Lake
from caremesh.lake.decisions import Decision, find_decision, index_decisions
from caremesh.lake.layout import REPLAYS_FOLDER
from caremesh.lake.ledger import LandedExport, Ledger, name_source
from caremesh.lake.ledger_changes import change_held_ledger
from caremesh.lake.quarantine import Refusal, name_line
from caremesh.products import Product, find_domains, select_products
from caremesh.quarantine import Selection, chosen_products, decide, holding, open_once, read_judged, with_decisions
from caremesh.settings import Settings
from caremesh.sources.corrections import read_corrections
from caremesh.sources.export_manifest import ExportManifest
from caremesh.sources.landing import Exports
from caremesh.sources.line_digest import digest_text

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Replay:
    """What a replay landed: its exports, and how many lines; `unchanged` were given as they are, and stay open."""

    exports: tuple[str, ...]
    lines: int
    unchanged: int = 0


def replay(settings: Settings, selection: Selection, *, corrections: Path | None, reason: str, command: str) -> Replay:
    """Land the selected open lines again, and note that they were; the next run judges them.

    With `corrections`: those of them that stand there and differ. Raises LandingError where one stands there that is
    not open.
    """
    with holding(settings, command) as lake:
        products, corrected, unchanged = chosen_products(settings, selection), None, 0
        if corrections:
            corrected, unchanged = _match(settings, _open(lake, products, selection, raw=False), corrections)
        folder = lake.scratch / REPLAYS_FOLDER
        # Corrections bring their own text.
        lines = _open(lake, products, selection, raw=corrected is None)
        taken = _write_lines(lines, corrected, folder, _Places(settings, lake))
        ledger = lake.read_ledger()
        made = [
            _land(settings, lake, ledger, source=source, name=name, folder=folder / str(number))
            for number, (name, source) in enumerate(zip(_names(settings, ledger, len(taken)), taken, strict=True))
        ]
        decided = [
            decide(line, "replayed", reason=reason, at=settings.now, by=export.name)
            for export, lines in zip(made, taken.values(), strict=True)
            for line in lines
        ]
        if made:
            change_held_ledger(lake, lambda ledger: _replayed(ledger, made, decided))
        return Replay(tuple(e.name for e in made), len(decided), unchanged)


def _open(lake: Lake, products: Sequence[Product], selection: Selection, *, raw: bool) -> Iterable[Refusal]:
    return open_once(read_judged(lake, products, selection, raw=raw))


def _match(settings: Settings, lines: Iterable[Refusal], path: Path) -> tuple[Mapping[_Key, str], int]:
    """The corrected text of open lines, and how many stand in the file as they always were."""
    known = {line.key: line.text for line in lines}
    given: dict[_Key, str] = {}
    for row in read_corrections(path):
        key = (row.export, row.file, name_line(row.line, row.text or ""))
        if key not in known or row.text not in (None, known[key]) or key in given:
            raise LandingError(
                "stands for the same line as another one" if key in given else "stands for a line that is not open",
                where=row.where,
                hint=settings.command("quarantine list --lines --all"),
            )
        given[key] = row.raw
    changed = {key: raw for key, raw in given.items() if digest_text(raw) != known[key]}
    return changed, len(given) - len(changed)


class _Places:
    """Where lines go in a replay: to the files of the type that they are of, where a product reads that type."""

    def __init__(self, settings: Settings, lake: Lake) -> None:
        views = [v for p in select_products(find_domains(settings.domains_dir)) for v in p.view_files]
        self._read = {parse_view(v.read_text(encoding="utf-8"), where=str(v)).resource for v in views}
        self._landed = {(f.export, f.name): f.resource_type for e in lake.read_ledger().exports for f in e.files}

    def type_of(self, line: Refusal) -> str:
        """The resource type under which a line is landed; else that of the file it came with, where it stays open."""
        try:
            stated = orjson.loads(line.raw)["resourceType"]
        except (ValueError, LookupError, TypeError):
            stated = None
        is_read = isinstance(stated, str) and stated in self._read
        return stated if is_read else self._landed[line.export, line.file]


def _write_lines(
    lines: Iterable[Refusal], corrected: Mapping[_Key, str] | None, folder: Path, places: _Places
) -> dict[str, list[Refusal]]:
    """Write each line to the files of its export's replay, the n-th export's below the folder `n`.

    Gives the lines of each export, without their text.
    """
    taken: dict[str, list[Refusal]] = {}
    order: dict[str, int] = {}
    for line in lines:
        if corrected is not None:
            if line.key not in corrected:
                continue
            line = replace(line, raw=corrected[line.key])
        resource_type = places.type_of(line)
        order.setdefault(line.export, len(order))
        taken.setdefault(line.export, []).append(replace(line, raw=""))
        path = folder / str(order[line.export]) / resource_type / f"{resource_type}.ndjson"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line.raw.encode() + b"\n")
    return taken


def _names(settings: Settings, ledger: Ledger, number: int) -> list[str]:
    """The names of so many replays that are made now; raise where there are such."""
    name = f"replay-{settings.now.replace('-', '').replace(':', '')}"
    names = [name] if number == 1 else [f"{name}-{n}" for n in range(1, number + 1)]
    if any(ledger.export(n) for n in names):
        raise _late()
    return names


def _land(settings: Settings, lake: Lake, ledger: Ledger, *, source: str, name: str, folder: Path) -> LandedExport:
    """Put the lines of one export into place as an export of their own, asked for when that one was."""
    root = lake.add_replay(name, folder)
    exports = Exports(Aws(settings.aws))
    found = [replace(f, export=name) for f in exports.list(root).files]
    manifest = ExportManifest(
        source=name_source(source),
        job=name,
        submitted_at=_export_of(ledger, source).time.isoformat(),
        is_filtered=True,
    )
    files = tuple(exports.take_in(f) for f in found)
    return LandedExport(name, str(root), settings.now, files, manifest, source=_export_of(ledger, source).source)


def _export_of(ledger: Ledger, name: str) -> LandedExport:
    found = ledger.export(name)
    if found is None:
        raise _late()
    return found


def _replayed(ledger: Ledger, made: Collection[LandedExport], decided: Sequence[Decision]) -> Ledger:
    """The ledger with the replays; raise where another run took a name or a line meanwhile."""
    index = index_decisions(ledger.decisions)
    is_late = any(find_decision(index, export=d.export, file=d.file, line=d.line, text=d.text) for d in decided)
    if is_late or any(ledger.export(e.name) for e in made):
        raise _late()
    for export in made:
        ledger = ledger.with_export(export)
    return with_decisions(ledger, decided)


def _late() -> LakeLockedError:
    return LakeLockedError(
        "another run did something with the same lines meanwhile, or replays in this very second", hint="run again"
    )
