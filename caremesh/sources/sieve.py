"""The sieve: sorts the lines of one file into usable ones, superseded ones and quarantined ones.

Only a file that the strict reader refused comes here. What is usable is written, unchanged, to a clean copy
that the strict reader then takes; so there is one way to turn lines into rows, whatever state a file is in.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from caremesh.fhir import Struct, mismatch
from caremesh.sources.ndjson import LandedFile, open_lines

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Version = tuple[str, int, str, str]
"""Sort key of a resource's version: last updated (UTC), number of digits, digits, text of the version."""


@dataclass(frozen=True)
class QuarantinedLine:
    """One line that could not be used: where it stands (numbered from 1), why, and its text."""

    export: str
    file: str
    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Sifted:
    """The outcome for one file. `line_numbers[i]` is the number, in the file, of the i-th line of `clean`."""

    file: LandedFile
    clean: Path
    line_numbers: Sequence[int]
    superseded: int
    quarantined: tuple[QuarantinedLine, ...]


def sift(file: LandedFile, shape: Struct, clean: Path, *, refused: Mapping[int, str] | None = None) -> Sifted:
    """Sort the lines of `file` and write the usable ones to `clean`; `refused` lines (number → reason) are not usable.

    Of several lines with one id the newest version stays (`meta.lastUpdated`, then `versionId`, then the later line).
    """
    refused = refused or {}
    quarantined: list[QuarantinedLine] = []
    newest: dict[str, tuple[Version, int]] = {}
    usable = 0
    for number, line in _numbered_lines(file):
        resource, reason = _judge(line, file.resource_type, shape)
        if resource is None or number in refused:
            quarantined.append(quarantine_line(file, number, line, reason or refused[number]))
            continue
        usable += 1
        version = (version_of(resource), number)
        newest[resource["id"]] = max(newest.get(resource["id"], version), version)
    kept = {number for _, number in newest.values()}
    return Sifted(
        file=file,
        clean=clean,
        line_numbers=_copy_lines(file, kept, clean),
        superseded=usable - len(kept),
        quarantined=tuple(quarantined),
    )


def quarantine_line(file: LandedFile, number: int, line: bytes, reason: str) -> QuarantinedLine:
    """Set one line aside; bytes that are no UTF-8 are kept as escapes."""
    raw = line.rstrip(b"\r\n").decode("utf-8", errors="backslashreplace")
    return QuarantinedLine(export=file.export, file=file.name, line=number, reason=reason, raw=raw)


def version_of(resource: dict[str, Any]) -> Version:
    """The sort key by which the newest version of a resource is found; what is missing or unreadable sorts first."""
    meta = resource.get("meta")
    stated = meta if isinstance(meta, dict) else {}
    version = str(stated.get("versionId") or "")
    number = version.lstrip("0") if version.isascii() and version.isdecimal() else None
    digits = -1 if number is None else len(number)
    return (_utc(str(stated.get("lastUpdated") or "")), digits, number or "", version)


def _utc(instant: str) -> str:
    """An instant as comparable text in UTC; what is no instant sorts first, as if it were missing."""
    try:
        moment = datetime.fromisoformat(instant)
        in_utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return in_utc.isoformat(timespec="microseconds")


def _numbered_lines(file: LandedFile) -> Iterator[tuple[int, bytes]]:
    with open_lines(Path(file.path)) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.isspace():
                yield number, line


def _judge(line: bytes, resource_type: str, shape: Struct) -> tuple[dict[str, Any] | None, str]:
    """The parsed resource, or None and the reason why the line cannot be used. A reason quotes no content."""
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


def _copy_lines(file: LandedFile, kept: set[int], clean: Path) -> Sequence[int]:
    numbers = array("Q")
    with clean.open("wb") as out:
        for number, line in _numbered_lines(file):
            if number in kept:
                out.write(line.rstrip(b"\r\n") + b"\n")
                numbers.append(number)
    return numbers
