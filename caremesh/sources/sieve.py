"""The sieve: judges lines of one file, and says which of them are not used.

It looks only at the lines it is asked to look at. The others, and those that are fine, are then read by the strict
reader, so there is one way to turn lines into rows, whatever state a file is in.

Lines are told apart by their ordinal: their place, from 1, among the lines that are not blank. That is how engines
count too. People are told line numbers, which count blank lines as well.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from caremesh.errors import LandingError
from caremesh.fhir import Struct, mismatch
from caremesh.sources.ndjson import BYTE_ORDER_MARK, LineFile

LONGEST_LINE = (1 << 25) - 64
"""Bytes of a line that the strict reader still takes with its standard buffers."""

Version = tuple[str, int, str, str]
"""Sort key of a resource's version: last updated (UTC), number of digits, digits, text of the version."""

Span = tuple[int, int]
"""Where a run of bytes starts, and where it ends."""

INSTANT = (
    "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
)
"""What a FHIR instant looks like (https://hl7.org/fhir/R4/datatypes.html#instant); one without offset is in UTC.

Engines read more as a moment, and each something else: `infinity`, to DuckDB, is newer than every other version.
"""

_BLOCK = 1 << 20

_Found = tuple[int, int, int, bytes | None]
"""Ordinal, number and start of a line, and its text where it is to be looked at."""


@dataclass(frozen=True)
class QuarantinedLine:
    """One line that could not be used: where it stands (numbered from 1), why, and its text."""

    export: str
    file: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Verdict:
    """What was found on a line that was looked at: a resource and its version, or the reason why it cannot be used.

    `start` and `end` are its bytes in the file, the end of line included.
    """

    ordinal: int
    number: int
    start: int
    end: int
    resource_id: str
    version: Version
    reason: str


@dataclass(frozen=True)
class Sifted:
    """The outcome for one file: how many lines it has, which are not used, and the bytes of the others."""

    lines: int
    left_out: Sequence[int]
    used: Sequence[Span]
    superseded: int
    quarantined: tuple[QuarantinedLine, ...]

    @property
    def kept(self) -> int:
        """How many lines are used."""
        return self.lines - len(self.left_out)

    def ordinal(self, position: int) -> int:
        """The ordinal of the line at a position (from 1) among those that are used."""
        # Before the j-th line that is left out stand `left_out[j] - j - 1` lines that are used.
        return position + bisect_right(range(len(self.left_out)), position - 1, key=lambda j: self.left_out[j] - j - 1)


def judge_lines(
    plain: Path, resource_type: str, shape: Struct, *, wanted: Collection[int], sweep: bool, counted: int | None = None
) -> tuple[list[Verdict], int]:
    """Look at the `wanted` ordinals of a file that is not compressed; also count its lines.

    A sweep looks at all others too, and tells of those that cannot be used. `counted` is how many lines somebody
    counted: where no line is blank, that saves looking at each.
    """
    verdicts = []
    with plain.open("rb", buffering=_BLOCK) as file:
        starts, lines = _find_starts(file, wanted) if counted is not None and not sweep else ([], 0)
        if lines == counted:
            found = _go_to(file, starts)
        else:
            found, lines = _walk(file, wanted, sweep=sweep), 0
        for ordinal, number, start, line in found:
            lines = max(lines, ordinal)
            if line is not None:
                verdict = _judge(line, resource_type, shape, at=(ordinal, number, start))
                if verdict.reason or not sweep or ordinal in wanted:
                    verdicts.append(verdict)
    return verdicts, lines


def find_superseded(verdicts: Iterable[Verdict]) -> set[int]:
    """Of usable lines with one id all but the newest: by `meta.lastUpdated`, then `versionId`, then the later line."""
    newest: dict[str, Verdict] = {}
    superseded = set()
    for verdict in verdicts:
        other = newest.setdefault(verdict.resource_id, verdict)
        if other is not verdict:
            older, newer = sorted((other, verdict), key=lambda v: (v.version, v.ordinal))
            newest[verdict.resource_id] = newer
            superseded.add(older.ordinal)
    return superseded


def copy_spans(source: Path, target: Path, spans: Iterable[Span]) -> None:
    """Copy some runs of bytes of a file, each of them whole lines.

    Raises LandingError where the file became shorter than they say.
    """
    with source.open("rb") as read, target.open("wb") as write:
        for start, end in spans:
            read.seek(start)
            while start < end:
                if not (chunk := read.read(min(_BLOCK, end - start))):
                    raise LandingError("became shorter while it was read", where=str(source), hint="land it again")
                start += len(chunk)
                # The last line of a file may have no end, and another line may follow it here.
                write.write(chunk if start < end or chunk.endswith(b"\n") else chunk + b"\n")


