"""Names, texts and files as SQL writes them; names and texts are the same on DuckDB and Trino."""

from __future__ import annotations

import re
from pathlib import Path


def quote_name(name: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quote_file(path: Path) -> str:
    """A file to read, as a DuckDB literal: `*`, `?` and `[` in its name are no patterns."""
    return quote_text(re.sub(r"([*?\[])", r"[\1]", str(path)))
