"""Finds the domains of a project and their products: `domains/<domain>/<product>/`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from caremesh.completeness import COMPLETENESS_PROPERTY, order_by_need
from caremesh.errors import ContractError, UsageError
from caremesh.products.contract import read_product
from caremesh.products.document import load_yaml, read_text
from caremesh.products.product import Domain, Product

RESERVED_DOMAINS = ("caremesh", "curated", "ledger", "quarantine")
"""Names that the lake's database needs for itself."""


def find_domains(root: Path) -> tuple[Domain, ...]:
    """Read every domain and product under `root` (the `domains/` folder), sorted by name.

    Raises ContractError for the first folder that is not valid.
    """
    if not root.is_dir():
        raise ContractError("there is no domains folder", where=str(root), hint="give --project DIR")
    domains = tuple(_read_domain(folder) for folder in sorted(root.iterdir()) if (folder / "domain.yaml").is_file())
    _refuse_unknown_requirements(domains)
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


def _read_domain(folder: Path) -> Domain:
    file = folder / "domain.yaml"
    try:
        stated = load_yaml(read_text(file))
    except yaml.YAMLError as error:
        raise ContractError(f"not valid YAML: {error}", where=str(file)) from None
    missing = [k for k in ("name", "owner", "team", "description") if not (isinstance(stated, dict) and stated.get(k))]
    if missing:
        raise ContractError(f"missing {', '.join(missing)}", where=str(file), hint="state them as plain text")
    if folder.name in RESERVED_DOMAINS:
        raise ContractError(f"no domain can be called {folder.name!r}", where=str(file), hint="choose another name")
    if stated["name"] != folder.name:
        raise ContractError(f"name is {stated['name']!r}", where=str(file), hint=f"name: {folder.name}")
    folders = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))
    products = tuple(read_product(p) for p in folders)
    return Domain(
        name=folder.name,
        owner=stated["owner"],
        team=stated["team"],
        description=stated["description"].strip(),
        products=products,
    )


def _refuse_unknown_requirements(domains: Iterable[Domain]) -> None:
    """Raise where a product requires one that cannot be required: what counts is which resources have arrived."""
    known = {p.id: p for d in domains for p in d.products}
    for product in known.values():
        for name in product.completeness.products if product.completeness else ():
            if name not in known:
                fault, hint = f"there is no product {name!r}", f"one of: {', '.join(known)}"
            elif len(known[name].view_files) != 1:
                fault = f"{name} has {len(known[name].view_files)} views, so that no type of FHIR goes with its ids"
                hint = "require a product with one view"
            else:
                continue
            raise ContractError(f"{COMPLETENESS_PROPERTY}: {fault}", where=str(product.contract_file), hint=hint)
    order_products(known.values())
