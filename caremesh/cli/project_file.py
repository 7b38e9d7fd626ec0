"""What a project says in its `caremesh.toml`, if it has one: from which sources exports come, and how they relate."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caremesh.errors import UsageError
from caremesh.id_spaces import IdSpaces, canonical_source, fault_of_name

PROJECT_FILE = "caremesh.toml"


def read_id_spaces(project: Path) -> IdSpaces:
    """What the project says of sources; nothing where it has no such file.

    Raises UsageError for a key that is not known, a value of another type, or sources that contradict each other.
    """
    file = project / PROJECT_FILE
    stated = _read(file)
    _refuse_unknown(stated, ("sources",), "", file)
    sources = _table(stated, "sources", file)
    _refuse_unknown(sources, ("order", "shared"), "sources.", file)
    shared = _table(sources, "shared", file, within="sources.")
    try:
        return IdSpaces(
            order=_names(sources.get("order", []), "sources.order", file),
            shared={
                _name(s, "sources.shared", file): _names(n, f"sources.shared.{s}", file) for s, n in shared.items()
            },
        )
    except UsageError as error:
        raise UsageError(error.message, where=error.where or str(file), hint=error.hint) from None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(file), hint="grant read access") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"is not valid TOML: {error}", where=str(file), hint="correct it there") from None


def _refuse_unknown(stated: Mapping[str, Any], known: tuple[str, ...], within: str, file: Path) -> None:
    unknown = next((key for key in stated if key not in known), None)
    if unknown is not None:
        names = ", ".join(f"{within}{key}" for key in known)
        raise UsageError(f"there is no key {within}{unknown}", where=str(file), hint=f"known are: {names}")


def _table(stated: Mapping[str, Any], key: str, file: Path, *, within: str = "") -> Mapping[str, Any]:
    value = stated.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{within}{key} is no table", where=str(file), hint=f"write [{within}{key}] above its keys")
    return value


def _names(stated: object, key: str, file: Path) -> tuple[str, ...]:
    if not isinstance(stated, list):
        raise UsageError(
            f"{key} is no list", where=str(file), hint='a list of sources, as ["hospital-a", "hospital-b"]'
        )
    return tuple(_name(name, key, file) for name in stated)


def _name(stated: object, key: str, file: Path) -> str:
    """A source as it stands in the ledger, whichever way it is written."""
    fault = fault_of_name(stated) if isinstance(stated, str) else "is no text"
    if fault:
        raise UsageError(f"{key}: a name {fault}", where=str(file), hint='names of sources, as "hospital-a"')
    return canonical_source(str(stated))
