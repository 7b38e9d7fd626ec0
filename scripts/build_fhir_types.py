"""Build caremesh/fhir/types/r4.json.gz from the npm package hl7.fhir.r4.examples (CC0-1.0).

    npm pack hl7.fhir.r4.examples@4.0.1
    python scripts/build_fhir_types.py hl7.fhir.r4.examples-4.0.1.tgz

The package holds the base StructureDefinitions of FHIR R4 4.0.1 with their snapshots. Of each type the compiler needs
which other it specialises; of each element three things, and they become one short text: its types, `[x]` after the
name where they are a choice, and `*` after the types where it may repeat. The same package always gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "caremesh" / "fhir" / "types" / "r4.json.gz"
NESTED = ("BackboneElement", "Element")
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


def main() -> None:
    """Read the package named on the command line and write the type file."""
    parser = argparse.ArgumentParser(description="Build the FHIR R4 type file.")
    parser.add_argument("package", type=Path, help="hl7.fhir.r4.examples-4.0.1.tgz")
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    text = json.dumps(summarise(list(read_definitions(arguments.package))), sort_keys=True, separators=(",", ":"))
    # mtime 0 and no file name: the bytes depend on the package alone.
    arguments.target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def read_definitions(package: Path) -> Iterator[dict[str, Any]]:
    """Yield the StructureDefinitions of base types, not of profiles and not of logical models."""
    with tarfile.open(package) as archive:
        for member in archive:
            name = Path(member.name).name
            if name.startswith("StructureDefinition-") and name.endswith(".json"):
                stream = archive.extractfile(member)
                assert stream is not None
                definition = json.load(stream)
                if definition.get("derivation") != "constraint" and definition["kind"] != "logical":
                    yield definition


def summarise(definitions: list[dict[str, Any]]) -> dict[str, Any]:
    """Reduce the definitions to what the compiler looks up."""
    elements: dict[str, dict[str, str]] = {}
    for definition in definitions:
        stated = {e["path"]: e for e in definition["snapshot"]["element"]}
        parents = {path.rpartition(".")[0] for path in stated}
        for path, element in stated.items():
            parent, _, name = path.rpartition(".")
            if parent and element["max"] != "0":
                elements.setdefault(parent, {})[name] = describe(element, path if path in parents else None)
    kinds = {d["type"]: d["kind"] for d in definitions if not d.get("abstract")}
    return {
        "source": "npm hl7.fhir.r4.examples 4.0.1 (FHIR R4 4.0.1, HL7 International), licence CC0-1.0",
        "resources": sorted(t for t, kind in kinds.items() if kind == "resource"),
        "primitives": sorted(t for t, kind in kinds.items() if kind == "primitive-type"),
        "elements": elements,
        "parents": {d["type"]: d["baseDefinition"].rpartition("/")[2] for d in definitions if "baseDefinition" in d},
    }


def describe(element: dict[str, Any], nested: str | None) -> str:
    """Write an element's types as `HumanName*`, `boolean|dateTime` or, for parts that stand inside it, their path."""
    if "contentReference" in element:
        types = [element["contentReference"].lstrip("#")]
    else:
        types = [nested if nested and t["code"] in NESTED else _code(t) for t in element.get("type", [])]
    return "|".join(types) + ("" if element["max"] == "1" else "*")


def _code(stated: dict[str, Any]) -> str:
    # `id`, `url` and the like state a FHIRPath System type; an extension names the FHIR type they really have.
    for extension in stated.get("extension", []):
        if extension["url"] == FHIR_TYPE:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    return str(stated["code"]).rpartition("System.")[2].lower() if "System." in stated["code"] else str(stated["code"])


if __name__ == "__main__":
    main()
