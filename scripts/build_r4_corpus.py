"""Build tests/generative/corpus/r4_examples.ndjson.gz from the npm package hl7.fhir.r4.examples (CC0-1.0).

    npm pack hl7.fhir.r4.examples@4.0.1
    python scripts/build_r4_corpus.py hl7.fhir.r4.examples-4.0.1.tgz

One line for each clinical, administrative or financial example, sorted by type and id, and as HL7 wrote it but for the
spaces between values: numbers keep their digits. What describes FHIR itself, and giants, are left out. The same package
always gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

TARGET = Path(__file__).parent.parent / "tests" / "generative" / "corpus" / "r4_examples.ndjson.gz"
LARGEST = 64 * 1024
# Conformance, terminology and test resources, and bundles, whose entries are examples of their own.
LEFT_OUT = frozenset(
    [
        "Bundle",
        "CapabilityStatement",
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "ExampleScenario",
        "GraphDefinition",
        "ImplementationGuide",
        "Library",
        "MessageDefinition",
        "NamingSystem",
        "OperationDefinition",
        "SearchParameter",
        "StructureDefinition",
        "StructureMap",
        "TerminologyCapabilities",
        "TestReport",
        "TestScript",
        "ValueSet",
    ]
)
STRING_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')


def main() -> None:
    """Read the package named on the command line and write the corpus."""
    parser = argparse.ArgumentParser(description="Build the corpus of FHIR R4 examples.")
    parser.add_argument("package", type=Path, help="hl7.fhir.r4.examples-4.0.1.tgz")
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    text = "".join(f"{line}\n" for _, _, line in sorted(read_examples(arguments.package)))
    # mtime 0 and no file name: the bytes depend on the package alone.
    arguments.target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def read_examples(package: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the type, the id and the line of each example that is kept."""
    with tarfile.open(package) as archive:
        for member in archive:
            if not member.name.endswith(".json") or Path(member.name).name == "package.json":
                continue
            stream = archive.extractfile(member)
            assert stream is not None
            text = stream.read().decode("utf-8-sig")
            resource = json.loads(text)
            line = squeeze(text)
            if resource["resourceType"] not in LEFT_OUT and len(line.encode()) <= LARGEST:
                yield resource["resourceType"], resource["id"], line


def squeeze(text: str) -> str:
    """JSON without the spaces and line breaks between its values."""
    return STRING_OR_SPACE.sub(lambda match: match.group(1) or "", text)


if __name__ == "__main__":
    main()
