"""Reads the custom properties of a contract that CareMesh knows: its views, and what it asks of completeness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from open_data_contract_standard.model import OpenDataContractStandard

from caremesh.completeness import COMPLETENESS_PROPERTY, CompletenessRule, read_rule
from caremesh.products.document import Document
from caremesh.products.product import Column
from caremesh.products.yaml_text import Place

VIEW_PROPERTY = "caremesh.view"

_KNOWN = (VIEW_PROPERTY, COMPLETENESS_PROPERTY)


def refuse_unknown_properties(document: Document) -> None:
    """Note each property that is called after CareMesh but is not read: a slip of the pen would weaken the contract."""
    for path, stated in _all_properties(document.value, ()):
        name = str(stated.get("property"))
        if not name.lower().startswith("caremesh"):
            continue
        is_known = name in _KNOWN
        if is_known and len(path) > 2:
            hint = "move it to the customProperties of the contract itself"
            document.fault(f"{name} is not read here", (*path, "property"), hint=hint)
        elif not is_known:
            near = get_close_matches(name.lower(), _KNOWN, n=1, cutoff=0.5)
            hint = f"write {near[0]}" if near else f"one of: {', '.join(_KNOWN)}; or a name of your own"
            document.fault(f"CareMesh has no property {name!r}", (*path, "property"), hint=hint)


def read_view_files(contract: OpenDataContractStandard, document: Document) -> tuple[Path, ...]:
    """The files of `caremesh.view`: its value is one name or a list of names, and the property may be repeated."""
    named: list[tuple[Place, str]] = []
    for path, value in _values_of(contract, VIEW_PROPERTY).items():
        if isinstance(value, list):
            named += [((*path, index), name) for index, name in enumerate(value)]
        else:
            named.append((path, value))
    folder = document.file.parent
    for path, name in named:
        if not isinstance(name, str) or not name:
            document.fault(f"{VIEW_PROPERTY} does not name a file", path, hint="value: view.json")
        elif not (folder / name).is_file():
            says = f"{VIEW_PROPERTY} names a file that is not there: {folder / name}"
            document.fault(says, path, hint="write the view, or correct its name")
    document.refuse_repeats("view", [(path, str(name)) for path, name in named], hint="name each file once")
    return tuple(folder / str(name) for _, name in named)


def read_completeness(
    contract: OpenDataContractStandard, columns: Iterable[Column], document: Document
) -> CompletenessRule | None:
    """The rule of `caremesh.completeness`; None where the contract has none, or after a fault was noted."""
    stated = _values_of(contract, COMPLETENESS_PROPERTY)
    if not stated:
        return None
    places = [((*path[:-1], "property"), COMPLETENESS_PROPERTY) for path in stated]
    document.refuse_repeats("property", places, hint="state all requirements in one")
    path, value = next(iter(stated.items()))
    types = {c.name: c.sql_type for c in columns}
    return document.attempt(
        lambda: read_rule(value, columns=types, where=lambda inner: document.where((*path, *inner)))
    )


def _values_of(contract: OpenDataContractStandard, name: str) -> dict[Place, Any]:
    """The values of one custom property by their places."""
    properties = enumerate(contract.customProperties or [])
    return {("customProperties", i, "value"): p.value for i, p in properties if p.property == name}


def _all_properties(value: Any, path: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every custom property, also those of columns and rules, with its place."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _all_properties(inner, (*path, index))
    elif isinstance(value, dict):
        for key, inner in value.items():
            listed = inner if key == "customProperties" and isinstance(inner, list) else ()
            yield from (((*path, key, i), p) for i, p in enumerate(listed) if isinstance(p, dict))
            yield from _all_properties(inner, (*path, key))
