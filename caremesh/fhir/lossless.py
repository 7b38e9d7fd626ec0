"""JSON that is read and written again with nothing lost: a number keeps the digits it was written with.

FHIR counts the digits of a decimal: `1.50` and `1.5` are two values (https://hl7.org/fhir/R4/datatypes.html#decimal).
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


def read_json(text: str) -> Any:
    """Read a JSON text; raise ValueError where it is none. Of a key that stands twice the last value counts."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def write_json(value: Any) -> str:
    """Write what `read_json` gave, in one line and without blanks."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(key)}:{write_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write_json, value)) + "]"
    return json.dumps(value)


def _quote(text: str) -> str:
    # Half a surrogate pair can stand in JSON as an escape only.
    is_unicode = text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)
    return json.dumps(text, ensure_ascii=not is_unicode)


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
