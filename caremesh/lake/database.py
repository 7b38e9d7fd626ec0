"""The DuckDB file that analysts open: one view per current release and curated table, and no data of its own.

It is built aside and swapped in with one rename, so a reader that keeps the old file open keeps the old state, and
neither blocks the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from caremesh.duckdb_settings import OFFLINE
from caremesh.errors import LakeError
from caremesh.lake.files import sync
from caremesh.lake.layout import LEDGER_FILE
from caremesh.lake.local import LocalLake
from caremesh.lake.removals import RECEIPT_COLUMNS, removals_sql
from caremesh.lake.shown_state import describe_shown, is_shown, note_shown
from caremesh.products import Product
from caremesh.quoting import quote_file, quote_name, quote_text
from caremesh.sources.line_digest import TEXT_DIGITS

QUARANTINE_COLUMNS = (
    "product varchar, release varchar, export varchar, file varchar, line bigint, reason varchar, raw varchar"
)

_DECISION_COLUMNS = (
    "export varchar, file varchar, line bigint, text varchar, action varchar, reason varchar, at varchar, by varchar"
)

# `caremesh.lake.decisions` says on which line a decision is.
_DECISION = """(
    select min(d.action) from quarantine.decisions as d
    where (d.export, d.file, d.text) = (q.export, q.file, q.digest)
    and (d.line is null or q.line is null or d.line = q.line)
) as decision"""


def rebuild_database(lake: LocalLake, products: Sequence[Product]) -> Path:
    """Write the lake's DuckDB file anew from its pointers and swap it in, unless it shows all of them already.

    Raises LakeError where that cannot be done.
    """
    state = describe_shown(lake, products)
    if is_shown(lake, state):
        return lake.database
    aside = lake.root / f".{lake.database.name}.part"
    # DuckDB would take what a killed run logged for part of the new file.
    for left in (aside, aside.with_name(f"{aside.name}.wal")):
        left.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(aside), config=OFFLINE) as connection:
            add_product_views(connection, lake, products)
            _add_decisions(connection, lake)
            _add_quarantine_view(connection, lake, products)
            connection.execute("create schema ledger")
            _add_removals_view(connection, lake, products)
            _add_incomplete_view(connection, lake, products)
            _add_curated_views(connection, lake)
            _comment(connection, "view quarantine.lines", state_place(lake))
            # Closing would do it too, but says nothing where it fails: on a full disk the file is then empty.
            connection.execute("checkpoint")
    except duckdb.Error as error:
        raise LakeError(
            f"the DuckDB file could not be written ({type(error).__name__}); the one before still answers",
            where=str(lake.database),
            hint="free disk space, or see whether the releases can still be read; then: caremesh publish",
        ) from None
    sync(aside)
    aside.replace(lake.database)
    sync(lake.root)
    note_shown(lake, state)
    return lake.database


def state_place(lake: LocalLake) -> str:
    """What the database says of the place it was written for.

    Its views name files by their whole path: in a copy of the lake they would answer from the original.
    """
    return f"Lines that could not be used, of the lake at {lake.root.resolve()}"


def add_product_views(connection: duckdb.DuckDBPyConnection, lake: LocalLake, products: Iterable[Product]) -> None:
    """Create a view `<domain>.<product>` over the current release of every product that has one."""
    for product in products:
        manifest = lake.current(product)
        if manifest is None:
            continue
        connection.execute(f"create schema if not exists {quote_name(product.domain)}")
        view = f"{quote_name(product.domain)}.{quote_name(product.name)}"
        _add_view(connection, view, lake.part_files(product, manifest, manifest.data))
        _comment(connection, f"view {view}", product.description)
        # The current release may be older than the contract, and have fewer columns or others.
        released = {name for name, _ in manifest.columns}
        for column in (c for c in product.columns if c.name in released):
            _comment(connection, f"column {view}.{quote_name(column.name)}", column.description)


def _add_curated_views(connection: duckdb.DuckDBPyConnection, lake: LocalLake) -> None:
    build = lake.read_curated()
    if build is None:
        return
    for table in build.tables:
        connection.execute(f"create schema if not exists {quote_name(table.schema)}")
        view = f"{quote_name(table.schema)}.{quote_name(table.name)}"
        _add_view(connection, view, lake.curated_files(table))
        _comment(connection, f"view {view}", table.description)
        for column in table.columns:
            _comment(connection, f"column {view}.{quote_name(column.name)}", column.description)


def _add_decisions(connection: duckdb.DuckDBPyConnection, lake: LocalLake) -> None:
    """Show what was decided on quarantined lines, as the ledger says at the moment of the query."""
    fields = ", ".join(f'"{name}": "{kind}"' for name, kind in (c.split() for c in _DECISION_COLUMNS.split(", ")))
    stated = "select '{}' as content where false"
    if (ledger := lake.root / LEDGER_FILE).exists():
        stated = f"select content from read_text({quote_file(ledger.resolve())})"
    listed = f"""from_json(content -> 'decisions', '[{{{fields}}}]')"""
    connection.execute("create schema quarantine")
    # Where SQL has a word of its own, the column has another name.
    named = '* exclude ("at", "by"), "at" as decided_at, "by" as replay'
    rows = f"select unnest({listed}, recursive := true) from ({stated})"
    connection.execute(f"create view quarantine.decisions as select {named} from ({rows})")


def _add_quarantine_view(connection: duckdb.DuckDBPyConnection, lake: LocalLake, products: Iterable[Product]) -> None:
    names = [c.split()[0] for c in QUARANTINE_COLUMNS.split(", ")]
    typed = ", ".join(f"cast(null as {c.split()[1]}) as {c.split()[0]}" for c in QUARANTINE_COLUMNS.split(", "))
    parts = [f"select {typed}, cast(null as varchar) as digest where false"]
    for product in products:
        manifest = lake.current(product)
        files = lake.part_files(product, manifest, manifest.quarantine) if manifest else ()
        if manifest and files:
            origin = f"{quote_text(product.id)} as product, {quote_text(manifest.release)} as release"
            held = {name for name, *_ in connection.execute(f"describe from {_rows_of(files)}").fetchall()}
            digest = "digest" if "digest" in held else f"left(sha256(coalesce(raw, '')), {TEXT_DIGITS})"
            parts.append(f"select {origin}, {', '.join(names[2:])}, {digest} from {_rows_of(files)}")
    rows = f"({' union all '.join(parts)}) as q"
    connection.execute(f"create view quarantine.lines as select q.* exclude (digest), {_DECISION} from {rows}")


def _add_removals_view(connection: duckdb.DuckDBPyConnection, lake: LocalLake, products: Iterable[Product]) -> None:
    typed = ", ".join(f"cast(null as varchar) as {c}" for c in ("product", *RECEIPT_COLUMNS))
    parts = [f"select {typed}, cast(null as boolean) as is_back where false"]
    for product in products:
        manifest = lake.current(product)
        if manifest and manifest.receipts:
            receipts = lake.part_files(product, manifest, manifest.receipts)
            keys = lake.part_files(product, manifest, manifest.keys) if manifest.keys else ()
            # Views name files by their whole path, wherever the reader is.
            sql = removals_sql(receipts, [file.resolve() for file in keys])
            parts.append(f"select {quote_text(product.id)}, * from ({sql})")
    connection.execute(f"create view ledger.removals as {' union all '.join(parts)}")


def _add_incomplete_view(connection: duckdb.DuckDBPyConnection, lake: LocalLake, products: Iterable[Product]) -> None:
    """Show which rows name resources that have not arrived; the columns of a row's key stand in one, as JSON."""
    names = ("product", "release", "key", "missing_column", "missing_product", "missing_id")
    typed = ", ".join(f"cast(null as {'json' if name == 'key' else 'varchar'}) as {name}" for name in names)
    parts = [f"select {typed}, cast(null as boolean) as is_held where false"]
    for product in products:
        manifest = lake.current(product)
        found = manifest.completeness if manifest else None
        if manifest and found and found.listed and found.rows:
            origin = f"{quote_text(product.id)}, {quote_text(manifest.release)}, to_json(key)"
            files = lake.part_files(product, manifest, found.listed)
            parts.append(f"select {origin}, {', '.join(names[3:])}, {bool(found.held)} from {_rows_of(files)}")
    connection.execute(f"create view ledger.incomplete as {' union all '.join(parts)}")


def _add_view(connection: duckdb.DuckDBPyConnection, view: str, files: Sequence[Path]) -> None:
    connection.execute(f"create view {view} as select * from {_rows_of(files)}")


def _rows_of(files: Sequence[Path]) -> str:
    listed = ", ".join(quote_file(file.resolve()) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _comment(connection: duckdb.DuckDBPyConnection, thing: str, text: str) -> None:
    connection.execute(f"comment on {thing} is {quote_text(text)}")
