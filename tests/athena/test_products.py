"""The views of the shipped products give on a real Trino exactly the rows that they give on DuckDB."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from caremesh.fhir import ATHENA, DUCKDB, compile_view, parse_view
from tests.athena.engine import Athena, Rows
from tests.shipped_views import NAMES, REAL_NAMES, REAL_VIEWS, VIEWS, example_lines, view_name
from tests.view_rows import run_compiled

pytestmark = pytest.mark.athena

EXPORTS = ("pathling-r4", "synthea-25")


def as_multiset(rows: Rows) -> Counter[str]:
    """Rows with the exact types of their values: 1 is not 1.0. A moment is the same in every time zone."""
    return Counter(repr(sorted((name, in_utc(value)) for name, value in row.items())) for row in rows)


def in_utc(value: object) -> object:
    if isinstance(value, list):
        return [in_utc(item) for item in value]
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


@pytest.mark.parametrize("view_file", VIEWS, ids=NAMES)
def test_example_gives_the_rows_of_duckdb(view_file: Path, athena: Athena, tmp_path: Path) -> None:
    view = parse_view(view_file.read_text(), where=view_file.name)
    lines = example_lines(view_file)
    expected = run_compiled(compile_view(view, DUCKDB), lines, tmp_path)
    assert expected
    assert as_multiset(athena.run(compile_view(view, ATHENA), lines)) == as_multiset(expected)


@pytest.mark.parametrize("view_file", REAL_VIEWS, ids=REAL_NAMES)
def test_real_export_gives_the_rows_of_duckdb(
    view_file: Path, athena: Athena, shared_data: Path, tmp_path: Path
) -> None:
    view = parse_view(view_file.read_text(), where=view_file.name)
    files = [shared_data / export / f"{view.resource}.ndjson" for export in EXPORTS]
    content = next(file for file in files if file.exists()).read_bytes()
    table = athena.aws.create_line_table("real_" + view_name(view_file).replace(".", "_"), {"all.ndjson": content})
    expected = run_compiled(compile_view(view, DUCKDB), content.decode().splitlines(), tmp_path)
    assert expected
    found = as_multiset(athena.run_table(compile_view(view, ATHENA), table))
    # Compared first, since the message of a failure must not print the rows.
    same = found == as_multiset(expected)
    assert same, f"{(found - as_multiset(expected)).total()} of {len(expected)} rows differ"
