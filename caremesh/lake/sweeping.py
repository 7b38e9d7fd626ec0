"""What nobody refers to in a lake in S3, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caremesh.aws.names import BUILD_DATABASES, RESULTS_FOLDER, RUN_TABLES, WORK_DATABASE
from caremesh.lake.layout import CURATED_FOLDER, CURRENT_FILE, REPLAYS_FOLDER, product_key, release_key
from caremesh.products import Product

if TYPE_CHECKING:
    from caremesh.lake.aws import AwsLake


def sweep_objects(lake: AwsLake, products: Sequence[Product], *, before: str) -> int:
    """Remove objects that nothing refers to and that were last written before a time (ISO 8601); give how many.

    These are releases that were never published and stand aside no more, Parquet files of runs that lost a race,
    curated builds that are not current, replays that the ledger does not list, and what queries left. Whatever is at
    work now must be younger.
    """
    removed = sum(_sweep_releases(lake, product, before) for product in products)
    keys = _old_builds(lake, before) + _lost_replays(lake, before)
    keys += [key for product in products for key in lake.pointers.lost_moves(product, before)]
    keys += [key for key, written in lake.objects.list_dated(RESULTS_FOLDER) if written < before]
    _drop_tables(lake, before)
    lake.objects.delete(keys)
    return removed + len(keys)


def _sweep_releases(lake: AwsLake, product: Product, before: str) -> int:
    removed = 0
    for release in lake.objects.folders(f"{product_key(product)}/releases"):
        home = release_key(product, release)
        dated = list(lake.objects.list_dated(home))
        if lake.is_wanted(product, release):
            keys = _strays(lake, product, release, dated, before)
            lake.objects.delete(keys)
            removed += len(keys)
        elif all(written < before for _, written in dated):
            removed += lake.remove_release(product, release)
    return removed


def _strays(lake: AwsLake, product: Product, release: str, dated: Sequence[tuple[str, str]], before: str) -> list[str]:
    """Of a release that is wanted: Parquet files of runs that its manifest does not name."""
    home = release_key(product, release)
    manifest = lake.find_manifest(product, release)
    if manifest is None:
        return []
    used = tuple(f"{home}/{folder}/" for folder in manifest.folders)
    return [
        k for k, written in dated if written < before and "/" in k.removeprefix(f"{home}/") and not k.startswith(used)
    ]


def _old_builds(lake: AwsLake, before: str) -> list[str]:
    build = lake.read_curated()
    # Readers may still be at a build that was current until this one came.
    if build is None or build.built_at >= before:
        return []
    kept = (f"{CURATED_FOLDER}/{CURRENT_FILE}", *(f"{table.folder}/" for table in build.tables))
    dated = lake.objects.list_dated(CURATED_FOLDER)
    return [key for key, written in dated if written < before and not key.startswith(kept)]


def _lost_replays(lake: AwsLake, before: str) -> list[str]:
    """Files of replays that the ledger does not list; those of a replay at work now are younger."""
    dated = list(lake.objects.list_dated(REPLAYS_FOLDER))
    known = {f.path for e in lake.read_ledger().exports for f in e.files}
    return [key for key, written in dated if written < before and str(lake.place / key) not in known]


def _drop_tables(lake: AwsLake, before: str) -> None:
    """Let Glue forget the databases and tables of runs that are over."""
    for name, made in lake.glue.databases():
        if name.startswith(BUILD_DATABASES) and made < before:
            lake.glue.drop_database(name)
    for table, made in lake.glue.made_at(WORK_DATABASE).items():
        if table.startswith(RUN_TABLES) and made < before:
            lake.glue.drop_table(WORK_DATABASE, table)
