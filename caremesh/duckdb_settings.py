"""Settings that every DuckDB connection of CareMesh has: it works offline."""

from __future__ import annotations

OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    # Otherwise DuckDB would fetch an extension that some SQL happens to need.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
