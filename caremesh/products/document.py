"""A YAML file that people edit, and everything that is wrong with it, told at once with its line and the next move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from caremesh.errors import ContractError, ContractErrors
from caremesh.products.yaml_text import Place, PlainText, drop_nulls, read_yaml

_T = TypeVar("_T")


class Document:
    """A file as it was read: `value` holds dicts, lists and texts, `faults` what is wrong with them."""

    def __init__(self, file: Path) -> None:
        """Read the file; raise ContractError where it cannot be read, ContractErrors where it is not a mapping."""
        self.file = file
        self.text = _read_text(file)
        self.faults: list[ContractError] = []
        self._broken: list[Place] = []
        self._yaml = read_yaml(self.text)
        for flaw in self._yaml.flaws:
            where = f"{file}:{flaw.line}:{flaw.column}"
            self.faults.append(ContractError(flaw.message, where=where, hint=flaw.hint or "correct the file there"))
        if not isinstance(self._yaml.value, dict):
            if not self.faults:
                self.fault("does not hold keys and values", hint="copy the file of another product, and edit it")
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
        """Whether nothing had to be taken out at a place or below it."""
        return not any(broken[: len(path)] == tuple(path) for broken in self._broken)

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

    def where(self, path: Sequence[str | int] = ()) -> str:
        """A place in words: `FILE:LINE: schema[0].properties[3] (gender)`; no line for the file as a whole."""
        if not path:
            return str(self.file)
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        held = [self.at(path[: end + 1]) for end in range(2, len(path))]
        names = [str(value["name"]) for value in held if isinstance(value, dict) and value.get("name")]
        line = self._yaml.line_of(path)
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

    def refuse_duplicates(self, things: str, names: Sequence[str], path: Sequence[str | int] = ()) -> None:
        """Note the names that stand twice."""
        if twice := sorted({n for n in names if n and names.count(n) > 1}):
            self.fault(f"{things} stand twice: {', '.join(twice)}", path, hint="give each its own name")

    def refuse_key(self, path: Sequence[str | int], says: str, *, known: Iterable[str], otherwise: str) -> None:
        """Note a key that nothing reads, with the one that was probably meant."""
        near = get_close_matches(str(path[-1]), list(known), n=1)
        self.fault(says, path, hint=f"write {near[0]}" if near else otherwise)

    def raise_faults(self) -> None:
        """Raise what was found, all at once."""
        if self.faults:
            raise join_errors(self.faults)


def join_errors(errors: Sequence[ContractError]) -> ContractError:
    """One error that tells of all."""
    faults = [fault for error in errors for fault in split_errors(error)]
    return faults[0] if len(faults) == 1 else ContractErrors(faults)


def split_errors(error: ContractError) -> tuple[ContractError, ...]:
    """The single faults that an error tells of."""
    return error.faults if isinstance(error, ContractErrors) else (error,)


def is_null(value: Any) -> bool:
    """Whether a value of a list is the null of YAML, written without quotes."""
    return isinstance(value, PlainText) and value.is_null


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"it is not UTF-8 ({getattr(error, 'reason', error)})"
        raise ContractError(f"cannot be read: {reason}", where=str(file), hint="save it as UTF-8 text") from None
