"""Reads a contract: one product's columns, rules, views and owner.

A contract is an ODCS v3.1 YAML file (https://bitol-io.github.io/open-data-contract-standard/v3.1.0/).
The `open-data-contract-standard` model checks its form; this module checks what CareMesh needs beyond the form,
and hands out small frozen values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import yaml
from open_data_contract_standard.model import OpenDataContractStandard, SchemaObject, SchemaProperty
from pydantic import ValidationError

from caremesh.completeness import COMPLETENESS_PROPERTY, CompletenessRule, read_rule
from caremesh.errors import ContractError
from caremesh.products.document import load_yaml, one_of, read_text, refuse_duplicates, required
from caremesh.products.product import CONTRACT_FILE, Classification, Column, Product, SqlType
from caremesh.products.rules import read_rules
from caremesh.products.source_column import require_source

VIEW_PROPERTY = "caremesh.view"


def read_product(folder: Path) -> Product:
    """Read one product folder; raise ContractError where its contract is not valid."""
    file = folder / CONTRACT_FILE
    text = read_text(file)
    contract = _parse(text, file)
    table = _only_table(contract, file)
    domain, name = folder.parent.name, folder.name
    if (contract.domain, table.name, contract.id) != (domain, name, f"{domain}.{name}"):
        raise ContractError(
            f"domain {contract.domain!r}, id {contract.id!r} and table {table.name!r} do not agree with the folder",
            where=str(file),
            hint=f"domain: {domain}, id: {domain}.{name}, schema[0].name: {name}",
        )
    columns = tuple(_column(p, i, file) for i, p in enumerate(table.properties or []))
    rules = tuple(read_rules(table, file))
    refuse_duplicates("columns", [c.name for c in columns], file)
    refuse_duplicates("checks", [r.name for r in rules], file)
    views = _view_files(contract, folder)
    if views:
        require_source(columns, file)
    product = Product(
        domain=domain,
        name=name,
        version=required(contract.version, "version", file),
        title=required(contract.name, "name", file),
        purpose=required(_purpose(contract), "description.purpose", file),
        limitations=getattr(contract.description, "limitations", None) or "",
        description=required(table.description, "schema[0].description", file),
        grain=required(table.dataGranularityDescription, "schema[0].dataGranularityDescription", file),
        owner=_owner(contract, file),
        team=(contract.team and getattr(contract.team, "name", None)) or "",
        columns=columns,
        rules=rules,
        folder=folder,
        view_files=views,
        contract_digest=hashlib.sha256(text.encode()).hexdigest(),
        completeness=_completeness(contract, columns, file),
    )
    if not product.key:
        raise ContractError("no column is a primaryKey", where=str(file), hint="mark the columns of the grain")
    return product


def _parse(text: str, file: Path) -> OpenDataContractStandard:
    try:
        stated = load_yaml(text)
        if not isinstance(stated, dict):
            raise ContractError("is no ODCS document", where=str(file), hint="copy one of another product, and edit it")
        contract = OpenDataContractStandard(**stated)
    except yaml.YAMLError as error:
        raise ContractError(f"not valid YAML: {error}", where=str(file)) from None
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ContractError(f"not a valid ODCS contract: {path}: {first['msg']}", where=str(file)) from None
    # The model passes over keys that it does not know: a misspelt `required` would be a check that is never made.
    _refuse_unknown_keys(stated, contract.model_dump(by_alias=True, exclude_unset=True), "$", file)
    return contract


def _refuse_unknown_keys(stated: Any, known: Any, path: str, file: Path) -> None:
    if isinstance(stated, list) and isinstance(known, list):
        for index, (left, right) in enumerate(zip(stated, known, strict=True)):
            _refuse_unknown_keys(left, right, f"{path}[{index}]", file)
    if isinstance(stated, dict) and isinstance(known, dict):
        for key, value in stated.items():
            if key not in known:
                raise ContractError(
                    f"{path}: ODCS 3.1 has no key {key!r} here",
                    where=str(file),
                    hint="correct its spelling; what is your own goes under customProperties",
                )
            _refuse_unknown_keys(value, known[key], f"{path}.{key}", file)


def _only_table(contract: OpenDataContractStandard, file: Path) -> SchemaObject:
    tables = contract.schema_ or []
    if len(tables) != 1:
        raise ContractError(
            f"schema lists {len(tables)} tables", where=str(file), hint="one contract describes one table"
        )
    return tables[0]


def _column(stated: SchemaProperty, index: int, file: Path) -> Column:
    where = f"{file}: schema[0].properties[{index}] ({stated.name})"
    sql_type = one_of(stated.physicalType, "physicalType", get_args(SqlType), where)
    classification = one_of(stated.classification, "classification", get_args(Classification), where)
    return Column(
        name=required(stated.name, "name", where),
        sql_type=sql_type,
        classification=classification,
        description=required(stated.description, "description", where),
        required=bool(stated.required),
        unique=bool(stated.unique),
        key_position=(stated.primaryKeyPosition or 1) if stated.primaryKey else None,
    )


def _owner(contract: OpenDataContractStandard, file: Path) -> str:
    members = getattr(contract.team, "members", None) or []
    owners = [m.username for m in members if m.role == "owner" and m.username]
    return required(owners[0] if owners else None, "team.members with role: owner", file)


def _view_files(contract: OpenDataContractStandard, folder: Path) -> tuple[Path, ...]:
    """The files of `caremesh.view`: its value is one name or a list of names, and it may stand several times."""
    stated = [p.value for p in contract.customProperties or [] if p.property == VIEW_PROPERTY]
    names = [str(name) for value in stated for name in (value if isinstance(value, list) else [value])]
    refuse_duplicates("views", names, folder / CONTRACT_FILE)
    for file in (folder / name for name in names):
        if not file.is_file():
            raise ContractError(f"{VIEW_PROPERTY} names a file that is not there", where=str(file))
    return tuple(folder / name for name in names)


def _completeness(contract: OpenDataContractStandard, columns: Iterable[Column], file: Path) -> CompletenessRule | None:
    stated = [p.value for p in contract.customProperties or [] if p.property == COMPLETENESS_PROPERTY]
    if len(stated) > 1:
        raise ContractError(f"{COMPLETENESS_PROPERTY} stands twice", where=str(file), hint="put all in one")
    types = {c.name: c.sql_type for c in columns}
    return read_rule(stated[0], columns=types, where=str(file)) if stated else None


def _purpose(contract: OpenDataContractStandard) -> str | None:
    # ODCS 3.2 allows a plain text in place of the three parts.
    stated = contract.description
    return stated if isinstance(stated, str) else getattr(stated, "purpose", None)
