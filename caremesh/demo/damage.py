"""Damaged lines: put into an export on purpose, so that everyone can see what becomes of them.

A damaged line is a broken copy of the line that follows it, and is added before it: the resource itself stays
whole. So an export with n damaged lines must give the same rows as the one without, and n lines in quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from caremesh.demo.plan import ExportPlan

# Only types that data products read: nobody looks into the lines of the others.
_TYPES = ("Observation", "Encounter", "Condition", "Claim", "ExplanationOfBenefit", "Patient")


@dataclass(frozen=True)
class Damage:
    """One damaged line: its file (relative to the export folder), its line number from 1, and what is wrong."""

    file: str
    line: int
    kind: str


def list_damage(plan: ExportPlan, export: Path) -> tuple[Damage, ...]:
    """List the damaged lines of an export that was written by this plan, in order of file and line."""
    return tuple(
        Damage(file=str(path.relative_to(export)), line=line, kind=kind)
        for path, kinds in sorted(_spread(plan, export).items())
        for line, kind in sorted(_lines(plan, path, kinds, _count(path) - len(kinds)).items())
    )


def damage_files(plan: ExportPlan, root: Path) -> None:
    """Add the plan's damaged lines to the files of an export."""
    for path, kinds in _spread(plan, root).items():
        damaged = _lines(plan, path, kinds, _count(path))
        whole = path.with_name(f".{path.name}")
        path.rename(whole)
        with whole.open("rb") as source, path.open("wb") as target:
            number = 0
            for line in source:
                number += 1
                while number in damaged:
                    target.write(_BREAK[damaged[number]](line))
                    number += 1
                target.write(line)
        whole.unlink()


def _spread(plan: ExportPlan, root: Path) -> Mapping[Path, list[str]]:
    """Deal the kinds of damage out to files: by type in turn, and within a type by file in turn."""
    files = {name: sorted((root / name).glob("[!.]*.ndjson")) for name in _TYPES}
    types = [name for name in _TYPES if files[name]]
    kinds: dict[Path, list[str]] = {}
    for number in range(plan.damaged_lines if types else 0):
        of_type = files[types[number % len(types)]]
        path = of_type[number // len(types) % len(of_type)]
        kinds.setdefault(path, []).append(_KINDS[number % len(_KINDS)])
    return kinds


def _lines(plan: ExportPlan, path: Path, kinds: list[str], whole_lines: int) -> dict[int, str]:
    """Choose line numbers in the damaged file; never the last, for every damaged line precedes the whole one."""
    rng = Random(f"{plan.seed}/damage {path.name}")
    positions = rng.sample(range(1, whole_lines + len(kinds)), len(kinds))
    return dict(zip(positions, kinds, strict=True))


def _count(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def _broken_json(line: bytes) -> bytes:
    return line.replace(b":", b"", 1)


def _truncated(line: bytes) -> bytes:
    return line[: len(line) * 2 // 3] + b"\n"


def _two_objects(line: bytes) -> bytes:
    return line.rstrip(b"\n") + line


def _text_for_object(line: bytes) -> bytes:
    """Put a string where `meta` should be an object: valid JSON, and no resource."""
    before, _, rest = line.partition(b'"meta":{')
    return before + b'"meta":"1"' + rest[rest.index(b"}") + 1 :]


def _byte_order_mark(line: bytes) -> bytes:
    return b"\xef\xbb\xbf" + line


_BREAK: Mapping[str, Callable[[bytes], bytes]] = {
    "broken JSON": _broken_json,
    "truncated line": _truncated,
    "two objects on a line": _two_objects,
    "text where an object is expected": _text_for_object,
    "byte order mark": _byte_order_mark,
}
_KINDS = tuple(_BREAK)
