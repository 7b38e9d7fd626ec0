"""Receipts of removals: each says the same for good, whatever becomes of releases and of the resource."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.layout import MANIFEST_FILE
from caremesh.lake.local import LocalLake
from caremesh.lake.removals import Removal, find_removals
from caremesh.pipeline import prune, publish_release, rollback
from caremesh.products import find_domains, select_products
from tests.conftest import settings_for
from tests.integration.small_mesh import patient
from tests.integration.test_increments import Mesh, born

SECOND_RUN, THIRD_RUN = "2026-02-15T00:00:00+00:00", "2026-02-25T00:00:00+00:00"
PRODUCT = "clinical.patient"


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    return Mesh(tmp_path)


def receipt(name: str, export: str, release: str, made_at: str, *, back: bool | None = False) -> Removal:
    return Removal(PRODUCT, "Patient", name, export, "deleted", release, made_at, "default", back)


def receipts_of(mesh: Mesh) -> tuple[Removal, ...]:
    """What the command finds, which is what readers of the DuckDB file see."""
    (product,) = select_products(find_domains(mesh.project / "domains"))
    lake = LocalLake(mesh.lake)
    found = find_removals(product, lake)
    with duckdb.connect(str(lake.database), read_only=True) as connection:
        columns = "product, resource_type, id, export, reason, release, made_at, source_id, is_back"
        shown = connection.execute(f"select {columns} from ledger.removals order by made_at, id").fetchall()
    assert tuple(Removal(*row) for row in shown) == found
    return found


def test_a_receipt_outlives_the_releases_that_had_the_resource(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    mesh.go()
    mesh.export("b", gone=["p001"])
    second = mesh.go()
    mesh.export("c", born(3, 1970))
    third = mesh.go()
    expected = (receipt("p001", "b", second.release, SECOND_RUN),)
    assert receipts_of(mesh) == expected
    settings = settings_for(mesh.lake, project=mesh.project)
    prune(settings, keep=1, before="2027-01-01T00:00:00Z", command="test")
    (product,) = select_products(find_domains(mesh.project / "domains"))
    assert [m.release for m in LocalLake(mesh.lake).releases(product)] == [third.release]
    assert receipts_of(mesh) == expected


def test_a_resource_that_comes_back_and_goes_again_has_two_receipts(mesh: Mesh, caremesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    assert mesh.go().receipts is None
    mesh.export("b", gone=["p001"])
    second = mesh.go()
    mesh.export("c", born(1, 1951))
    mesh.go()
    assert receipts_of(mesh) == (receipt("p001", "b", second.release, SECOND_RUN, back=True),)
    shown = caremesh("removals", "--resources", "--lake", mesh.lake, "--project", mesh.project).stdout
    assert shown.split()[-2:] == ["p001", "yes"]
    mesh.export("d", gone=["p001"])
    fourth = mesh.go()
    assert receipts_of(mesh) == (
        receipt("p001", "b", second.release, SECOND_RUN),
        receipt("p001", "d", fourth.release, "2026-03-07T00:00:00+00:00"),
    )


def test_a_candidate_that_was_never_published_leaves_no_receipt(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    mesh.go()
    mesh.export("b", {**patient(3), "gender": "x"}, {**patient(4), "gender": "x"}, gone=["p001"])
    assert mesh.go().passed is False
    assert receipts_of(mesh) == ()
    mesh.export("c", patient(3), patient(4))
    third = mesh.go()
    assert receipts_of(mesh) == (receipt("p001", "b", third.release, THIRD_RUN),)


@pytest.mark.slow
def test_a_rollback_takes_receipts_back_with_the_data(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    mesh.go()
    mesh.export("b", gone=["p001"])
    second = mesh.go()
    settings = settings_for(mesh.lake, project=mesh.project)
    rollback(settings, PRODUCT, None, command="test")
    assert receipts_of(mesh) == ()
    publish_release(settings, PRODUCT, second.release, command="test")
    expected = receipt("p001", "b", second.release, SECOND_RUN)
    assert receipts_of(mesh) == (expected,)
    rollback(settings, PRODUCT, None, command="test")
    mesh.export("c", gone=["p002"])
    third = mesh.go()
    # Readers had both again, and both disappear with this release.
    assert receipts_of(mesh) == (
        receipt("p001", "b", third.release, THIRD_RUN),
        receipt("p002", "c", third.release, THIRD_RUN),
    )


@pytest.mark.slow
def test_removals_that_nobody_wrote_a_receipt_of_get_one_with_the_next_release(mesh: Mesh) -> None:
    mesh.export("a", born(1, 1950), born(2, 1960))
    mesh.go()
    mesh.export("b", gone=["p001"])
    second = mesh.go()
    (file,) = mesh.lake.glob(f"products/*/*/releases/{second.release}/{MANIFEST_FILE}")
    stated = json.loads(file.read_text())
    assert stated.pop("receipts") == "receipts"
    file.write_text(json.dumps(stated))
    mesh.export("c", born(3, 1970))
    third = mesh.go()
    assert receipts_of(mesh) == (receipt("p001", "b", third.release, THIRD_RUN),)
