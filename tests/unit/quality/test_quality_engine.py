"""The patch that makes Great Expectations keep DuckDB connections open, and its guard."""

from __future__ import annotations

import great_expectations.execution_engine.sqlalchemy_execution_engine as engine_module
import pytest

from caremesh.errors import QualityError
from quality.duckdb_engine import duckdb_is_known

NAME = "_PERSISTED_CONNECTION_DIALECTS"


def test_duckdb_is_known_only_inside():
    before = getattr(engine_module, NAME)

    with duckdb_is_known():
        inside = getattr(engine_module, NAME)

    assert "duckdb" not in before
    assert inside[-1] == "duckdb"
    assert inside[-1].value == "duckdb"
    assert getattr(engine_module, NAME) is before


def test_another_version_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr("quality.engine.version", lambda name: "1.25.0")

    with pytest.raises(QualityError) as raised, duckdb_is_known():
        pass

    assert raised.value.message == "the gate is built for Great Expectations 1.24.1; this is 1.25.0"
    assert raised.value.hint == "pip install great-expectations==1.24.1"


@pytest.mark.parametrize("found", [None, ["sqlite"]])
def test_a_private_list_that_is_not_as_expected_is_refused(monkeypatch, found):
    monkeypatch.setattr(engine_module, NAME, found)

    with pytest.raises(QualityError, match=f"without {NAME}"), duckdb_is_known():
        pass
