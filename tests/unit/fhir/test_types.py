"""The committed FHIR types, against an independent source made from FHIR 4.0.1 too: fhirclient's classes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import fhirclient.models

from caremesh.fhir import load_types
from caremesh.fhir.types import Element

TYPES = load_types()


# fhirclient's generator shortens the name of this one class.
RENAMED = {"SubstanceSpecificationstr": "SubstanceSpecificationCode"}


def client_classes() -> Iterator[Any]:
    from fhirclient.models.fhirabstractbase import FHIRAbstractBase

    for module in pkgutil.iter_modules(fhirclient.models.__path__):
        if not module.name.endswith(("_test", "_tests")):
            loaded = importlib.import_module(f"fhirclient.models.{module.name}")
            for value in vars(loaded).values():
                if (
                    isinstance(value, type)
                    and issubclass(value, FHIRAbstractBase)
                    and value.__module__ == loaded.__name__
                ):
                    yield value


def elements_of(fhir_type: str) -> list[Element]:
    found = [TYPES.element(fhir_type, name) for name in TYPES.element_names(fhir_type)]
    assert found
    assert None not in found
    return [element for element in found if element]


def our_elements() -> dict[str, dict[str, bool]]:
    """Type, written as fhirclient names its classes, to JSON name to whether it repeats."""
    return {
        "".join(part[0].upper() + part[1:] for part in fhir_type.split(".")): {
            element.json_name(t): element.repeats for element in elements_of(fhir_type) for t in element.types
        }
        for fhir_type in TYPES.elements
    }


def test_every_property_and_cardinality_agrees_with_fhirclient() -> None:
    ours, compared, disagreements = our_elements(), 0, []
    for model in client_classes():
        if model.__name__ in ("FHIRAbstractBase", "FHIRReference", "FHIRDate"):
            continue
        for _, json_name, _, is_list, _, _ in model.elementProperties(model.__new__(model)):
            compared += 1
            if ours.get(RENAMED.get(model.__name__, model.__name__), {}).get(json_name) is not is_list:
                disagreements.append(f"{model.__name__}.{json_name}")
    assert disagreements == []
    assert compared > 4000


def test_no_two_elements_of_a_type_differ_by_case_alone() -> None:
    # DuckDB and Athena look columns and fields up without case.
    for fhir_type in TYPES.elements:
        names = [e.json_name(t).lower() for e in elements_of(fhir_type) for t in e.types]
        assert len(names) == len(set(names)), fhir_type


def test_choice_borrowed_and_nested_elements() -> None:
    value = TYPES.element("Observation", "value")
    assert value is not None
    assert value.choice
    assert value.json_name("CodeableConcept") == "valueCodeableConcept"
    assert "Quantity" in value.types
    borrowed = TYPES.element("Observation.component", "referenceRange")
    assert borrowed is not None
    assert (borrowed.types, borrowed.repeats) == (("Observation.referenceRange",), True)
    contact = TYPES.element("Patient", "contact")
    assert contact is not None
    assert contact.types == ("Patient.contact",)


def test_resources_and_primitives() -> None:
    assert {"Patient", "ExplanationOfBenefit"} <= TYPES.resources
    assert not {"HumanName", "DomainResource", "Resource"} & TYPES.resources
    assert {"boolean", "decimal", "instant", "xhtml", "integer64"} <= TYPES.primitives
    assert len(TYPES.resources) == 146
