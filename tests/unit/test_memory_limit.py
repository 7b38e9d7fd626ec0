"""What is left of the memory bound for stages whose libraries take much themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from caremesh.errors import UsageError
from caremesh.settings import Settings
from tests.conftest import settings_for


def bounded(limit: str, tmp_path: Path) -> Settings:
    return replace(settings_for(tmp_path / "lake"), memory_limit=limit)


@pytest.mark.parametrize(
    ("limit", "third", "threads"),
    [
        ("256MB", "81.3 MiB", 1),
        ("512MB", "162.7 MiB", 2),
        ("0.5 GiB", "170.6 MiB", 2),
        ("4gb", "1.2 GiB", 2),
        ("1000KB", "325.1 KiB", 1),
    ],
)
def test_a_third_is_left_and_64_mb_are_asked_for_each_thread(
    limit: str, third: str, threads: int, tmp_path: Path
) -> None:
    settings = bounded(limit, tmp_path)

    with duckdb.connect(config={"memory_limit": settings.reduced_memory_limit}) as connection:
        (understood,) = connection.execute("select current_setting('memory_limit')").fetchone() or ("",)

    assert (understood, settings.reduced_threads) == (third, threads)


def test_what_duckdb_would_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'much' is no amount of memory"):
        bounded("much", tmp_path)
