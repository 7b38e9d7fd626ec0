"""Running a view on real DuckDB, the way the platform does: NDJSON, pruned columns, SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import view_rows


@pytest.fixture
def run_view(tmp_path: Path) -> Callable[[dict[str, Any], view_rows.Rows], view_rows.Rows]:
    """Give the rows of a view over resources."""
    return lambda view, resources: view_rows.run_view(view, resources, tmp_path)
