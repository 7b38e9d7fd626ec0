"""Which engine flattens: what was asked for, and with `auto` by the size of the input."""

from __future__ import annotations

import pytest

from caremesh.errors import UsageError
from caremesh.places import Place, parse_place
from caremesh.settings import AwsSettings, EngineChoice, Settings
from caremesh.sources.ndjson import LandedFile
from caremesh.stages.athena_flatten import choose_engine
from tests.conftest import NOW, ROOT

THERE = parse_place("s3://bucket/mesh")
HERE = parse_place("lake")


def settings(engine: EngineChoice, lake: Place = THERE) -> Settings:
    return Settings(project=ROOT, lake=lake, now=NOW, run_id="test", engine=engine, aws=AwsSettings(auto_bytes=1000))


def landed(size: int, path: str = "s3://landing/Patient.ndjson") -> LandedFile:
    return LandedFile("export", "Patient.ndjson", path, "Patient", size, 0, "etag:1", None)


@pytest.mark.parametrize(
    ("engine", "sizes", "chosen"),
    [
        ("duckdb", [5000], "duckdb"),
        ("athena", [1], "athena"),
        ("athena", [], "duckdb"),
        ("auto", [999], "duckdb"),
        ("auto", [600, 400], "athena"),
        ("auto", [], "duckdb"),
    ],
)
def test_the_engine_is_the_one_asked_for_or_goes_by_size(engine: EngineChoice, sizes: list[int], chosen: str) -> None:
    assert choose_engine(settings(engine), [landed(size) for size in sizes]) == chosen


def test_auto_stays_here_where_athena_cannot_reach_the_files() -> None:
    assert choose_engine(settings("auto"), [landed(5000, "/landing/Patient.ndjson")]) == "duckdb"
    assert choose_engine(settings("auto", HERE), [landed(5000)]) == "duckdb"


def test_athena_for_files_or_a_lake_on_this_machine_is_refused() -> None:
    for asked, files in (
        (settings("athena", HERE), [landed(1)]),
        (settings("athena"), [landed(1, "/landing/a.ndjson")]),
    ):
        with pytest.raises(UsageError, match="reads from S3 and writes to S3"):
            choose_engine(asked, files)


def test_rows_are_held_back_by_duckdb_alone() -> None:
    assert choose_engine(settings("auto"), [landed(5000)], holds="clinic.visit") == "duckdb"
    with pytest.raises(UsageError, match=r"clinic.visit holds incomplete rows back, and the engine athena cannot"):
        choose_engine(settings("athena"), [landed(1)], holds="clinic.visit")
