"""Corrected lines: NDJSON as `caremesh quarantine dump` writes it, in which somebody edited `raw`.

    {"export": "…", "file": "Patient-000.ndjson", "line": 7, "text": "…", "reason": "…", "raw": "{\"resourceType\": …}"}

`raw` is the line's new text, or the resource itself. What else stands in a row is not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue, StrictInt, StrictStr, ValidationError

from caremesh.errors import LandingError
from caremesh.sources.line_limits import lines_within

_HINT = "rows as `caremesh quarantine dump --raw` writes them, with another `raw`"


@dataclass(frozen=True)
class Correction:
    """A line as it should have been: which line it stands for, and its text. `where` is its own place, for people."""

    where: str
    export: str
    file: str
    line: int | None
    text: str | None
    raw: str = field(repr=False)


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")

    export: StrictStr
    file: StrictStr
    line: StrictInt | None = None
    text: StrictStr | None = None
    raw: StrictStr | dict[str, JsonValue]


class _Refused(ValueError):
    """JSON that would not be the same when it is written again."""


def read_corrections(path: Path) -> Iterator[Correction]:
    """Read corrected lines; raise LandingError, with the number of the row and none of its content, for a bad one."""
    try:
        with path.open("rb") as rows:
            for number, row in enumerate(lines_within(rows, where=str(path)), 1):
                if not row.isspace():
                    yield _read(row, f"{path}:{number}")
    except OSError as error:
        raise LandingError(f"cannot be read: {error.strerror}", where=str(path), hint=_HINT) from None


def _read(text: bytes, where: str) -> Correction:
    try:
        # Numbers keep their digits: 1.50 is no 1.5 in FHIR.
        stated = _parse(text.decode())
    except (ValueError, RecursionError):
        raise LandingError("is no JSON, or a key stands twice in it", where=where, hint=_HINT) from None
    try:
        row = _Row.model_validate_json(text)
    except ValidationError as refused:
        name = ".".join(map(str, refused.errors()[0]["loc"][:1])) or "the row"
        raise LandingError(f"{name!r} is missing, or of a wrong type", where=where, hint=_HINT) from None
    raw = row.raw if isinstance(row.raw, str) else _write(stated["raw"], where)
    return Correction(where, row.export, row.file, row.line, row.text, _in_one_line(raw, where))


def _in_one_line(raw: str, where: str) -> str:
    """The text without line breaks, which may stand around the parts of JSON."""
    raw = raw.strip("\r\n")
    if not raw.strip():
        raise LandingError("`raw` is empty", where=where, hint="to give a line up: caremesh quarantine discard")
    if "\n" not in raw:
        return raw
    try:
        return _write(_parse(raw), where)
    except (ValueError, RecursionError):
        raise LandingError(
            "`raw` has line breaks and is no JSON", where=where, hint="one resource, in one line"
        ) from None


def _parse(text: str) -> Any:
    return json.loads(
        text,
        parse_float=_as_written,
        parse_int=_as_written,
        parse_constant=_refuse,
        object_pairs_hook=_with_single_keys,
    )


def _write(value: Any, where: str) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise LandingError("`raw` is no valid Unicode, or nested too deeply", where=where, hint=_HINT) from None


def _as_written(digits: str) -> orjson.Fragment:
    return orjson.Fragment(digits)


def _refuse(_: str) -> NoReturn:
    raise _Refused


def _with_single_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise _Refused
    return found
