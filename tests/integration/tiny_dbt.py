"""Two curated models over the tiny mesh: what dbt does with ours, at a fraction of the price."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.conftest import ROOT

MODELS = {
    "intermediate/marked_person": "select person_id, mark from {{ source('ward', 'person') }} where mark is not null",
    "ward/person_by_mark": (
        "select mark, cast(count(*) as bigint) as people from {{ ref('marked_person') }} group by mark"
    ),
}
COLUMNS = {
    "marked_person": {"person_id": "varchar", "mark": "varchar"},
    "person_by_mark": {"mark": "varchar", "people": "bigint"},
}


def add_dbt_project(project: Path) -> None:
    """Put a dbt project with two models into a project folder that has the product `ward.person`."""
    home = project / "dbt_project"
    for name in ("dbt_project.yml", "profiles.yml"):
        home.mkdir(exist_ok=True)
        shutil.copy(ROOT / "dbt_project" / name, home / name)
    for name in ("macros", "tests"):
        shutil.copytree(ROOT / "dbt_project" / name, home / name)
    for place, sql in MODELS.items():
        file = home / "models" / f"{place}.sql"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(sql + "\n", encoding="utf-8")
        # YAML holds JSON.
        file.with_suffix(".yml").write_text(json.dumps({"models": [_stated(file.stem)]}), encoding="utf-8")


def _stated(model: str) -> dict[str, object]:
    columns = [
        {"name": name, "data_type": kind, "description": "Tests.", "config": {"meta": {"classification": "clinical"}}}
        for name, kind in COLUMNS[model].items()
    ]
    columns[0]["data_tests"] = ["unique", "not_null"]
    return {"name": model, "description": "Tests.", "columns": columns}
