"""A YAML file that people edit, and its faults: reported together, each with its line and the next move."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from caremesh.errors import ContractError, join_errors, split_errors
from caremesh.products.yaml_text import Place, PlainText, drop_nulls, read_yaml

_T = TypeVar("_T")


class Document:
    """A file as it was read: `value` holds dicts, lists and texts, `faults` what is wrong with them."""

    def __init__(self, file: Path, *, missing: str, empty: str) -> None:
        """Read the file; raise ContractError where it cannot be read, or does not hold keys and values.

        `missing` and `empty` are the next moves where it is not there, and where it holds no keys.
        """
        self.file = file
        self.text = _read_text(file, missing=missing)
        self.faults: list[ContractError] = []
        self._broken: list[Place] = []
        self._yaml = read_yaml(self.text)
        for flaw in self._yaml.flaws:
            where = f"{file}:{flaw.line}:{flaw.column}"
            self.faults.append(ContractError(flaw.message, where=where, hint=flaw.hint or "correct the file there"))
        if not isinstance(self._yaml.value, dict):
            if not self.faults:
                self.fault("does not hold keys and values", hint=empty)
            self.raise_faults()
        self.value: dict[str, Any] = drop_nulls(self._yaml.value)

    def fault(self, message: str, path: Sequence[str | int] = (), *, hint: str | None = None) -> None:
        """Note a fault at a place; a place that could not even be read has had its fault already."""
        place = tuple(path)
        if not any(place[: len(broken)] == broken for broken in self._broken):
            self.faults.append(ContractError(message, where=self.where(place), hint=hint))

    def break_off(self, path: Sequence[str | int]) -> None:
        """Take a value out of the document, after its fault was noted: the rest can be read without it."""
        self._broken.append(tuple(path))
        holder, last = self.at(path[:-1]), path[-1]
        if isinstance(holder, dict):
            holder.pop(str(last), None)
        elif isinstance(holder, list) and isinstance(last, int) and holder[last] != {}:
            holder[last] = {}
        elif len(path) > 1:
            # Not even an empty mapping may stand there, and to take it out would move the places of the others.
            self.break_off(path[:-1])

    def is_whole(self, path: Sequence[str | int]) -> bool:
        """Whether nothing had to be taken out at a place, below it or above it."""
        place = tuple(path)
        return not any(b[: len(place)] == place or place[: len(b)] == b for b in self._broken)

    def attempt(self, read: Callable[[], _T]) -> _T | None:
        """Read something; an error of it joins the faults."""
        try:
            return read()
        except ContractError as error:
            self.faults += split_errors(error)
            return None

    def at(self, path: Sequence[str | int]) -> Any:
        """The value at a place; None where nothing is there."""
        found: Any = self.value
        for step in path:
            if isinstance(found, dict):
                found = found.get(str(step))
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of a place, else that of the nearest place above it; None for the document itself."""
        return self._yaml.line_of(path)

    def where(self, path: Sequence[str | int] = ()) -> str:
        """A place in words: `FILE:LINE: schema[0].properties[3] (gender)`; no line for the file as a whole."""
        if not path:
            return str(self.file)
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        held = [self.at(path[: end + 1]) for end in range(2, len(path))]
        names = [str(value["name"]) for value in held if isinstance(value, dict) and value.get("name")]
        line = self.line(path)
        start = f"{self.file}:{line}" if line is not None else str(self.file)
        return f"{start}: {steps}" + (f" ({', '.join(names)})" if names else "")

    def required(self, value: str | None, name: str, path: Sequence[str | int] = ()) -> str:
        """Give a text that has to be there; `name` is its key, or the way to it with dots."""
        if not value:
            self.fault(f"{name} is missing", (*path, *name.split(".")), hint=f"add {name}")
        return value or ""

    def one_of(self, value: str | None, name: str, allowed: Sequence[str], path: Sequence[str | int]) -> Any:
        """Give a value that is one of those allowed."""
        if value in allowed:
            return value
        found = "is missing" if value is None else f"is {value!r}"
        self.fault(f"{name} {found}", (*path, name), hint=f"one of: {', '.join(allowed)}")
        return allowed[0]

    def refuse_empty_values(self) -> None:
        """Note each key that has no value, and leave it out: `unique:` alone would be a check that is never made."""
        for path in list(_empty_places(self.value, ())):
            self.fault(f"{path[-1]} has no value", path, hint=f"write the value of {path[-1]}, or remove the key")
            self.break_off(path)

    def refuse_repeats(
        self, what: str, named: Iterable[tuple[Place, str]], *, hint: str = "give each its own name"
    ) -> None:
        """Note each name that stands at an earlier place too."""
        first: dict[str, Place] = {}
        for path, name in named:
            if name and first.setdefault(name, path) != path:
                says = f"{what} {name!r} is repeated, first in line {self.line(first[name])}"
                self.fault(says, path, hint=hint)

    def refuse_breaks(self, name: str | None, path: Place) -> None:
        """Note a name that holds a line break or a tab."""
        if name and re.search(r"[\t\n\r]", name):
            self.fault(f"{path[-1]} holds a line break or a tab", path, hint="write it in one line")

    def refuse_key(self, path: Place, says: str, *, known: Iterable[str], otherwise: str) -> None:
        """Note a key that nothing reads, with the one that was probably meant."""
        near = next((k for k in get_close_matches(str(path[-1]), list(known), n=3) if k != path[-1]), None)
        self.fault(says, path, hint=f"write {near}" if near else otherwise)
        if near and self.at((*path[:-1], near)) is None:
            self._broken.append((*path[:-1], near))  # that it is missing is the same slip of the pen

    def raise_faults(self) -> None:
        """Raise all faults that were found, in one error."""
        if self.faults:
            raise join_errors(self.faults)


def is_null(value: Any) -> bool:
    """Whether a value of a list is the null of YAML, written without quotes."""
    return isinstance(value, PlainText) and value.is_null


def _empty_places(value: Any, path: Place) -> Iterator[Place]:
    """The keys without a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None:
                yield (*path, key)
            else:
                yield from _empty_places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _empty_places(inner, (*path, index))


def _read_text(file: Path, *, missing: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ContractError("there is no such file", where=str(file), hint=missing) from None
    except UnicodeDecodeError as error:
        raise ContractError(
            f"cannot be read: it is not UTF-8 ({error.reason})", where=str(file), hint="save it as UTF-8 text"
        ) from None
    except IsADirectoryError:
        raise ContractError("is a folder, not a file", where=str(file), hint=f"remove it; {missing}") from None
    except OSError as error:
        says = f"cannot be read: {error.strerror}"
        raise ContractError(says, where=str(file), hint="let your user read the file") from None
