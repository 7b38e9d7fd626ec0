"""What runs call their own things in AWS, so that whoever tidies up knows them."""

from __future__ import annotations

WORK_DATABASE = "caremesh"
"""The Glue database of everything that is no product: tables of lines, candidates, and work in progress."""

RUN_TABLES = ("lines_", "candidate_", "work_")
"""What the names of tables in it begin with; each belongs to one run."""

BUILD_DATABASES = ("caremesh_build_", "caremesh_work_")
"""What the names of Glue databases begin with in which one run of dbt works."""

RESULTS_FOLDER = "athena"
"""Where, below a lake, results of queries and the files of work in progress lie."""