def quarantine(file: LineFile, plain: Path, refused: Iterable[tuple[Verdict, str]]) -> tuple[QuarantinedLine, ...]:
    """Set lines aside, each with its reason; bytes that are no UTF-8 are kept as escapes."""
    lines = []
    with plain.open("rb") as source:
        for verdict, reason in refused:
            source.seek(verdict.start)
            raw = source.read(verdict.end - verdict.start).rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")
            lines.append(QuarantinedLine(file.export, file.name, verdict.number, reason, raw))
    return tuple(lines)


def version_of(resource: Mapping[str, Any]) -> Version:
    """The sort key by which the newest version of a resource is found; what is missing or unreadable sorts first."""
    meta = resource.get("meta")
    stated = meta if isinstance(meta, dict) else {}
    version = str(stated.get("versionId") or "")
    number = version.lstrip("0") if version.isascii() and version.isdecimal() else None
    digits = -1 if number is None else len(number)
    return (_utc(str(stated.get("lastUpdated") or "")), digits, number or "", version)


def rising(ordinals: Iterable[int]) -> Sequence[int]:
    """Ordinals that rise already, at eight bytes each."""
    return array("Q", ordinals)


def _utc(instant: str) -> str:
    """An instant as comparable text in UTC; what is no instant sorts first, as if it were missing."""
    if not re.fullmatch(INSTANT, instant):
        return ""
    try:
        moment = datetime.fromisoformat(instant)
        in_utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return in_utc.isoformat(timespec="microseconds")


def _walk(file: IO[bytes], wanted: Collection[int], *, sweep: bool) -> Iterator[_Found]:
    """Go through all lines; those that are not to be looked at come now and then, and without text."""
    file.seek(0)
    ordinal = number = start = 0
    pending = sorted(wanted, reverse=True)
    while block := file.readlines(_BLOCK):
        # A look at every line would cost more than DuckDB's whole pass; most blocks hold nothing to look at.
        is_dull = not sweep and not (pending and pending[-1] <= ordinal + len(block))
        if is_dull and not any(map(bytes.isspace, block)):
            ordinal, number, start = ordinal + len(block), number + len(block), start + sum(map(len, block))
            yield ordinal, number, start, None
            continue
        for line in block:
            number += 1
            if not line.isspace():
                ordinal += 1
                is_wanted = bool(pending) and pending[-1] == ordinal
                if is_wanted:
                    pending.pop()
                yield ordinal, number, start, line if is_wanted or sweep else None
            start += len(line)


def _find_starts(file: IO[bytes], wanted: Collection[int]) -> tuple[list[tuple[int, int]], int]:
    """Where the wanted lines start, and how many lines there are, as if none were blank."""
    starts = []
    passed = start = 0
    for ordinal in sorted(wanted):
        # What Python does not look at, it passes as fast as it can be read.
        start += sum(map(len, islice(file, ordinal - 1 - passed)))
        starts.append((ordinal, start))
        start, passed = start + len(file.readline()), ordinal
    return starts, passed + sum(1 for _ in file)


def _go_to(file: IO[bytes], starts: Iterable[tuple[int, int]]) -> Iterator[_Found]:
    """Read some lines of a file in which no line is blank, so that ordinals are line numbers."""
    for ordinal, start in starts:
        file.seek(start)
        yield ordinal, ordinal, start, file.readline()


def _judge(line: bytes, resource_type: str, shape: Struct, *, at: tuple[int, int, int]) -> Verdict:
    ordinal, number, start = at
    resource, reason = _read(line, resource_type, shape)
    return Verdict(
        ordinal=ordinal,
        number=number,
        start=start,
        end=start + len(line),
        resource_id=resource["id"] if resource else "",
        version=version_of(resource or {}),
        reason=reason,
    )


def _read(line: bytes, resource_type: str, shape: Struct) -> tuple[dict[str, Any] | None, str]:
    """The parsed resource, or None and the reason why the line cannot be used. A reason quotes no content."""
    if len(line) > LONGEST_LINE:
        return None, "longer than 32 MB"
    if line.startswith(BYTE_ORDER_MARK):
        return None, "byte order mark before the JSON"
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"not valid JSON: {error.msg} at column {error.colno}"
    if not isinstance(value, dict):
        return None, "not a JSON object"
    if value.get("resourceType") != resource_type:
        return None, f"resourceType is not {resource_type}"
    if not isinstance(value.get("id"), str) or not value["id"]:
        return None, "id is no text" if value.get("id") else "id is missing"
    path = mismatch(value, shape)
    return (None, f"type contradiction at {path}") if path else (value, "")
