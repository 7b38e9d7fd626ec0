"""lowBoundary() and highBoundary() of dates and times (FHIRPath, section "Utility functions")."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.view_rows import run_view


@pytest.mark.parametrize(
    ("path", "value", "low", "high"),
    [
        ("Date", "2024", "2024-01-01", "2024-12-31"),
        ("Date", "2024-02", "2024-02-01", "2024-02-29"),
        ("Date", "1900-02", "1900-02-01", "1900-02-28"),
        ("Date", "2000-02", "2000-02-01", "2000-02-29"),
        ("Date", "2023-11", "2023-11-01", "2023-11-30"),
        ("Date", "2023-12-05", "2023-12-05", "2023-12-05"),
        ("DateTime", "2024", "2024-01-01T00:00:00.000+14:00", "2024-12-31T23:59:59.999-12:00"),
        ("DateTime", "2024-02", "2024-02-01T00:00:00.000+14:00", "2024-02-29T23:59:59.999-12:00"),
        ("DateTime", "2024-02-03", "2024-02-03T00:00:00.000+14:00", "2024-02-03T23:59:59.999-12:00"),
        ("DateTime", "2024-02-03T04:05", "2024-02-03T04:05:00.000+14:00", "2024-02-03T04:05:59.999-12:00"),
        ("DateTime", "2024-02-03T04:05:06Z", "2024-02-03T04:05:06.000Z", "2024-02-03T04:05:06.999Z"),
        ("DateTime", "2024-02-03T04:05:06.7+01:00", "2024-02-03T04:05:06.700+01:00", "2024-02-03T04:05:06.700+01:00"),
        ("DateTime", "2024-02-03T04:05:06.789123Z", "2024-02-03T04:05:06.789123Z", "2024-02-03T04:05:06.789123Z"),
        ("Time", "04:05", "04:05:00.000", "04:05:59.999"),
        ("Time", "04:05:06", "04:05:06.000", "04:05:06.999"),
        ("Time", "04:05:06.78", "04:05:06.780", "04:05:06.780"),
    ],
)
def test_boundaries_fill_up_what_is_not_stated(tmp_path: Path, path: str, value: str, low: str, high: str) -> None:
    resource = {"resourceType": "Parameters", "id": "p", "parameter": [{"name": "x", f"value{path}": value}]}
    element = f"parameter.value.ofType({path[0].lower() + path[1:]})"
    columns = [
        {"name": "low", "path": f"{element}.lowBoundary()"},
        {"name": "high", "path": f"{element}.highBoundary()"},
    ]
    (row,) = run_view({"resource": "Parameters", "select": [{"column": columns}]}, [resource], tmp_path)
    assert row == {"low": low, "high": high}
