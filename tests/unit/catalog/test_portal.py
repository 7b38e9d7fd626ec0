from __future__ import annotations

from dataclasses import replace

import pytest

from caremesh.errors import RegisterError
from catalog.base import CatalogProduct
from catalog.portal import Portal

PAGES = ["clinical.stay.html", "clinical.visit.html", "curated.visit_summary.html", "index.html"]


def done(changes):
    return {change.target: change.action for change in changes}


def test_a_plan_writes_nothing(make_content, tmp_path):
    folder = tmp_path / "portal"

    changes = Portal(folder).plan(make_content())

    assert done(changes) == dict.fromkeys(PAGES, "create")
    assert not folder.exists()


def test_apply_writes_what_was_planned_and_leaves_nothing_else(make_content, tmp_path):
    portal = Portal(tmp_path)
    planned = portal.plan(make_content())

    assert portal.apply(make_content()) == planned
    assert sorted(file.name for file in tmp_path.iterdir()) == PAGES


def test_a_second_apply_has_nothing_to_do(make_content, tmp_path):
    portal = Portal(tmp_path)
    portal.apply(make_content())
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}

    assert done(portal.apply(make_content())) == dict.fromkeys(PAGES, "none")
    assert {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_a_new_release_updates_the_pages_that_show_it(make_content, visit, release, tmp_path):
    portal = Portal(tmp_path)
    content = make_content(failed=())
    portal.apply(content)
    newer = CatalogProduct(visit, replace(release, release="r-9", rows=12346))

    changes = portal.plan(make_content(failed=(), products=(newer, content.products[1])))

    assert done(changes) == {**dict.fromkeys(PAGES, "none"), "clinical.visit.html": "update", "index.html": "update"}


def test_the_page_of_a_product_that_is_gone_is_deleted_and_pages_of_others_stay(make_content, tmp_path):
    portal = Portal(tmp_path)
    content = make_content()
    portal.apply(content)
    (tmp_path / "report.html").write_text("<html>not ours</html>")

    changes = portal.apply(make_content(products=content.products[:1]))

    assert done(changes)["clinical.stay.html"] == "delete"
    assert sorted(file.name for file in tmp_path.glob("*.html")) == [
        "clinical.visit.html",
        "curated.visit_summary.html",
        "index.html",
        "report.html",
    ]


def test_what_a_killed_run_left_aside_does_not_stay(make_content, tmp_path):
    (tmp_path / ".index.html.part").write_text("half a pa")

    Portal(tmp_path).apply(make_content())

    assert sorted(file.name for file in tmp_path.iterdir()) == PAGES


def test_a_page_edited_by_hand_is_written_again(make_content, tmp_path):
    portal = Portal(tmp_path)
    portal.apply(make_content())
    (tmp_path / "index.html").write_text("edited")

    assert done(portal.apply(make_content()))["index.html"] == "update"
    assert done(portal.plan(make_content()))["index.html"] == "none"


def test_a_folder_that_cannot_be_written_is_named(make_content, tmp_path):
    blocked = tmp_path / "portal"
    blocked.write_text("a file stands where the folder should be")

    with pytest.raises(RegisterError) as raised:
        Portal(blocked).apply(make_content())

    assert raised.value.where == str(blocked)
