"""What nobody refers to in a lake in S3, and how it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from caremesh.lake.layout import CURATED_FOLDER, CURRENT_FILE, MANIFEST_FILE, product_key, release_key
from caremesh.products import Product

if TYPE_CHECKING:
    from caremesh.lake.aws import AwsLake

RESULTS_FOLDER = "athena"
LISTS_FOLDER = f"{RESULTS_FOLDER}/lines/"
WORK_DATABASE = "caremesh"
RUN_TABLES = ("candidate_", "work_")
BUILD_DATABASES = ("caremesh_build_", "caremesh_work_")
"""What the names of Glue databases begin with that belong to one run."""


def sweep_objects(lake: AwsLake, products: Sequence[Product], *, before: str) -> int:
    """Remove objects that nothing refers to and that were last written before a time (ISO 8601); give how many.

    These are releases that were never published and stand aside no more, Parquet files of runs that lost a race,
    curated builds that are not current, and results of queries. Whatever is at work now must be younger.
    """
    keys = [key for product in products for key in _unused(lake, product, before)]
    build = lake.read_curated()
    # Readers may still be at a build that was current until this one came.
    if build and build.built_at < before:
        kept = (f"{CURATED_FOLDER}/{build.build}/", f"{CURATED_FOLDER}/{CURRENT_FILE}")
        keys += [
            k for k, written in lake.objects.list_dated(CURATED_FOLDER) if written < before and not k.startswith(kept)
        ]
    results = [key for key, written in lake.objects.list_dated(RESULTS_FOLDER) if written < before]
    _drop_tables(lake, results, before)
    lake.objects.delete([*keys, *results])
    return len(keys) + len(results)


def _drop_tables(lake: AwsLake, results: Sequence[str], before: str) -> None:
    """Let Glue forget what belonged to runs that are over: their databases, their tables, and tables of lines."""
    for name, made in lake.glue.databases():
        if name.startswith(BUILD_DATABASES) and made < before:
            lake.glue.drop_database(name)
    # A table of lines may be older than the list of files that it reads, which each run writes again.
    listed = {key.split("/")[2] for key in results if key.startswith(LISTS_FOLDER)}
    for table, made in lake.glue.made_at(WORK_DATABASE).items():
        if table in listed or (table.startswith(RUN_TABLES) and made < before):
            lake.glue.drop_table(WORK_DATABASE, table)


def _unused(lake: AwsLake, product: Product, before: str) -> Iterator[str]:
    pointer = lake.pointer(product)
    known = {m.release for m in pointer.history} if pointer else set()
    known |= {m.release for m in lake.candidates(product)}
    for release in lake.objects.folders(f"{product_key(product)}/releases"):
        home = release_key(product, release)
        manifest = lake.find_manifest(product, release) if release in known else None
        used = [f"{home}/{manifest.data}/", f"{home}/{manifest.quarantine}/"] if manifest else []
        for key, written in sorted(lake.objects.list_dated(home), key=lambda k: not k[0].endswith(MANIFEST_FILE)):
            # Of a release that is known, its documents and the files that its manifest names are used.
            is_document = manifest is not None and "/" not in key.removeprefix(f"{home}/")
            if written < before and not is_document and not key.startswith(tuple(used)):
                yield key
