"""Two hospitals in one lake that Athena flattens: the release is the one that the local engine makes of these files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from caremesh.lake.local import LocalLake
from caremesh.products import find_domains, select_products
from tests.athena.local_aws import LocalAws
from tests.athena.test_parity import forget_tables, upload
from tests.conftest import Result
from tests.integration.small_mesh import patient, write_lines, write_project

pytestmark = [pytest.mark.athena, pytest.mark.timeout(600)]

BUCKET = "two-sources"


def test_athena_gives_an_id_of_two_hospitals_to_the_first_in_the_projects_order(
    caremesh: Callable[..., Result], local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_aws.lead(monkeypatch)
    monkeypatch.setenv("CAREMESH_SCRATCH", str(tmp_path / "scratch"))
    forget_tables(local_aws)
    project = write_project(tmp_path / "project")
    (project / "caremesh.toml").write_text('[sources]\norder = ["south"]\n')
    for source, numbers in (("north", (1, 2)), ("south", (2, 3))):
        folder = tmp_path / "landing" / source
        write_lines(folder / "Patient.ndjson", [patient(n, birthDate=f"200{len(source)}") for n in numbers])
        stated = {"source": source, "job": source, "submitted_at": "2026-01-01T00:00:00Z", "is_filtered": True}
        (folder / "export.json").write_text(json.dumps(stated))
    remote = upload(local_aws, tmp_path / "landing", BUCKET)
    for manifest in (tmp_path / "landing").rglob("export.json"):
        key = manifest.relative_to(tmp_path / "landing").as_posix()
        local_aws.client("s3").upload_file(str(manifest), BUCKET, key)
    for landing, lake, engine in (
        (remote, f"{remote}/lake", "athena"),
        (tmp_path / "landing", tmp_path / "lake", "duckdb"),
    ):
        options = ("--lake", lake, "--project", project)
        assert caremesh("land", "--landing", landing, *options).exit_code == 0
        flattened = caremesh("flatten", "--engine", engine, *options)
        assert (flattened.exit_code, "caremesh.toml, [sources]" in flattened.stdout) == (3, True), flattened.stderr

    s3 = local_aws.client("s3")
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix="lake/products/")["Contents"]]
    fetched = tmp_path / "fetched"
    for key in keys:
        (fetched / key).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, key, str(fetched / key))
    (manifest,) = fetched.rglob("manifest.json")
    far = json.loads(manifest.read_text())
    product = select_products(find_domains(project / "domains"))[0]
    (near,) = LocalLake(tmp_path / "lake").candidates(product)
    assert (far["engine"], far["claimed"], near.engine, near.claimed) == ("athena", 1, "duckdb", 1)
    home = LocalLake(tmp_path / "lake").release_folder(product, near.release)
    local = next(p for p in (home, home.parent.parent / "candidates" / near.release) if p.exists())
    rows = read(manifest.parent / far["data"])
    assert Counter(map(repr, rows)) == Counter(map(repr, read(local / near.data)))
    assert sorted((r["source_id"], r["patient_id"]) for r in rows) == [
        ("north", "p001"),
        ("south", "p002"),
        ("south", "p003"),
    ]
    (claimed,) = read(manifest.parent / far["quarantine"])
    assert (claimed["export"], claimed["file"], json.loads(claimed["raw"])["id"]) == ("north", "Patient.ndjson", "p002")
    assert claimed["reason"] == "the id also comes from source south, which comes first"


def read(folder: Path) -> list[dict[str, Any]]:
    return [row for file in sorted(folder.iterdir()) if file.stat().st_size for row in pq.read_table(file).to_pylist()]
