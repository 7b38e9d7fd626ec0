"""A mesh small enough to run many times: one domain, one product, a handful of patients."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from caremesh.pipeline import STAGES
from tests.conftest import ROOT


def write_project(folder: Path, *products: str) -> Path:
    """A project folder with only these products of ours, and no curated models."""
    for product in products or ("clinical/patient",):
        domain = product.split("/")[0]
        shutil.copytree(ROOT / "domains" / product, folder / "domains" / product)
        shutil.copy(ROOT / "domains" / domain / "domain.yaml", folder / "domains" / domain / "domain.yaml")
    return folder


def patient(number: int, **more: Any) -> dict[str, Any]:
    """One patient, with an id that sorts by its number."""
    return {"resourceType": "Patient", "id": f"p{number:03}", "gender": "female", **more}


def write_lines(path: Path, resources: Iterable[dict[str, Any]]) -> Path:
    """Write resources as NDJSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
    return path


def run_stages(caremesh: Any, *, lake: Path, landing: Path, project: Path) -> list[int]:
    """Call the stages up to publish by the command line, one by one; give their exit codes."""
    options = ("--lake", lake, "--project", project)
    return [caremesh(s, *options, *(("--landing", landing) if s == "land" else ())).exit_code for s in STAGES[:4]]
