"""Reads the YAML files that people edit, and says what is wrong with a value of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from caremesh.errors import ContractError


def load_yaml(text: str) -> Any:
    """Read YAML by the C library where it is: ten times as fast, with the same values."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_text(file: Path) -> str:
    """Read a file; raise ContractError where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContractError(f"cannot be read: {error}", where=str(file)) from None


def required(value: str | None, name: str, where: Path | str) -> str:
    """Give a value that has to be there."""
    if not value:
        raise ContractError(f"{name} is missing", where=str(where))
    return value


def one_of(value: str | None, name: str, allowed: tuple[str, ...], where: str) -> Any:
    """Give a value that is one of those allowed."""
    if value not in allowed:
        found = "is missing" if value is None else f"is {value!r}"
        raise ContractError(f"{name} {found}", where=where, hint=f"one of: {', '.join(allowed)}")
    return value


def refuse_duplicates(things: str, names: list[str], file: Path) -> None:
    """Raise ContractError where a name stands twice."""
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ContractError(f"{things} stand twice: {', '.join(twice)}", where=str(file), hint="give each its own name")
