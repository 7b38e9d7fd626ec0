"""Reads a contract: one product's columns, rules, views and owner.

A contract is an ODCS v3.1 YAML file (https://bitol-io.github.io/open-data-contract-standard/v3.1.0/).
The `open-data-contract-standard` model checks its form; this module checks what CareMesh needs beyond the form,
and hands out small frozen values. All faults of a contract are reported together.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from open_data_contract_standard.model import (
    DataQuality,
    Description,
    OpenDataContractStandard,
    SchemaObject,
    SchemaProperty,
)
from pydantic import BaseModel, ValidationError

from caremesh.products.check_names import checks_without_a_rule
from caremesh.products.conditions import OPERATORS
from caremesh.products.custom_properties import read_completeness, read_view_files, refuse_unknown_properties
from caremesh.products.document import Document
from caremesh.products.product import CONTRACT_FILE, Classification, Column, Product, SqlType
from caremesh.products.rules import read_rules
from caremesh.products.source_column import require_source
from caremesh.products.yaml_text import Place

_TABLE: Place = ("schema", 0)
_COLUMNS: Place = (*_TABLE, "properties")
_UNCHECKED = ("enum", "logicalTypeOptions", "properties", "items", "map", "relationships")
"""What ODCS lets a table or column promise beside `quality`, and CareMesh does not check."""
_BELONGS: tuple[tuple[type[BaseModel], str], ...] = (
    (DataQuality, "a rule under quality"),
    (SchemaProperty, "a column"),
    (SchemaObject, "the table, schema[0]"),
    (OpenDataContractStandard, "the contract itself"),
)


def read_product(folder: Path) -> Product:
    """Read one product folder; raise ContractError that names every fault of its contract."""
    missing = f"write {CONTRACT_FILE} (caremesh new makes one), or remove the folder"
    document = Document(
        folder / CONTRACT_FILE, missing=missing, empty="copy the contract of another product, and edit it"
    )
    contract = _parse(document)
    table = _only_table(contract, document)
    _refuse_other_names(contract, table, document)
    columns = tuple(_column(p, (*_COLUMNS, i), document) for i, p in enumerate(table.properties or []))
    document.refuse_repeats("column", [((*_COLUMNS, i, "name"), c.name.lower()) for i, c in enumerate(columns)])
    views = read_view_files(contract, document)
    if views:
        document.attempt(lambda: require_source(columns, document.where(_COLUMNS)))
    key, about = _key(columns, document), contract.description or Description()
    product = Product(
        domain=folder.parent.name,
        name=folder.name,
        version=document.required(contract.version, "version"),
        title=document.required(contract.name, "name"),
        purpose=document.required(about.purpose, "description.purpose"),
        limitations=about.limitations or "",
        description=document.required(table.description, "description", _TABLE),
        grain=document.required(table.dataGranularityDescription, "dataGranularityDescription", _TABLE),
        owner=_owner(contract, document),
        team=(contract.team and getattr(contract.team, "name", None)) or "",
        columns=columns,
        rules=read_rules(table, columns, document, taken=_check_names(columns, key)),
        folder=folder,
        view_files=views,
        contract_digest=hashlib.sha256(document.text.encode()).hexdigest(),
        completeness=read_completeness(contract, columns, document),
        place=document.where((*_TABLE, "name")),
    )
    document.raise_faults()
    return product


def _parse(document: Document) -> OpenDataContractStandard:
    """The contract as the model reads it; what the model refuses is one fault each, and is left out."""
    document.refuse_empty_values()
    contract = _validate(document)
    # The model passes over keys that it does not know: a misspelt `required` would be a check that is never made.
    _refuse_unknown_keys(document.value, contract, (), document)
    refuse_unknown_properties(document)
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
                _unknown_key(path, OpenDataContractStandard, document)
            else:
                says = f"not a valid ODCS contract: {_plain_words(fault['msg'])}"
                document.fault(says, path, hint=_hint_of(path))
            document.break_off(path)
    # Every part of the model may be absent, so that without the faulty ones it takes the rest.
    return _validate(document)


def _plain_words(says: str) -> str:
    """What the model says of a value, without the names of its classes."""
    return re.sub(r" or instance of \w+", "", says).replace("a valid dictionary", "keys and values")


def _hint_of(path: Place) -> str:
    operator = next((step for step in path if step in OPERATORS), None)
    if operator is None:
        return "correct the value there"
    return f"{operator}: [0, 10]" if str(operator).endswith("Between") else f"{operator}: 5"


def _known_part(location: Sequence[str | int], document: Document) -> Place:
    """The place that the model complains of, without the names of its own types that it puts in between."""
    path: Place = ()
    for step in location:
        holder = document.at(path)
        if (isinstance(holder, dict) and step in holder) or (isinstance(holder, list) and isinstance(step, int)):
            path = (*path, step)
    return path or ("schema",)


def _refuse_unknown_keys(stated: Any, read: Any, path: Place, document: Document) -> None:
    """Note each key that the model of its place does not have; `read` is what the model made of `stated`."""
    if isinstance(stated, list) and isinstance(read, list):
        for index, (left, right) in enumerate(zip(stated, read, strict=True)):
            _refuse_unknown_keys(left, right, (*path, index), document)
    if isinstance(stated, dict) and isinstance(read, BaseModel):
        fields = {field.alias or name: name for name, field in type(read).model_fields.items()}
        for key, value in stated.items():
            if key in fields:
                _refuse_unknown_keys(value, getattr(read, fields[key]), (*path, key), document)
            else:
                _unknown_key((*path, key), type(read), document)


def _unknown_key(path: Place, model: type[BaseModel], document: Document) -> None:
    owners = [words for other, words in _BELONGS if path[-1] in _keys_of(other)]
    says, otherwise = f"ODCS 3.1 has no key {path[-1]!r} here", "remove it; put keys of your own under customProperties"
    if len(owners) in (1, 2):  # others, such as `name` and `tags`, belong nearly everywhere
        document.fault(says, path, hint=f"move it: {path[-1]} is a key of {' and of '.join(owners)}")
    else:
        document.refuse_key(path, says, known=_keys_of(model), otherwise=otherwise)


def _keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _only_table(contract: OpenDataContractStandard, document: Document) -> SchemaObject:
    tables = contract.schema_ or []
    if len(tables) != 1:
        document.fault(f"schema lists {len(tables)} tables", ("schema",), hint="describe one table in each contract")
        document.raise_faults()
    _refuse_unchecked(tables[0], _TABLE, document)
    return tables[0]


def _refuse_other_names(contract: OpenDataContractStandard, table: SchemaObject, document: Document) -> None:
    name, domain = document.file.parent.name, document.file.parent.parent.name
    stated = {("domain",): contract.domain, ("id",): contract.id, (*_TABLE, "name"): table.name}
    expected = {("domain",): domain, ("id",): f"{domain}.{name}", (*_TABLE, "name"): name}
    for path, value in stated.items():
        if value != expected[path]:
            found = "is missing" if value is None else f"is {value!r}, and does not agree with the folder"
            document.fault(f"{path[-1]} {found}", path, hint=f"{path[-1]}: {expected[path]}")


def _refuse_unchecked(stated: SchemaObject | SchemaProperty, path: Place, document: Document) -> None:
    for key in (k for k in _UNCHECKED if getattr(stated, k, None) is not None):
        if (path, key) != (_TABLE, "properties"):
            hint = "state it as a rule under quality, and remove it here"
            document.fault(f"{key} is not checked", (*path, key), hint=hint)


def _column(stated: SchemaProperty, path: Place, document: Document) -> Column:
    _refuse_unchecked(stated, path, document)
    document.refuse_breaks(stated.name, (*path, "name"))
    return Column(
        name=document.required(stated.name, "name", path),
        sql_type=document.one_of(stated.physicalType, "physicalType", get_args(SqlType), path),
        classification=document.one_of(stated.classification, "classification", get_args(Classification), path),
        description=document.required(stated.description, "description", path),
        required=bool(stated.required),
        unique=bool(stated.unique),
        key_position=_key_position(stated, path, document),
    )


def _key_position(stated: SchemaProperty, path: Place, document: Document) -> int | None:
    position, place = stated.primaryKeyPosition, (*path, "primaryKeyPosition")
    if position is not None and not stated.primaryKey and document.is_whole((*path, "primaryKey")):
        document.fault("primaryKeyPosition is of a column that is not a primaryKey", place, hint="add primaryKey: true")
    elif position is not None and position < 1:
        document.fault(f"primaryKeyPosition is {position}", place, hint="count from 1")
    return (position or 1) if stated.primaryKey else None


def _key(columns: Iterable[Column], document: Document) -> tuple[str, ...]:
    """The columns of the key; that there is none is a fault where each column says whether it is one."""
    keyed = tuple(c.name for c in columns if c.key_position is not None)
    count = len(document.at(_COLUMNS) or ())
    if not keyed and all(document.is_whole((*_COLUMNS, i, "primaryKey")) for i in range(count)):
        document.fault("no column is a primaryKey", _COLUMNS, hint="primaryKey: true for the columns of the grain")
    return keyed


def _check_names(columns: Iterable[Column], key: tuple[str, ...]) -> frozenset[str]:
    required = [c.name for c in columns if c.required or c.name in key]
    return checks_without_a_rule(required=required, unique=[c.name for c in columns if c.unique and key != (c.name,)])


def _owner(contract: OpenDataContractStandard, document: Document) -> str:
    if isinstance(contract.team, list):
        hint = "team: {name: …, members: […]}, with the list as members"
        document.fault("team is a list", ("team",), hint=hint)
        return ""
    members = (contract.team and contract.team.members) or []
    owners = [m.username for m in members if m.role == "owner" and m.username]
    if not owners:
        hint = "team: {name: …, members: [{username: …, role: owner}]}"
        document.fault("no member of the team has role: owner", ("team", "members"), hint=hint)
    return owners[0] if owners else ""
