"""The catalog pages of a lake in S3 are those of a lake in a folder, and a browser shows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from caremesh.pipeline import run
from tests.conftest import SilentWatcher, settings_for
from tests.integration.aws.aws_mesh import AwsMesh
from tests.integration.small_mesh import patient, write_lines

# CI runs these; together they take more than a minute.
pytestmark = pytest.mark.slow

STAGES = ("land", "flatten", "check", "publish", "register")


def plain(page: str) -> str:
    """A page without what must differ: names of releases, and digests."""
    return re.sub(r"\b[0-9a-f]{12}\b", "RELEASE", page)


def pages_of(mesh: AwsMesh) -> dict[str, str]:
    return {k.removeprefix("lake/catalog/"): mesh.read(k).decode() for k in mesh.objects("lake/catalog/")}


def test_the_pages_equal_those_of_the_same_lake_in_a_folder(mesh: AwsMesh, tmp_path: Path) -> None:
    mesh.export("Patient.ndjson", [patient(1), patient(2)])
    mesh.go(*STAGES)
    write_lines(tmp_path / "landing" / "Patient.ndjson", [patient(1), patient(2)])
    settings = settings_for(tmp_path / "lake", tmp_path / "landing", project=mesh.project)
    run(settings, watcher=SilentWatcher(), command="test", stages=STAGES)
    local = {
        p.relative_to(tmp_path / "lake" / "catalog").as_posix(): p.read_text()
        for p in (tmp_path / "lake" / "catalog").rglob("*")
        if p.is_file()
    }
    remote = pages_of(mesh)
    assert sorted(remote) == sorted(local)
    assert len(remote) > 1
    differing = [name for name in local if plain(remote[name]) != plain(local[name])]
    assert differing == []


def test_pages_are_served_as_html_and_their_links_lead_somewhere(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go(*STAGES)
    keys = set(mesh.objects("lake/"))
    pages = [k for k in keys if k.endswith(".html")]
    assert any(k.endswith("report.html") for k in pages)
    heads = {k: mesh.local.client("s3").head_object(Bucket=mesh.bucket, Key=k)["ContentType"] for k in pages}
    assert set(heads.values()) == {"text/html; charset=utf-8"}
    for key in (k for k in pages if k.startswith("lake/catalog/")):
        for link in re.findall(r'href="([^"#:]+)"', mesh.read(key).decode()):
            parts = key.split("/")[:-1]
            for part in link.split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in keys, f"{key} links to {link}"


def test_what_did_not_change_is_not_sent_again_and_what_is_gone_is_removed(mesh: AwsMesh) -> None:
    mesh.export("Patient.ndjson", [patient(1)])
    mesh.go(*STAGES)
    mesh.watched.asked.clear()
    mesh.go("register")
    assert not [a for a in mesh.watched.asked if a.operation == "s3:PutObject" and "/catalog/" in a.params["Key"]]
    with mesh.lake().catalog_folder() as folder:
        gone = next(p for p in folder.rglob("*.html") if p.name != "index.html")
        gone.unlink()
    assert not [k for k in mesh.objects("lake/catalog/") if k.endswith(gone.name)]
