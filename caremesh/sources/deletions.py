"""Delete lists: which resources a FHIR server says are gone.

Each line is a Bundle whose entries ask for deletions, as bulk exports have them:
https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-output-manifest (`deleted`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

import orjson

from caremesh.errors import LandingError
from caremesh.fhir.types import load_types
from caremesh.sources.line_limits import lines_within
from caremesh.sources.ndjson import BROKEN_FILE, cannot_be_read

# Servers write relative and absolute addresses; what counts is the end.
_GONE = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[^/?#\s]+)$")


def read_deletions(lines: IO[bytes] | Any, *, where: str) -> Iterator[tuple[str, str]]:
    """Give resource type and id of each deletion in a list; `where` is what the list goes by in errors.

    Raises LandingError for a line that says anything else: what is not understood here would stay for ever.
    """
    try:
        for number, line in enumerate(lines_within(lines, where=where), start=1):
            if not line.isspace():
                yield from _read_line(line, f"{where}:{number}")
    except BROKEN_FILE as error:
        raise cannot_be_read(where, error) from None


def _read_line(line: bytes, place: str) -> Iterator[tuple[str, str]]:
    try:
        bundle = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise _refusal("is no JSON", place) from None
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise _refusal("is no Bundle", place)
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise _refusal("entry is no list", place)
    for index, entry in enumerate(entries):
        yield _read_entry(entry, f"{place}: entry[{index}]")


def _read_entry(entry: Any, place: str) -> tuple[str, str]:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        raise _refusal("request.method is not DELETE", place)
    matched = _GONE.search(str(request.get("url")))
    if not matched or matched["type"] not in load_types().resources:
        raise _refusal("request.url names no resource", place)
    return matched["type"], matched["id"]


def _refusal(what: str, place: str) -> LandingError:
    hint = 'each line is a Bundle with entry[].request = {"method": "DELETE", "url": "Patient/123"}'
    return LandingError(f"is no delete list: {what}", where=place, hint=hint)
