"""A lake that commit 3b0e28c made, before rows said where they come from, is upgraded by the next run.

`lakes/3b0e28c.tar.xz` is its demo of five patients with six damaged lines, an increment, and a delete list that names
one of the patients, landed one after the other in `/srv/hospital`; without the DuckDB file, which holds nothing.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from caremesh.lake.ledger import ledger_from_json
from caremesh.lake.local import LocalLake
from caremesh.lake.removals import find_removals
from caremesh.pipeline import run
from caremesh.products import Product, find_domains, select_products
from tests.conftest import ROOT, SilentWatcher, settings_for
from tests.integration.tiny_mesh import land_tiny

OLD_LAKE = Path(__file__).with_name("lakes") / "3b0e28c.tar.xz"
STORE = "bfd1f862834fbc24dd288bb7bc464b8e"
PRODUCTS = select_products(find_domains(ROOT / "domains"))


class OldLake:
    """The lake and its landing zone, put into a folder."""

    def __init__(self, folder: Path) -> None:
        with tarfile.open(OLD_LAKE) as archive:
            archive.extractall(folder, filter="data")
        self.landing, self.root = folder / "landing", folder / "lake"
        ledger = self.root / "ledger.json"
        ledger.write_text(ledger.read_text().replace("/srv/hospital", str(folder)))
        self.lake = LocalLake(self.root)

    def go(self, day: int) -> None:
        land_tiny(ROOT, self.landing, self.root, products=PRODUCTS, now=f"2026-02-0{day}T00:00:00Z", is_last=True)

    def rows(self, product: Product) -> list[tuple[Any, ...]]:
        """The rows of the current release, without their source."""
        with duckdb.connect() as connection:
            return sorted(
                connection.execute(f"select columns(lambda c: c <> 'source_id') from {self._data(product)}").fetchall(),
                key=repr,
            )

    def sources(self, product: Product) -> set[str]:
        with duckdb.connect() as connection:
            found = connection.execute(f"select distinct source_id from {self._data(product)}").fetchall()
        return {source for (source,) in found}

    def _data(self, product: Product) -> str:
        manifest = self.lake.current(product)
        assert manifest
        return f"read_parquet('{self.lake.release_folder(product, manifest.release)}/data/*.parquet')"

    def releases(self) -> dict[str, str]:
        return {p.id: manifest.release for p in PRODUCTS if (manifest := self.lake.current(p))}


@pytest.fixture
def old(tmp_path: Path) -> OldLake:
    return OldLake(tmp_path)


def test_the_next_run_gives_the_same_rows_and_says_where_they_come_from(old: OldLake) -> None:
    rows, before = {p.id: old.rows(p) for p in PRODUCTS}, old.releases()
    assert sum(map(len, rows.values())) == 372
    settings = settings_for(old.root, old.landing, now="2026-02-01T00:00:00Z")
    report = run(settings, watcher=SilentWatcher(), command="test", stages=("land", "flatten"))
    assert report.landing is not None
    assert report.landing.files_read == 0, "nothing changed in the landing zone"
    assert old.releases() == before, "readers keep what they had until the new releases are published"
    old.go(1)
    assert {p.id: old.rows(p) for p in PRODUCTS} == rows
    assert {p.id: old.sources(p) for p in PRODUCTS} == {p.id: {STORE} for p in PRODUCTS}
    assert not set(old.releases().values()) & set(before.values())
    assert {e.source for e in old.lake.read_ledger().exports} == {STORE}
    after = old.releases()
    old.go(2)
    assert old.releases() == after


def test_what_was_deleted_stays_so_with_its_receipt(old: OldLake) -> None:
    (patient,) = (p for p in PRODUCTS if p.id == "clinical.patient")
    (receipt,) = find_removals(patient, old.lake)
    assert (receipt.export, receipt.is_back, receipt.source_id) == ("corrections", False, "")
    old.go(1)
    assert find_removals(patient, old.lake) == (receipt,)


def test_a_second_hospital_beside_the_old_lake_takes_nothing_from_it(old: OldLake) -> None:
    rows = {p.id: old.rows(p) for p in PRODUCTS}
    folder = old.landing / "second"
    (folder / "Patient").mkdir(parents=True)
    first = min(old.landing.glob(f"{STORE}-*/Patient/*.ndjson"))
    good = [line for line in first.read_text(errors="replace").splitlines() if _is_patient(line)]
    (folder / "Patient" / "Patient-0.ndjson").write_text("".join(f"{line}\n" for line in good))
    stated = {"source": "https://second.example", "job": "1", "submitted_at": "2026-01-31T00:00:00Z"}
    (folder / "export.json").write_text(json.dumps(stated))
    old.go(1)
    (patient,) = (p for p in PRODUCTS if p.id == "clinical.patient")
    # Of the old lake's patients one was deleted; the second hospital's of that id is another person.
    assert set(rows[patient.id]) < set(old.rows(patient))
    assert len(old.rows(patient)) == len(rows[patient.id]) + 1
    manifest = old.lake.current(patient)
    assert manifest
    assert manifest.claimed == len(good) - 1
    assert {p.id: old.rows(p) for p in PRODUCTS if p != patient} == {
        name: found for name, found in rows.items() if name != patient.id
    }


def _is_patient(line: str) -> bool:
    try:
        return json.loads(line).get("resourceType") == "Patient" and "name" in json.loads(line)
    except ValueError:
        return False


def exports(*stated: tuple[str, str | None, str | None]) -> dict[str, tuple[str, str | None]]:
    """Source and original of each export (name, source of its manifest, original) of a ledger without sources."""
    listed = [
        {
            "name": name,
            "root": "/",
            "landed_at": "2026-01-01T00:00:00Z",
            "files": [],
            "manifest": {"source": source, "job": name, "submitted_at": "2026-01-01T00:00:00Z"} if source else None,
            "same_as": same_as,
        }
        for name, source, same_as in stated
    ]
    return {e.name: (e.source, e.same_as) for e in ledger_from_json({"exports": listed}).exports}


def test_an_old_ledger_tells_sources_by_manifests_and_names() -> None:
    assert exports(("a", "https://x.example/", None), ("b-FHIR_EXPORT-1", None, None), ("c", None, None)) == {
        "a": ("https://x.example", None),
        "b-FHIR_EXPORT-1": ("b", None),
        "c": ("default", None),
    }
    assert exports(("a", None, None), ("b", None, "a")) == {"a": ("default", None), "b": ("default", "a")}


def test_exports_of_an_old_ledger_that_say_nothing_are_of_the_one_source_that_others_name() -> None:
    """So a patient who was deleted by a list of no name does not come back."""
    assert exports(("a", "https://x.example", None), ("list", None, None)) == {
        "a": ("https://x.example", None),
        "list": ("https://x.example", None),
    }


def test_replays_and_copies_of_an_old_ledger_follow_their_originals() -> None:
    found = exports(
        ("a", "https://x.example", None), ("b", "https://y.example", "a"), ("replay-1", "quarantine of b", None)
    )
    assert found == {
        "a": ("https://x.example", None),
        "b": ("https://y.example", None),
        "replay-1": ("https://y.example", None),
    }
