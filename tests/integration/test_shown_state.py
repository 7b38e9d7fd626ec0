"""The DuckDB file is written again where it would show something else, and only there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from caremesh.lake.database import rebuild_database
from caremesh.lake.layout import CURRENT_FILE, LEDGER_FILE, MANIFEST_FILE
from caremesh.lake.local import LocalLake
from caremesh.lake.shown_state import STATE_FILE
from caremesh.products import find_domains, select_products
from tests.conftest import NOW
from tests.integration.landing_model import Export
from tests.integration.landing_sequences import write_export
from tests.integration.test_landing_sequences import Mesh
from tests.integration.tiny_mesh import write_tiny_mesh


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    made = Mesh(tmp_path, ("person",))
    land(made, "first", "p1")
    return made


def land(mesh: Mesh, export: str, patient: str) -> None:
    line = json.dumps({"resourceType": "Patient", "id": patient})
    write_export(mesh.landing / export, Export({"Patient-1.ndjson": (line,)}))
    mesh.land(mesh.lake, now=NOW, is_last=True)


def show(mesh: Mesh, lake: Path | None = None) -> Path:
    products = select_products(find_domains(mesh.project / "domains"))
    return rebuild_database(LocalLake(lake or mesh.lake), products)


def ids_in(database: Path) -> list[str]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return [i for (i,) in connection.execute("select person_id from ward.person order by 1").fetchall()]


def stated(file: Path) -> tuple[int, int]:
    return file.stat().st_ino, file.stat().st_mtime_ns


def test_a_file_that_shows_the_lake_is_left_alone(mesh: Mesh) -> None:
    before = stated(show(mesh))
    assert stated(show(mesh)) == before
    assert ids_in(LocalLake(mesh.lake).database) == ["p1"]


def test_a_new_release_is_shown(mesh: Mesh) -> None:
    before = stated(LocalLake(mesh.lake).database)
    land(mesh, "second", "p2")
    assert ids_in(LocalLake(mesh.lake).database) == ["p1", "p2"]
    assert stated(show(mesh)) != before


def home_of(mesh: Mesh) -> Path:
    lake, (product,) = LocalLake(mesh.lake), mesh.products
    pointer = lake.pointer(product)
    assert pointer is not None
    return lake.release_folder(product, pointer.release)


def spell_otherwise(file: Path) -> None:
    """Other bytes, same meaning: nobody need judge which of them matter."""
    file.write_text(json.dumps(json.loads(file.read_text())))


CHANGES: dict[str, Callable[[Mesh], object]] = {
    "the file is gone": lambda mesh: LocalLake(mesh.lake).database.unlink(),
    "the file is cut off": lambda mesh: LocalLake(mesh.lake).database.write_bytes(b"DUCK"),
    "the file was restored": lambda mesh: restore(LocalLake(mesh.lake).database),
    "the state is gone": lambda mesh: (mesh.lake / STATE_FILE).unlink(),
    "the state is damaged": lambda mesh: (mesh.lake / STATE_FILE).write_text("["),
    "the state is something else": lambda mesh: (mesh.lake / STATE_FILE).write_text("{}"),
    "the ledger changed": lambda mesh: spell_otherwise(mesh.lake / LEDGER_FILE),
    "the manifest changed": lambda mesh: spell_otherwise(home_of(mesh) / MANIFEST_FILE),
    "the pointer changed": lambda mesh: spell_otherwise(home_of(mesh).parent.parent / CURRENT_FILE),
    "another part": lambda mesh: shutil.copy(
        home_of(mesh) / "data/part-0.parquet", home_of(mesh) / "data/part-1.parquet"
    ),
    "the contract changed": lambda mesh: spell_otherwise_contract(mesh),
    "a product came": lambda mesh: write_tiny_mesh(mesh.project, "badge"),
}


def restore(file: Path) -> None:
    """Another file of the same content, from a backup."""
    shutil.copy2(file, copy := file.with_name("copy"))
    copy.replace(file)


def spell_otherwise_contract(mesh: Mesh) -> None:
    (file,) = (mesh.project / "domains/ward/person").glob("contract*")
    file.write_text(file.read_text() + "\n# a remark\n")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_file_that_may_show_something_else_is_written_again(mesh: Mesh, change: Callable[[Mesh], object]) -> None:
    show(mesh)
    state = (mesh.lake / STATE_FILE).read_text()
    change(mesh)
    assert set(ids_in(show(mesh))) == {"p1"}
    assert (mesh.lake / STATE_FILE).read_text() != state


def test_the_file_of_a_copy_shows_the_copy(mesh: Mesh, tmp_path: Path) -> None:
    show(mesh)
    shutil.copytree(mesh.lake, tmp_path / "copy")
    shutil.rmtree(mesh.lake)
    assert ids_in(show(mesh, tmp_path / "copy")) == ["p1"]


def test_a_state_that_cannot_be_noted_is_no_failure(mesh: Mesh) -> None:
    (mesh.lake / STATE_FILE).unlink()
    (mesh.lake / STATE_FILE).mkdir()
    land(mesh, "second", "p2")
    assert ids_in(LocalLake(mesh.lake).database) == ["p1", "p2"]
