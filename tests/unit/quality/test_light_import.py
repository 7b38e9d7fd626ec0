"""Great Expectations is imported without the libraries of expectations that no contract uses."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import math, sys
from quality.light_import import import_great_expectations

import_great_expectations()
loaded = [name for name in sys.modules if name.startswith(("altair", "scipy.stats"))]
assert not loaded, loaded

import great_expectations.expectations.core.expect_column_kl_divergence_to_be_less_than as divergence

found = divergence.stats.entropy([0.5, 0.5], [0.2, 0.8])
assert math.isclose(found, 0.5 * math.log(0.5 / 0.2) + 0.5 * math.log(0.5 / 0.8)), found
assert "scipy.stats" in sys.modules
"""


def test_libraries_of_two_expectations_are_imported_when_these_are_used_and_not_before():
    subprocess.run([sys.executable, "-c", CODE], check=True)
