"""Finds the domains of a project and their products: `domains/<domain>/<product>/`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from caremesh.completeness import COMPLETENESS_PROPERTY, order_by_need
from caremesh.errors import ContractError, UsageError, join_errors, split_errors
from caremesh.products.contract import read_product
from caremesh.products.document import Document
from caremesh.products.product import Domain, Product
from caremesh.products.reserved import is_reserved_domain, is_word_of_sql

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = ("name", "owner", "team", "description")


def find_domains(root: Path) -> tuple[Domain, ...]:
    """Read every domain and product under `root` (the `domains/` folder), sorted by name.

    Raises ContractError that names every fault of all of them.
    """
    if not root.is_dir():
        raise ContractError("there is no domains folder", where=str(root), hint="give --project DIR")
    found = _Found()
    folders = [folder for folder in sorted(root.iterdir()) if (folder / "domain.yaml").is_file()]
    domains = tuple(_read_domain(folder, found) for folder in folders)
    products = [p for d in domains for p in d.products]
    faults = [
        *found.faults,
        *_same_names(products),
        *_unknown_requirements(products, found.faulty),
        *_circles(products),
    ]
    if faults:
        raise join_errors(faults)
    return domains


def select_products(
    domains: Iterable[Domain], *, domain: str | None = None, product: str | None = None
) -> tuple[Product, ...]:
    """Keep the products of one domain, or the one called `<domain>.<product>`, or all; raise UsageError if none."""
    everything = [p for d in domains for p in d.products]
    kept = [p for p in everything if (not domain or p.domain == domain) and (not product or p.id == product)]
    if not kept:
        known = ", ".join(p.id for p in everything) or "none"
        asked = f"matches {product or domain!r}" if product or domain else "was found"
        raise UsageError(f"no data product {asked}", hint=f"one of: {known}")
    return tuple(kept)


def order_products(products: Iterable[Product]) -> tuple[Product, ...]:
    """The products in an order in which each follows those that it requires."""
    by_id = {p.id: p for p in products}
    ordered = order_by_need(
        {p.id: p.required for p in by_id.values()},
        place=lambda name, needed: rule.place_of(needed) if (rule := by_id[name].completeness) else None,
    )
    return tuple(by_id[name] for name in ordered)


def is_product_name(name: str) -> bool:
    """Whether a folder may be called so: the name is a schema or table in SQL, in Glue and in paths."""
    return bool(_NAME.fullmatch(name)) and not is_word_of_sql(name)


@dataclass
class _Found:
    """What is wrong with the domains, and the ids of the products whose contract could not be read for that."""

    faults: list[ContractError] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)


def _read_domain(folder: Path, found: _Found) -> Domain:
    stated = _read_domain_file(folder, found.faults)
    products = []
    for inside in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_"))):
        try:
            _refuse_name(inside)
            products.append(read_product(inside))
        except ContractError as error:
            found.faults += split_errors(error)
            found.faulty.add(f"{folder.name}.{inside.name}")
    return Domain(
        name=folder.name,
        owner=stated["owner"],
        team=stated["team"],
        description=stated["description"].strip(),
        products=tuple(products),
    )


def _read_domain_file(folder: Path, faults: list[ContractError]) -> dict[str, str]:
    try:
        document = Document(folder / "domain.yaml", missing="write it", empty=f"a line for each of: {', '.join(_KEYS)}")
    except ContractError as error:
        faults += split_errors(error)
        return dict.fromkeys(_KEYS, "")
    for key in (k for k in document.value if k not in _KEYS):
        document.refuse_key((key,), f"a domain has no key {key!r}", known=_KEYS, otherwise="remove it")
    stated = {key: _text(document, key) for key in _KEYS}
    if is_reserved_domain(folder.name):
        document.fault(f"no domain can be called {folder.name!r}", hint="rename the folder; the lake needs the name")
    else:
        document.attempt(lambda: _refuse_name(folder))
    if stated["name"] and stated["name"] != folder.name:
        says = f"name is {stated['name']!r}, and does not agree with the folder"
        document.fault(says, ("name",), hint=f"name: {folder.name}")
    faults += document.faults
    return stated


def _text(document: Document, key: str) -> str:
    value = document.value.get(key)
    if isinstance(value, dict | list):
        document.fault(f"{key} is not a text", (key,), hint=f"state {key} as plain text")
        return ""
    return str(document.required(value, key))


def _refuse_name(folder: Path) -> None:
    if is_product_name(folder.name):
        return
    hint = "rename the folder: a lower case letter, then lower case letters, digits and _"
    if is_word_of_sql(folder.name):
        hint = f"rename the folder: {folder.name} is a word of SQL, and queries would have to quote it"
    raise ContractError(f"{folder.name!r} cannot be the name of a domain or product", where=str(folder), hint=hint)


def _same_names(products: Iterable[Product]) -> Iterator[ContractError]:
    """Products whose tables would have one name where Athena builds the curated tables: `<domain>__<product>`."""
    seen: dict[str, Product] = {}
    for product in products:
        first = seen.setdefault(f"{product.domain}__{product.name}", product)
        if first is not product:
            says = f"{first.id} and {product.id} would both be {product.domain}__{product.name}"
            yield ContractError(says, where=product.place, hint="rename one of the folders")


def _unknown_requirements(products: Iterable[Product], faulty: Collection[str]) -> Iterator[ContractError]:
    """Requirements of products that are not there, or whose ids do not say of which type of FHIR they are.

    A product that was read and found `faulty` in this run is there: its own faults say what to do.
    """
    known = {p.id: p for p in products}
    for product, rule in ((p, p.completeness) for p in known.values() if p.completeness):
        for name in (name for name in rule.products if name not in faulty):
            if name not in known:
                fault, hint = f"there is no product {name!r}", f"one of: {', '.join(known)}"
            elif (count := len(known[name].view_files)) != 1:
                fault = f"{name} has {count} views, so that its ids may be of any type of FHIR"
                hint = "require a product with one view"
            else:
                continue
            where = rule.place_of(name) or str(product.contract_file)
            yield ContractError(f"{COMPLETENESS_PROPERTY}: {fault}", where=where, hint=hint)


def _circles(products: Iterable[Product]) -> Iterator[ContractError]:
    try:
        order_products(products)
    except ContractError as error:
        yield error
