"""Finds the publishers by walking the package: a catalog target is a module here, and stands on no list.

A publisher module offers `PUBLISHER` (a class or function that takes the target, see `PublisherFactory`) and may
offer `AFTER`, the names of modules whose publishers have to be applied before its own.
"""

from __future__ import annotations

import importlib
import pkgutil
from graphlib import CycleError, TopologicalSorter
from types import ModuleType

from caremesh.errors import RegisterError
from catalog.base import Publisher, PublisherFactory, PublisherTarget


def find_publishers(target: PublisherTarget, *, package: ModuleType | None = None) -> tuple[Publisher, ...]:
    """The publishers that write to `target`, in the order in which they have to be applied.

    A module that cannot be imported raises its own error: a catalog that is silently left out is worse than a stop.
    """
    package = package or importlib.import_module(__package__ or "catalog")
    found = (_factory(module)(target) for module in _in_order(_publisher_modules(package)))
    return tuple(publisher for publisher in found if publisher is not None)


def _publisher_modules(package: ModuleType) -> dict[str, ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "PUBLISHER")}


def _in_order(modules: dict[str, ModuleType]) -> list[ModuleType]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, module in modules.items():
        # A publisher that is not installed here is no reason to refuse those that would follow it.
        sorter.add(name, *(before for before in getattr(module, "AFTER", ()) if before in modules))
    try:
        return [modules[name] for name in sorter.static_order()]
    except CycleError as error:
        circle = " after ".join(error.args[1])
        raise RegisterError(f"publishers wait for one another: {circle}", hint="remove one name from AFTER") from None


def _factory(module: ModuleType) -> PublisherFactory:
    factory: PublisherFactory = module.PUBLISHER
    return factory
