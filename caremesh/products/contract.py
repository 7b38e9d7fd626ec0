"""Reads a contract: one product's columns, rules, views and owner.

A contract is an ODCS v3.1 YAML file (https://bitol-io.github.io/open-data-contract-standard/v3.1.0/).
The `open-data-contract-standard` model checks its form; this module checks what CareMesh needs beyond the form,
and hands out small frozen values. All that is wrong with a contract is told at once.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

from open_data_contract_standard import model
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import BaseModel, ValidationError

from caremesh.completeness import COMPLETENESS_PROPERTY, CompletenessRule, read_rule
from caremesh.products.conditions import OPERATORS
from caremesh.products.document import Document
from caremesh.products.product import CONTRACT_FILE, Classification, Column, Product, SqlType
from caremesh.products.rules import read_rules
from caremesh.products.source_column import require_source
from caremesh.products.yaml_text import Place

VIEW_PROPERTY = "caremesh.view"

_COLUMNS: Place = ("schema", 0, "properties")
_UNCHECKED = ("enum", "logicalTypeOptions", "properties", "items", "map")
"""What ODCS lets a column promise beside `quality`, and nothing here would check."""


def read_product(folder: Path) -> Product:
    """Read one product folder; raise ContractError that tells all that is wrong with its contract."""
    document = Document(folder / CONTRACT_FILE)
    contract = _parse(document)
    table = _only_table(contract, document)
    _refuse_other_names(contract, table, document)
    columns = tuple(_column(p, (*_COLUMNS, i), document) for i, p in enumerate(table.properties or []))
    rules = read_rules(table, columns, document)
    document.refuse_duplicates("columns", [c.name.lower() for c in columns], _COLUMNS)
    document.refuse_duplicates("checks", [r.name for r in rules], _COLUMNS[:2])
    views = _view_files(contract, document)
    if views:
        document.attempt(lambda: require_source(columns, document.where(_COLUMNS)))
    product = Product(
        domain=folder.parent.name,
        name=folder.name,
        version=document.required(contract.version, "version"),
        title=document.required(contract.name, "name"),
        purpose=document.required(_purpose(contract), "description.purpose"),
        limitations=getattr(contract.description, "limitations", None) or "",
        description=document.required(table.description, "description", _COLUMNS[:2]),
        grain=document.required(table.dataGranularityDescription, "dataGranularityDescription", _COLUMNS[:2]),
        owner=_owner(contract, document),
        team=(contract.team and getattr(contract.team, "name", None)) or "",
        columns=columns,
        rules=rules,
        folder=folder,
        view_files=views,
        contract_digest=hashlib.sha256(document.text.encode()).hexdigest(),
        completeness=_completeness(contract, columns, document),
    )
    if not product.key:
        document.fault("no column is a primaryKey", _COLUMNS, hint="primaryKey: true for the columns of the grain")
    document.raise_faults()
    return product


def _parse(document: Document) -> OpenDataContractStandard:
    """The contract as the model reads it; what it does not take is a fault each, and is left out."""
    contract = _validate(document)
    # The model passes over keys that it does not know: a misspelt `required` would be a check that is never made.
    _refuse_unknown_keys(document.value, contract.model_dump(by_alias=True, exclude_unset=True), (), document)
    return contract


def _validate(document: Document) -> OpenDataContractStandard:
    stated = copy.deepcopy(document.value)
    try:
        return OpenDataContractStandard(**stated)
    except ValidationError as error:
        found = [(_known_part(e["loc"], document), e) for e in error.errors()]
        for path, fault in found:
            if any(other[: len(path)] == path != other for other, _ in found):
                continue  # said of another type that could stand here, while the one meant is named further down
            if fault["type"] == "extra_forbidden":
                _unknown_key(path, document)
            else:
                is_operator = any(step in OPERATORS for step in path)
                hint = "mustBeBetween: [0, 10], or mustBe: 5" if is_operator else "correct the value there"
                document.fault(f"not a valid ODCS contract: {fault['msg']}", path, hint=hint)
            document.break_off(path)
    # Every part of the model may be absent, so that without the faulty ones it takes the rest.
    return _validate(document)


def _known_part(location: Sequence[str | int], document: Document) -> Place:
    """The place that the model complains of, without the names of its own types that it puts in between."""
    path: Place = ()
    for step in location:
        holder = document.at(path)
        if (isinstance(holder, dict) and step in holder) or (isinstance(holder, list) and isinstance(step, int)):
            path = (*path, step)
    return path or ("schema",)


def _refuse_unknown_keys(stated: Any, known: Any, path: Place, document: Document) -> None:
    if isinstance(stated, list) and isinstance(known, list):
        for index, (left, right) in enumerate(zip(stated, known, strict=True)):
            _refuse_unknown_keys(left, right, (*path, index), document)
    if isinstance(stated, dict) and isinstance(known, dict):
        for key, value in stated.items():
            if key in known:
                _refuse_unknown_keys(value, known[key], (*path, key), document)
            else:
                _unknown_key((*path, key), document)


def _unknown_key(path: Place, document: Document) -> None:
    hint = "remove it; what is your own goes under customProperties"
    document.refuse_key(path, f"ODCS 3.1 has no key {path[-1]!r} here", known=_odcs_keys(), otherwise=hint)


@cache
def _odcs_keys() -> frozenset[str]:
    """Every key that ODCS has somewhere."""
    models = [m for m in vars(model).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    return frozenset(field.alias or name for m in models for name, field in m.model_fields.items())


def _only_table(contract: OpenDataContractStandard, document: Document) -> SchemaObject:
    tables = contract.schema_ or []
    if len(tables) != 1:
        hint = "one contract describes one table"
        document.fault(f"schema lists {len(tables)} tables", ("schema",), hint=hint)
        document.raise_faults()
    return tables[0]


def _refuse_other_names(contract: OpenDataContractStandard, table: SchemaObject, document: Document) -> None:
    name, domain = document.file.parent.name, document.file.parent.parent.name
    stated = {("domain",): contract.domain, ("id",): contract.id, ("schema", 0, "name"): table.name}
    expected = {("domain",): domain, ("id",): f"{domain}.{name}", ("schema", 0, "name"): name}
    for path, value in stated.items():
        if value != expected[path]:
            says = f"{path[-1]} is {value!r}, and does not agree with the folder"
            document.fault(says, path, hint=f"{path[-1]}: {expected[path]}")


def _column(stated: SchemaProperty, path: Place, document: Document) -> Column:
    for key in (k for k in _UNCHECKED if getattr(stated, k) is not None):
        says = f"{key} is not checked, so that it would promise what nobody keeps"
        document.fault(says, (*path, key), hint="state it as a rule under quality, and remove it here")
    return Column(
        name=document.required(stated.name, "name", path),
        sql_type=document.one_of(stated.physicalType, "physicalType", get_args(SqlType), path),
        classification=document.one_of(stated.classification, "classification", get_args(Classification), path),
        description=document.required(stated.description, "description", path),
        required=bool(stated.required),
        unique=bool(stated.unique),
        key_position=(stated.primaryKeyPosition or 1) if stated.primaryKey else None,
    )


def _owner(contract: OpenDataContractStandard, document: Document) -> str:
    members = getattr(contract.team, "members", None) or []
    owners = [m.username for m in members if m.role == "owner" and m.username]
    if not owners:
        document.fault("no member of the team has role: owner", ("team",), hint="members: [{username: …, role: owner}]")
    return owners[0] if owners else ""


def _custom(contract: OpenDataContractStandard, name: str) -> dict[Place, Any]:
    """The values of one custom property by their places."""
    properties = enumerate(contract.customProperties or [])
    return {("customProperties", i, "value"): p.value for i, p in properties if p.property == name}


def _view_files(contract: OpenDataContractStandard, document: Document) -> tuple[Path, ...]:
    """The files of `caremesh.view`: its value is one name or a list of names, and it may stand several times."""
    folder = document.file.parent
    stated = _custom(contract, VIEW_PROPERTY)
    names = {p: [str(n) for n in (v if isinstance(v, list) else [v])] for p, v in stated.items()}
    for path, listed in names.items():
        for file in (folder / name for name in listed):
            if not file.is_file():
                says = f"{VIEW_PROPERTY} names a file that is not there: {file}"
                document.fault(says, path, hint="write the view, or correct its name")
    every = [name for listed in names.values() for name in listed]
    document.refuse_duplicates("views", every, next(iter(names), ()))
    return tuple(folder / name for name in every)


def _completeness(
    contract: OpenDataContractStandard, columns: Iterable[Column], document: Document
) -> CompletenessRule | None:
    stated = _custom(contract, COMPLETENESS_PROPERTY)
    if not stated:
        return None
    *others, last = stated
    if others:
        document.fault(f"{COMPLETENESS_PROPERTY} stands twice", last, hint="put all in one")
    types = {c.name: c.sql_type for c in columns}
    return document.attempt(lambda: read_rule(stated[last], columns=types, where=document.where(last)))


def _purpose(contract: OpenDataContractStandard) -> str | None:
    # ODCS 3.2 allows a plain text in place of the three parts.
    stated = contract.description
    return stated if isinstance(stated, str) else getattr(stated, "purpose", None)
