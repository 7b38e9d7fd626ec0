"""Whether the DuckDB file shows the lake as it is; then it is not written again.

Beside the file stands a digest of all that it was written from, and which file that was. Where either is not there, is
damaged or differs, the file is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from caremesh.lake.layout import CURRENT_FILE, LEDGER_FILE, MANIFEST_FILE
from caremesh.lake.local import DATABASE_FILE, LocalLake
from caremesh.products import Product

STATE_FILE = f".{DATABASE_FILE}.json"


def describe_shown(lake: LocalLake, products: Sequence[Product]) -> str:
    """A digest of all that the DuckDB file of these products is written from, and of the code that writes it."""
    digest = hashlib.sha256()
    for part in _parts(lake, products):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def is_shown(lake: LocalLake, state: str) -> bool:
    """Whether the file that stands there was written from this state."""
    with suppress(OSError, ValueError):
        return bool(json.loads((lake.root / STATE_FILE).read_bytes()) == [state, *_which(lake.database)])
    return False


def note_shown(lake: LocalLake, state: str) -> None:
    """Note that the file was written from this state; where that fails, it will be written once more."""
    with suppress(OSError):
        (lake.root / STATE_FILE).write_text(json.dumps([state, *_which(lake.database)]), encoding="utf-8")


def _which(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _parts(lake: LocalLake, products: Sequence[Product]) -> Iterator[bytes]:
    yield f"{lake.root.resolve()} {duckdb.__version__}".encode()
    here = Path(__file__).parent
    for code in sorted([*here.glob("*.py"), here.with_name("quoting.py"), here.with_name("release_keys.py")]):
        yield code.read_bytes()
    yield _content(lake.root / LEDGER_FILE)
    yield _content(lake.curated / CURRENT_FILE)
    if build := lake.read_curated():
        yield _names(file for table in build.tables for file in lake.curated_files(table))
    for product in products:
        yield f"{product.id} {product.contract_digest}".encode()
        if pointer := lake.pointer(product):
            home = lake.release_folder(product, pointer.release)
            yield from (_content(lake.folder(product) / CURRENT_FILE), _content(home / MANIFEST_FILE))
            yield _names(home.rglob("*.parquet"))


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _names(files: Iterator[Path]) -> bytes:
    return "\n".join(sorted(map(str, files))).encode()
