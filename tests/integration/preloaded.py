"""What a run imports where it needs it: whoever forks processes for runs imports this once."""

from __future__ import annotations

import dbt.adapters.duckdb
import dbt.cli.main
import great_expectations
import pyarrow.parquet

import caremesh.engines.dbt
import caremesh.engines.mending
import caremesh.engines.part_files
import caremesh.lake.database
import catalog.portal
import quality.duckdb_engine
import quality.report
import tests.integration.run_to_kill

PRELOADED = (
    *(dbt.adapters.duckdb, dbt.cli.main, great_expectations, pyarrow.parquet),
    *(caremesh.engines.dbt, caremesh.engines.mending, caremesh.engines.part_files, caremesh.lake.database),
    *(catalog.portal, quality.duckdb_engine, quality.report, tests.integration.run_to_kill),
)
