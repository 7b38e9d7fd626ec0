from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from caremesh.errors import RegisterError
from catalog.base import PublisherTarget
from catalog.discovery import find_publishers

PACKAGE = "publishers_for_a_test"
ANYWHERE = PublisherTarget(kind="local")

MODULE = """
class Found:
    def __init__(self, target):
        self.name = {name!r}

PUBLISHER = Found
AFTER = {after!r}
"""


@pytest.fixture
def package_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Write a package with the modules given as text, and import it."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**modules: str) -> ModuleType:
        folder = tmp_path / PACKAGE
        folder.mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(PACKAGE)

    yield make
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def names(package: ModuleType) -> list[str]:
    return [publisher.name for publisher in find_publishers(ANYWHERE, package=package)]


def test_a_module_is_found_because_it_is_there(package_of):
    package = package_of(glue=MODULE.format(name="glue", after=()), shared="VALUE = 1")

    assert names(package) == ["glue"]


def test_publishers_come_after_those_they_build_on_and_else_by_name(package_of):
    package = package_of(
        datazone=MODULE.format(name="datazone", after=("glue", "lake_formation")),
        glue=MODULE.format(name="glue", after=()),
        lake_formation=MODULE.format(name="lake_formation", after=("glue", "one_that_is_not_installed")),
    )

    assert names(package) == ["glue", "lake_formation", "datazone"]


def test_publishers_that_wait_for_one_another_are_refused(package_of):
    package = package_of(a=MODULE.format(name="a", after=("b",)), b=MODULE.format(name="b", after=("a",)))

    with pytest.raises(RegisterError, match="wait for one another"):
        names(package)


def test_a_factory_may_decline_a_target(package_of):
    package = package_of(glue="def PUBLISHER(target):\n    return None\n")

    assert names(package) == []


def test_a_module_that_cannot_be_imported_stops_the_search(package_of):
    package = package_of(glue="import a_library_that_is_not_there")

    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_not_there"):
        names(package)


def test_the_portal_is_found_where_the_target_has_a_folder(tmp_path):
    with_folder = find_publishers(PublisherTarget(kind="local", folder=tmp_path))
    without = find_publishers(PublisherTarget(kind="local"))

    assert "portal" in [p.name for p in with_folder]
    assert "portal" not in [p.name for p in without]
