"""Tests are packed: the longest first, what needs Trino together; and whatever ends a worker, the failure is told."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.packing import TRINO, durations

PLUGINS = ("-p", "tests.packing", "-p", "no:cacheprovider")

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PACKED = re.findall(r"^PACKED := (.*)$", MAKEFILE, re.MULTILINE)[0].split()

SLOW_FIRST = """
import pytest
@pytest.mark.parametrize("part", range(3))
def test_split(part): pass
def test_short(): pass
"""
SQL = "import pytest\n@pytest.mark.athena\ndef test_sql(): pass\n"


def run(folder: Path, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    """Pytest on these files in a process of its own, packed as ours are."""
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = athena\n")
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-q", *PLUGINS, *options]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def test_every_name_in_the_table_is_a_file_a_test_or_the_lane_that_is_there() -> None:
    for name in durations():
        file, _, test = name.partition("::")
        if name != TRINO:
            assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8") or not test, name


def test_the_longest_are_first_and_named_tests_are_groups_of_their_own(tmp_path: Path) -> None:
    table = "5 test_a.py::test_split\n9 trino\n7 test_b.py\n"
    (tmp_path / "durations.txt").write_text(table)
    (tmp_path / "conftest.py").write_text(
        "from pathlib import Path\nimport tests.packing\n"
        "tests.packing.DURATIONS = Path(__file__).with_name('durations.txt')\n"
    )
    done = run(tmp_path, "--collect-only", test_a=SLOW_FIRST, test_b=SLOW_FIRST, test_c=SQL, test_d=SQL)
    listed = re.findall(r"^test_\S+", done.stdout, re.MULTILINE)
    assert listed[:2] == ["test_c.py::test_sql", "test_d.py::test_sql"]
    assert listed[2:6] == [*(f"test_b.py::test_split[{n}]" for n in range(3)), "test_b.py::test_short"]
    assert listed[6:] == [*(f"test_a.py::test_split[{n}]" for n in range(3)), "test_a.py::test_short"]


def test_a_group_runs_on_one_worker(tmp_path: Path) -> None:
    noting = "import os, pathlib, pytest\n@pytest.mark.parametrize('n', range(8))\ndef test_it(n): "
    noting += "pathlib.Path(__file__).with_suffix('.txt').open('a').write(os.environ['PYTEST_XDIST_WORKER'] + ' ')\n"
    sql = noting.replace("@pytest.mark.parametrize", "@pytest.mark.athena\n@pytest.mark.parametrize")
    done = run(tmp_path, *PACKED, "-n", "2", test_a=noting, test_b=noting, test_c=sql, test_d=sql)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = {name: set((tmp_path / f"test_{name}.txt").read_text().split()) for name in "abcd"}
    assert all(len(found) == 1 for found in workers.values()), workers
    assert workers["c"] == workers["d"]


def test_a_test_that_fails_hangs_or_ends_its_worker_is_named_and_ends_the_run_with_an_error(tmp_path: Path) -> None:
    bodies = {"fails": "assert 0", "hangs": "import time; time.sleep(60)", "ends": "import os; os._exit(0)"}
    text = "".join(f"def test_{name}():\n    {body}\n" for name, body in bodies.items())
    done = run(tmp_path, *PACKED, "-n", "2", "--timeout", "2", test_a=text, test_b="def test_b(): pass")
    assert done.returncode == 1
    for name in bodies:
        assert f"FAILED test_a.py::test_{name}" in done.stdout, done.stdout + done.stderr
    assert "3 failed, 1 passed" in done.stdout, done.stdout
