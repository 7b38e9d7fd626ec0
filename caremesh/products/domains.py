"""Finds the domains of a project and their products: `domains/<domain>/<product>/`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from caremesh.completeness import COMPLETENESS_PROPERTY, order_by_need
from caremesh.errors import ContractError, UsageError
from caremesh.products.contract import read_product
from caremesh.products.document import Document, join_errors, split_errors
from caremesh.products.product import CONTRACT_FILE, Domain, Product

RESERVED_DOMAINS = (
    # What the lake, its catalog and the dbt project put beside the domains.
    "caremesh",
    "curated",
    "curated_work",
    "ledger",
    "quarantine",
    # Schemas that DuckDB or Athena has already, and words that its SQL reads otherwise.
    "default",
    "information_schema",
    "main",
    "memory",
    "pg_catalog",
    "sys",
    "system",
    "temp",
)
"""Names that the lake's database needs for itself."""
_RESERVED_STARTS = ("caremesh_", "pg_")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KEYS = ("name", "owner", "team", "description")


def find_domains(root: Path) -> tuple[Domain, ...]:
    """Read every domain and product under `root` (the `domains/` folder), sorted by name.

    Raises ContractError that tells all that is wrong with any of them.
    """
    if not root.is_dir():
        raise ContractError("there is no domains folder", where=str(root), hint="give --project DIR")
    faults: list[ContractError] = []
    folders = [folder for folder in sorted(root.iterdir()) if (folder / "domain.yaml").is_file()]
    domains = tuple(_read_domain(folder, faults) for folder in folders)
    faults += _same_names(domains)
    faults += _unknown_requirements(domains, root)
    if faults:
        raise join_errors(faults)
    order_products(p for d in domains for p in d.products)
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
    return tuple(by_id[name] for name in order_by_need({p.id: p.required for p in by_id.values()}))


def is_product_name(name: str) -> bool:
    """Whether a folder may be called so: the name is a schema or table in SQL, in Glue and in paths."""
    return bool(_NAME.fullmatch(name))


def _read_domain(folder: Path, faults: list[ContractError]) -> Domain:
    stated = _read_domain_file(folder, faults)
    products = []
    for inside in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_"))):
        try:
            _refuse_name(inside)
            products.append(read_product(inside))
        except ContractError as error:
            faults += split_errors(error)
    return Domain(
        name=folder.name,
        owner=stated["owner"],
        team=stated["team"],
        description=stated["description"].strip(),
        products=tuple(products),
    )


def _read_domain_file(folder: Path, faults: list[ContractError]) -> dict[str, str]:
    try:
        document = Document(folder / "domain.yaml")
    except ContractError as error:
        faults += split_errors(error)
        return dict.fromkeys(_KEYS, "")
    stated = {key: _text(document, key) for key in _KEYS}
    for key in (k for k in document.value if k not in _KEYS):
        document.refuse_key((key,), f"a domain has no key {key!r}", known=_KEYS, otherwise="remove it")
    document.attempt(lambda: _refuse_name(folder))
    if folder.name in RESERVED_DOMAINS or folder.name.startswith(_RESERVED_STARTS):
        document.fault(f"no domain can be called {folder.name!r}", hint="rename the folder; the lake needs the name")
    if stated["name"] and stated["name"] != folder.name:
        document.fault(f"name is {stated['name']!r}", ("name",), hint=f"name: {folder.name}")
    faults += document.faults
    return stated


def _text(document: Document, key: str) -> str:
    value = document.value.get(key)
    if isinstance(value, dict | list):
        document.fault(f"{key} is not a text", (key,), hint=f"state {key} as plain text")
        return ""
    return str(document.required(value, key))


def _refuse_name(folder: Path) -> None:
    if not is_product_name(folder.name):
        raise ContractError(
            f"{folder.name!r} cannot be the name of a domain or product",
            where=str(folder),
            hint="rename the folder: a lower case letter, then lower case letters, digits and _",
        )


def _same_names(domains: Iterable[Domain]) -> Iterator[ContractError]:
    """Products whose tables would have one name where Athena builds the curated tables: `<domain>__<product>`."""
    seen: dict[str, Product] = {}
    for product in (p for d in domains for p in d.products):
        first = seen.setdefault(f"{product.domain}__{product.name}", product)
        if first is not product:
            says = f"{first.id} and {product.id} would both be {product.domain}__{product.name}"
            yield ContractError(says, where=str(product.contract_file), hint="rename one of the folders")


def _unknown_requirements(domains: Iterable[Domain], root: Path) -> Iterator[ContractError]:
    """Products that cannot be required: what counts is which resources have arrived."""
    known = {p.id: p for d in domains for p in d.products}
    for product in known.values():
        for name in product.completeness.products if product.completeness else ():
            if name in known and len(known[name].view_files) != 1:
                fault = f"{name} has {len(known[name].view_files)} views, so that no type of FHIR goes with its ids"
                hint = "require a product with one view"
            elif name not in known and not (root / name.replace(".", "/") / CONTRACT_FILE).is_file():
                fault, hint = f"there is no product {name!r}", f"one of: {', '.join(known)}"
            else:
                continue  # also where the other's contract is not valid, which is told of that one
            yield ContractError(f"{COMPLETENESS_PROPERTY}: {fault}", where=str(product.contract_file), hint=hint)
