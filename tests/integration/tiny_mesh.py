"""A mesh of three tiny products, whose rows a test can make by hand: it lands thousands of exports in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from caremesh.id_spaces import IdSpaces
from caremesh.lake.local import LocalLake
from caremesh.pipeline import run
from caremesh.products import Product
from caremesh.stages.publish import publish
from tests.conftest import SilentWatcher, settings_for

DOMAIN = "ward"

SOURCE_PROPERTY = {
    "name": "source_id",
    "logicalType": "string",
    "physicalType": "varchar",
    "required": True,
    "classification": "administrative",
    "description": "The source.",
}
"""The column that every contract states last."""

Column = tuple[str, str, str]
"""Name, path, FHIR type."""

COLUMNS: dict[str, tuple[str, Sequence[Column], Sequence[Column]]] = {
    "person": (
        "Patient",
        [
            ("person_id", "getResourceKey()", "id"),
            ("mark", "gender", "code"),
            ("family_name", "name.family", "string"),
            ("is_active", "active", "boolean"),
            ("last_updated", "meta.lastUpdated", "instant"),
        ],
        [],
    ),
    "badge": (
        "Patient",
        [("person_id", "getResourceKey()", "id")],
        [("number", "value", "string"), ("issuer", "system", "uri")],
    ),
    "reading": (
        "Observation",
        [
            ("mark", "value.ofType(string)", "string"),
            ("is_high", "value.ofType(boolean)", "boolean"),
            ("last_updated", "meta.lastUpdated", "instant"),
        ],
        [],
    ),
}
"""Of each product: the resource type, its columns, and those of its rows for each identifier."""

KEYS = {"person": ("person_id",), "badge": ("person_id", "number"), "reading": ("mark",)}


def write_tiny_mesh(folder: Path, *products: str) -> Path:
    """A project folder with some of the three products, and no curated models."""
    home = folder / "domains" / DOMAIN
    for product in products:
        (home / product).mkdir(parents=True)
        (home / product / "view.json").write_text(json.dumps(_view(product)))
        # YAML holds JSON.
        (home / product / "contract.odcs.yaml").write_text(json.dumps(_contract(product)))
    (home / "domain.yaml").write_text(
        json.dumps({"name": DOMAIN, "owner": "ward@hospital.example", "team": "Ward", "description": "Tests."})
    )
    return folder


def _view(product: str) -> dict[str, Any]:
    resource, columns, below = COLUMNS[product]
    select = [{"column": [_stated(c) for c in columns]}]
    if below:
        select.append({"forEach": "identifier", "column": [_stated(c) for c in below]})
    return {"resourceType": "ViewDefinition", "status": "active", "resource": resource, "select": select}


def _stated(column: Column) -> dict[str, str]:
    return dict(zip(("name", "path", "type"), column, strict=True))


def _contract(product: str) -> dict[str, Any]:
    _, columns, below = COLUMNS[product]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{DOMAIN}.{product}",
        "name": product,
        "version": "1.0.0",
        "status": "active",
        "domain": DOMAIN,
        "dataProduct": f"{DOMAIN}.{product}",
        "description": {"purpose": "Tests.", "usage": "Tests.", "limitations": "Tests."},
        "schema": [
            {
                "name": product,
                "physicalType": "table",
                "description": "Tests.",
                "dataGranularityDescription": "One row per key.",
                "properties": [*(_property(product, c) for c in (*columns, *below)), SOURCE_PROPERTY],
            }
        ],
        "team": {"name": "Ward", "members": [{"username": "ward@hospital.example", "role": "owner"}]},
        "customProperties": [{"property": "caremesh.view", "value": "view.json"}],
    }


def _property(product: str, column: Column) -> dict[str, Any]:
    name, _, kind = column
    is_boolean = kind == "boolean"
    keys = KEYS[product]
    place = {"primaryKey": True, "primaryKeyPosition": keys.index(name) + 1} if name in keys else {}
    return {
        "name": name,
        "logicalType": "boolean" if is_boolean else "string",
        "physicalType": "boolean" if is_boolean else "varchar",
        "classification": "clinical",
        "description": "Tests.",
        **place,
    }


def land_tiny(
    project: Path,
    landing: Path,
    lake: Path,
    *,
    products: Sequence[Product],
    now: str,
    is_last: bool,
    id_spaces: IdSpaces | None = None,
) -> None:
    """Run land, flatten and publish. The rows are judged by whoever asks: Great Expectations would take most of it.

    Also what analysts query is brought in step only where a landing `is_last`, for the same reason.
    """
    # One thread: an engine of two takes longer to start than it has work here.
    settings = settings_for(lake, landing, project=project, now=now)
    settings = replace(settings, threads=1, id_spaces=id_spaces or IdSpaces())
    store = LocalLake(lake)
    report = run(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten"))
    made = {p.product.id: p.manifest for p in report.products}
    with store.hold(command="test", since=now):
        for product in products:
            judged = made[product.id]
            # What an earlier run made of the same exports was judged then.
            if judged.passed is None:
                judged = judged.with_verdict({"passed": True})
                store.judge_candidate(product, judged, "")
            publish(product, judged, seen=store.pointer(product), settings=settings, lake=store)
    if is_last:
        run(settings, watcher=SilentWatcher(), command="test", stages=("publish",))
