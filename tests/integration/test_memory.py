"""Flatten stays within bounds however large the export is."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from caremesh.demo import ExportPlan, write_export
from tests.conftest import ROOT

GIB = 1 << 30


def peak_of(arguments: list[str], *, exit_code: int = 0) -> int:
    """Peak resident bytes of one call of the command line, which a small process starts: see `bench/launch.py`."""
    command = [sys.executable, "-c", "from caremesh.cli import main; main()", *arguments]
    with tempfile.NamedTemporaryFile() as report:
        done = subprocess.run([sys.executable, "-m", "bench.launch", report.name, *command], cwd=ROOT)
        assert done.returncode == exit_code
        return int(json.load(report)["peak_mb"] * (1 << 20))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_two_gigabyte_export_is_landed_and_flattened_in_less_than_a_gibibyte(tmp_path: Path) -> None:
    probe = write_export(ExportPlan(patients=100), tmp_path / "probe")
    bytes_per_patient = sum(f.stat().st_size for f in probe.rglob("*.ndjson")) / 100
    landing = tmp_path / "landing"
    export = write_export(ExportPlan(patients=int(2.1e9 / bytes_per_patient)), landing)
    assert sum(f.stat().st_size for f in export.rglob("*.ndjson")) > 2e9
    lake = str(tmp_path / "lake")
    assert peak_of(["land", "--landing", str(landing), "--lake", lake, "--quiet"]) < GIB
    assert peak_of(["flatten", "--lake", lake, "--quiet"]) < GIB


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("bad_lines", "bound"), [(0, 350e6), (10, 400e6)])
def test_a_view_over_two_gigabytes_keeps_within_its_memory_limit(bad_lines: int, bound: float, tmp_path: Path) -> None:
    export = write_export(ExportPlan(patients=1000), tmp_path)
    block = b"".join(f.read_bytes() for f in sorted((export / "Observation").glob("*.ndjson")))
    big = tmp_path / "Observation.ndjson"
    with big.open("wb") as out:
        number = 0
        while out.tell() < 2e9:
            out.write(block.replace(b'"id":"', f'"id":"{number}-'.encode()))
            # No resource type, no JSON: found wherever it stands.
            out.write(b'{"id":"x"\n' if number < bad_lines else b"")
            number += 1
    view, rows = ROOT / "domains/clinical/observation/view.json", tmp_path / "rows.parquet"
    arguments = ["view", "run", str(view), str(big), "-o", str(rows), "--memory-limit", "256MB", "--quiet"]
    assert peak_of(arguments, exit_code=3 if bad_lines else 0) < bound
