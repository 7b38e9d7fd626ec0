"""Where things stand in a lake, by the same names in a folder and in a bucket.

<lake>/ledger.json                                   exports taken in
<lake>/products/<domain>/<product>/releases/<id>/    data/ keys/ quarantine/ manifest.json report.html,
                                                     where exports removed resources, receipts/, and
                                                     where a contract asks for completeness, incomplete/ held/
<lake>/products/<domain>/<product>/moves/<id>.json   the older moves of its pointer, which names the document
<lake>/curated/current.json, curated/<build>/        curated tables of one dbt build, one folder each
<lake>/replays/<export>/<Type>/                      quarantined lines that were landed again, as an export
<lake>/erasures/<receipt>.json, pending.json         receipts of erasures, and one that was not finished
<lake>/catalog/                                      the catalog pages

Parquet files stand in folders of their own, because the location of a table in Glue is a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from caremesh.products import Product

LAKE_MARK = "lake.json"
LAKE_FORMAT = 2
LEDGER_FILE = "ledger.json"
PRODUCTS_FOLDER = "products"
DATA_FOLDER = "data"
QUARANTINE_FOLDER = "quarantine"
KEYS_FOLDER = "keys"
INCOMPLETE_FOLDER = "incomplete"
HELD_FOLDER = "held"
RECEIPTS_FOLDER = "receipts"
PART_FILE = "part-0.parquet"
MANIFEST_FILE = "manifest.json"
REPORT_FILE = "report.html"
RELEASES_FOLDER = "releases"
CURATED_FOLDER = "curated"
CURRENT_FILE = "current.json"
CATALOG_FOLDER = "catalog"
REPLAYS_FOLDER = "replays"
ERASURES_FOLDER = "erasures"
MOVES_FOLDER = "moves"


def part_file(number: int) -> str:
    """The name of a Parquet file of a release: one for each view of the product."""
    return f"part-{number}.parquet"


def in_order(files: Iterable[Path]) -> tuple[Path, ...]:
    """Parquet files of a release in the order of their numbers: the tenth view stands after the second."""
    return tuple(sorted(files, key=lambda file: ([int(n) for n in re.findall("[0-9]+", file.name)], file.name)))


def product_key(product: Product) -> str:
    """Where everything of one product stands."""
    return f"{PRODUCTS_FOLDER}/{product.domain}/{product.name}"


def release_key(product: Product, release: str) -> str:
    """Where a release of a product stands."""
    return f"{product_key(product)}/{RELEASES_FOLDER}/{release}"


def moves_key(product: Product, name: str) -> str:
    """Where a document of older moves of a product's pointer stands."""
    return f"{product_key(product)}/{MOVES_FOLDER}/{name}.json"
