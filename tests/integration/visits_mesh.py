"""A mesh of two tiny products, one of which requires the other: visits, and the persons who come to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import yaml

from caremesh.lake.local import LocalLake
from caremesh.lake.release import Completeness, Manifest
from caremesh.pipeline import run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.small_mesh import write_lines
from tests.integration.tiny_mesh import SOURCE_PROPERTY

UNTIL_PUBLISHED = ("land", "flatten", "check", "publish")
VISIT, PERSON = "clinic.visit", "clinic.person"
REQUIRES = {"person_id": PERSON, "part_of_id": VISIT}


def encounter(number: int, *, of: int | None = None, within: int | None = None) -> dict[str, Any]:
    """An encounter with an id that sorts by its number, of a patient, and part of another encounter."""
    stated: dict[str, Any] = {"resourceType": "Encounter", "id": f"e{number:03}"}
    if of is not None:
        stated["subject"] = {"reference": f"Patient/p{of:03}"}
    if within is not None:
        stated["partOf"] = {"reference": f"Encounter/e{within:03}"}
    return stated


class Mesh:
    """A lake of persons and visits, and exports landed in it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.project, self.landing, self.lake = folder / "project", folder / "landing", folder / "lake"
        self.day = 0
        write_product(self.project, PERSON, {"person_id": "getResourceKey()"}, resource="Patient")
        self.ask_for("list")

    def ask_for(self, incomplete: str | None, domain: str = "clinic") -> None:
        """Write the product of visits; its contract lists incomplete ones, holds them back, or says nothing of them."""
        columns = {
            "visit_id": "getResourceKey()",
            "person_id": "subject.getReferenceKey(Patient)",
            "part_of_id": "partOf.getReferenceKey(Encounter)",
        }
        requires = {**REQUIRES, "part_of_id": f"{domain}.visit"}
        asked = {"requires": requires, "incomplete": incomplete} if incomplete else None
        write_product(self.project, f"{domain}.visit", columns, resource="Encounter", completeness=asked)

    def export(
        self, name: str, *resources: dict[str, Any], gone: tuple[str, ...] = (), source: str | None = None
    ) -> None:
        """Write an export, perhaps of a source of its own; `gone` are references that its delete list names."""
        for kind in ("Patient", "Encounter"):
            found = [r for r in resources if r["resourceType"] == kind]
            if found:
                write_lines(self.landing / name / f"{kind}.ndjson", found)
        if gone:
            entries = [{"request": {"method": "DELETE", "url": url}} for url in gone]
            bundle = {"resourceType": "Bundle", "entry": entries}
            write_lines(self.landing / name / "deleted" / "Bundle-0.ndjson", [bundle])
        if source:
            about = {"source": source, "job": name, "submitted_at": "2026-01-01T00:00:00Z", "is_filtered": True}
            (self.landing / name / "export.json").write_text(json.dumps(about))

    def go(self, lake: Path | None = None, *, domain: str | None = None) -> Manifest:
        """Run; give the manifest of the product that stands last, which is that of visits."""
        self.day += 1
        now = f"2026-02-{self.day:02}T00:00:00Z"
        settings = settings_for(lake or self.lake, self.landing, project=self.project, now=now)
        report = run(settings, watcher=SilentWatcher(), command="test", stages=UNTIL_PUBLISHED, domain=domain)
        return report.products[-1].manifest

    def ask(self, sql: str, lake: Path | None = None) -> list[tuple[Any, ...]]:
        """Rows of the lake's database."""
        with duckdb.connect(str(LocalLake(lake or self.lake).database), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def visits(self, lake: Path | None = None) -> list[str]:
        """The ids of the visits that readers see."""
        return [name for (name,) in self.ask("select visit_id from clinic.visit order by 1", lake)]

    def missing(self) -> list[tuple[Any, ...]]:
        """What is listed: visit, column, missing id, and whether the visit is held back."""
        return self.ask("""
            select key ->> 'visit_id', missing_column, missing_id, is_held
            from ledger.incomplete where product = 'clinic.visit' order by all
        """)


def stated(manifest: Manifest) -> Completeness:
    """What a release says of its completeness."""
    assert manifest.completeness is not None
    return manifest.completeness


def counts(manifest: Manifest) -> dict[str, int]:
    """Incomplete references by column."""
    return dict(stated(manifest).references)


def write_product(
    project: Path, name: str, columns: dict[str, str], *, resource: str, completeness: dict[str, Any] | None = None
) -> None:
    """Write a product of varchar columns, whose first one is the key, and its domain."""
    domain, product = name.split(".")
    folder = project / "domains" / domain / product
    folder.mkdir(parents=True, exist_ok=True)
    about = {"name": domain, "owner": "team@hospital.example", "team": "Team", "description": "A domain."}
    (folder.parent / "domain.yaml").write_text(yaml.safe_dump(about))
    view = {
        "resourceType": "ViewDefinition",
        "name": product,
        "resource": resource,
        "status": "active",
        "select": [{"column": [{"name": n, "path": path, "type": "string"} for n, path in columns.items()]}],
    }
    (folder / "view.json").write_text(json.dumps(view))
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": name,
        "name": product.title(),
        "version": "1.0.0",
        "status": "active",
        "domain": domain,
        "description": {"purpose": "To be tested."},
        "schema": [
            {
                "name": product,
                "description": f"One row per {resource} resource.",
                "dataGranularityDescription": f"One row per {resource} resource.",
                "properties": [*(_property(n, is_key=place == 0) for place, n in enumerate(columns)), SOURCE_PROPERTY],
            }
        ],
        "team": {"name": "Team", "members": [{"username": "team@hospital.example", "role": "owner"}]},
        "customProperties": [{"property": "caremesh.view", "value": "view.json"}],
    }
    if completeness:
        contract["customProperties"].append({"property": "caremesh.completeness", "value": completeness})
    (folder / "contract.odcs.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))


def _property(name: str, *, is_key: bool) -> dict[str, Any]:
    key = {"primaryKey": True, "primaryKeyPosition": 1, "required": True, "unique": True} if is_key else {}
    stated = {"name": name, "logicalType": "string", "physicalType": "varchar", "description": f"The {name}."}
    return {**stated, "classification": "direct_identifier", **key}
