"""A new data product's folder: contract, view, example and expected rows, computed from the FHIR type alone.

It passes the product test as it is, so that a team starts from green and edits from there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from caremesh.errors import UsageError
from caremesh.fhir.types import Element, load_types, suggest
from caremesh.products import CONTRACT_FILE, SOURCE_LINES, VIEW_PROPERTY, is_product_name

_INHERITED = {"id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"}
_LOGICAL = {"varchar": "string", "double": "number", "timestamp": "timestamp"}
_MOMENT = "2024-02-29T08:30:00-05:00"
# What HealthLake's integrated NLP generates, from notes and without anybody's word for it, is marked like this:
# https://docs.aws.amazon.com/healthlake/latest/devguide/med-example.html
_GENERATED_TYPES = ("Condition", "Observation", "MedicationStatement")
_NOT_GENERATED = "meta.tag.where(display = 'SYSTEM_GENERATED').empty()"


@dataclass(frozen=True)
class _Field:
    """One column to be: its place in the view, and the value that the example gives it."""

    name: str
    path: str
    fhir_type: str
    sql_type: str
    classification: str
    description: str
    expected: str
    is_cast: bool = False


def write_product(domains: Path, *, domain: str, product: str, resource: str) -> tuple[Path, tuple[str, ...]]:
    """Write `domains/<domain>/<product>/`; give the folder, and the elements that are left for people to decide on.

    Raises UsageError where the folder is there already or a name is not usable.
    """
    types = load_types()
    if resource not in types.resources:
        raise UsageError(f"{resource!r} is no FHIR R4 resource type", hint=suggest(resource, types.resources))
    for name in (domain, product):
        if not is_product_name(name):
            hint = "lower case letters, digits and _, but not a word of SQL"
            raise UsageError(f"{name!r} cannot be the name of a domain or product", hint=hint)
    if not (domains / domain / "domain.yaml").is_file():
        raise UsageError(f"there is no domain {domain!r}", where=str(domains), hint=f"write {domain}/domain.yaml first")
    folder = domains / domain / product
    if folder.exists():
        raise UsageError("the product is there already", where=str(folder))
    example: dict[str, Any] = {"resourceType": resource, "id": "example", "meta": {"lastUpdated": _MOMENT}}
    fields = list(_fields(resource, example))
    folder.mkdir()
    (folder / CONTRACT_FILE).write_text(_contract(domain, product, resource, fields), encoding="utf-8")
    (folder / "view.json").write_text(_view(domain, product, resource, fields), encoding="utf-8")
    (folder / "example.ndjson").write_text(json.dumps(example) + "\n", encoding="utf-8")
    (folder / "expected.csv").write_text(_expected(fields), encoding="utf-8")
    return folder, _left_out(resource, example)


def _left_out(resource: str, example: dict[str, Any]) -> tuple[str, ...]:
    types = load_types()
    names = [n for n in types.element_names(resource) if n not in _INHERITED and n not in example]
    return tuple(f"{n}[x]" if (e := types.element(resource, n)) and e.choice else n for n in names)


def _fields(resource: str, example: dict[str, Any]) -> Iterator[_Field]:
    """The columns that need no decision: the key, and every single element that is plain, coded or a reference."""
    key = f"{_snake(resource)}_id"
    yield _Field(key, "getResourceKey()", "id", "varchar", "direct_identifier", f"Id of the {resource}.", "example")
    types = load_types()
    for name in types.element_names(resource):
        element = types.element(resource, name)
        if element and name not in _INHERITED and not element.repeats and not element.choice:
            yield from _element_fields(element, example)
    if types.element(resource, "lastUpdated"):
        return
    yield _Field(
        "last_updated_at",
        "meta.lastUpdated",
        "instant",
        "timestamp",
        "administrative",
        "When the source server last changed the resource.",
        "2024-02-29 08:30:00",
        is_cast=True,
    )


def _element_fields(element: Element, example: dict[str, Any]) -> Iterator[_Field]:
    (fhir_type,), name, column = element.types, element.name, _snake(element.name)
    if fhir_type in ("code", "string", "uri"):
        example[name] = "example"
        yield _Field(column, name, fhir_type, "varchar", "clinical", f"{name} as written.", "example")
    elif fhir_type in ("dateTime", "instant"):
        example[name] = _MOMENT
        typed = f"{name}, at the offset it was written with."
        yield _Field(
            f"{column}_at", name, fhir_type, "timestamp", "quasi_identifier", typed, "2024-02-29 08:30:00", True
        )
        yield _Field(f"{column}_text", name, fhir_type, "varchar", "quasi_identifier", f"{name} as written.", _MOMENT)
    elif fhir_type == "CodeableConcept":
        coding = {"system": "http://example.org/codes", "code": "c1", "display": "Example"}
        example[name] = {"coding": [coding]}
        for part, part_type in (("system", "uri"), ("code", "code"), ("display", "string")):
            path, text = f"{name}.coding.first().{part}", f"{part} of the first coding of {name}."
            yield _Field(f"{column}_{part}", path, part_type, "varchar", "clinical", text, coding[part])
    elif fhir_type == "Reference" and name in ("subject", "patient", "encounter"):
        yield from _reference_fields(name, example)


def _reference_fields(name: str, example: dict[str, Any]) -> Iterator[_Field]:
    target = "Encounter" if name == "encounter" else "Patient"
    column = target.lower()
    example[name] = {"reference": f"{target}/p1"}
    text = f"Id of the {column}; null unless the reference is a relative one to {target}."
    yield _Field(
        f"{column}_id", f"{name}.getReferenceKey({target})", "string", "varchar", "direct_identifier", text, "p1"
    )
    path = f"{name}.where(getReferenceKey({target}).empty()).reference"
    text = f"Reference to the {column} as written, where it is not a relative one."
    yield _Field(f"{column}_reference", path, "string", "varchar", "direct_identifier", text, "")


def _contract(domain: str, product: str, resource: str, fields: list[_Field]) -> str:
    grain = f"One row per {resource} resource."
    properties = [
        {
            "name": f.name,
            "logicalType": _LOGICAL[f.sql_type],
            "physicalType": f.sql_type,
            **({"primaryKey": True, "primaryKeyPosition": 1, "required": True, "unique": True} if not i else {}),
            "classification": f.classification,
            "description": f.description,
        }
        for i, f in enumerate(fields)
    ]
    properties += yaml.safe_load("\n".join(SOURCE_LINES))
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{domain}.{product}",
        "name": product.replace("_", " ").capitalize(),
        "version": "0.1.0",
        "status": "draft",
        "domain": domain,
        "dataProduct": f"{domain}.{product}",
        "description": {"purpose": f"What FHIR {resource} resources say.", "limitations": "Scaffolded: edit me."},
        "schema": [
            {
                "name": product,
                "physicalType": "table",
                "description": f"{resource} resources. {grain}",
                "dataGranularityDescription": grain,
                "properties": properties,
            }
        ],
        "team": {"name": domain, "members": [{"username": f"{domain}-data@hospital.example", "role": "owner"}]},
        "customProperties": [{"property": VIEW_PROPERTY, "value": "view.json"}],
    }
    return yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=120)


def _view(domain: str, product: str, resource: str, fields: list[_Field]) -> str:
    columns = [
        {
            "name": f.name,
            "path": f.path,
            "type": f.fhir_type,
            **({"tag": [{"name": "ansi/type", "value": f.sql_type.upper()}]} if f.is_cast else {}),
        }
        for f in fields
    ]
    view = {
        "resourceType": "ViewDefinition",
        "url": f"https://caremesh.example/ViewDefinition/{domain}.{product}",
        "name": product,
        "status": "draft",
        "resource": resource,
        "fhirVersion": ["4.0.1"],
        **({"where": [{"path": _NOT_GENERATED}]} if resource in _GENERATED_TYPES else {}),
        "select": [{"column": columns}],
    }
    return json.dumps(view, indent=2) + "\n"


def _expected(fields: list[_Field]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f.name for f in fields])
    writer.writerow([f.expected for f in fields])
    return out.getvalue()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
