"""One DuckDB for many pieces of work: none sees what another one did, and none falls with another one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from caremesh.engines.duckdb import DuckDb
from caremesh.engines.intake import flatten_files
from caremesh.engines.part_files import PartFiles
from caremesh.product_views import compile_product
from caremesh.products import read_product
from caremesh.sources.ndjson import LineFile
from tests.conftest import ROOT

# All that SQL can leave in a DuckDB, by what lists it.
LISTS = ("duckdb_tables()", "duckdb_views()", "duckdb_types()", "duckdb_functions()", "duckdb_schemas()")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDb]:
    with closing(DuckDb(memory_limit="256MB", threads=2, scratch=tmp_path)) as opened:
        yield opened


@pytest.fixture
def small_engine(tmp_path: Path) -> Iterator[DuckDb]:
    with closing(DuckDb(memory_limit="60MB", threads=2, scratch=tmp_path)) as opened:
        yield opened


def left_in(engine: DuckDb) -> list[tuple[str, int]]:
    """What the next piece of work finds that is not DuckDB's own."""
    with engine.connect() as connection:
        parts = " union all ".join(f"select '{name}', count(*) from {name} where not internal" for name in LISTS)
        return [(name, number) for name, number in connection.execute(parts).fetchall() if number]


def setting(connection: duckdb.DuckDBPyConnection, name: str) -> object:
    return (connection.execute(f"select current_setting('{name}')").fetchone() or (None,))[0]


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("create temp table x as select 1", "from x"),
        ("create temp view x as select 1", "from x"),
        ("create temp macro x() as 1", "select x()"),
        ("create temp type x as enum ('a')", "select 'a'::x"),
        ("prepare x as select 1", "execute x"),
    ],
)
def test_what_a_piece_of_work_makes_is_gone_for_the_next(engine: DuckDb, made: str, used: str) -> None:
    with engine.connect() as connection:
        connection.execute(made)
        assert connection.execute(used).fetchall()
    with engine.connect() as connection, pytest.raises(duckdb.Error):
        connection.execute(used)


def test_the_settings_of_a_piece_of_work_are_not_those_of_the_next(engine: DuckDb) -> None:
    with engine.connect() as connection:
        connection.execute("set preserve_insertion_order = true; set TimeZone = 'Asia/Tokyo'")
        connection.execute("set variable kept = 1")
    with engine.connect() as connection:
        assert setting(connection, "preserve_insertion_order") is False
        assert setting(connection, "TimeZone") == "UTC"
        assert connection.execute("select getvariable('kept')").fetchone() == (None,)


def test_an_intake_leaves_nothing(engine: DuckDb, tmp_path: Path) -> None:
    (view,) = compile_product(read_product(ROOT / "domains/clinical/patient"))
    # A line that is no JSON has the file looked through, and read in parts.
    file = tmp_path / "Patient.ndjson"
    file.write_text('{"resourceType": "Patient", "id": "p1"}\nno json\n{"resourceType": "Patient", "id": "p2"}\n')
    for number in range(2):
        (scratch := tmp_path / f"work-{number}").mkdir()
        listed = [LineFile(export="e", name=file.name, path=str(file), resource_type="Patient")]
        with engine.connect() as connection:
            intake = flatten_files(
                connection, view=view, files=listed, target=scratch / "rows.parquet", scratch=scratch
            )
        assert (intake.rows, len(intake.quarantined)) == (2, 1)
        assert left_in(engine) == []


def test_pieces_of_work_at_the_same_time_share_no_setting_and_no_file_system(engine: DuckDb, tmp_path: Path) -> None:
    with engine.connect() as first, engine.connect() as second:
        first.execute("set preserve_insertion_order = true")
        assert setting(second, "preserve_insertion_order") is False
        found = []
        for name, connection in (("a", first), ("b", second)):
            (file := tmp_path / name).write_text(f'{{"name": "{name}"}}\n')
            place = PartFiles(connection).show("0.ndjson", file, [(0, file.stat().st_size)])
            found.append((connection, place))
        read = [c.execute(f"select json ->> 'name' from read_ndjson_objects('{p}')").fetchone() for c, p in found]
        assert read == [("a",), ("b",)]


def test_a_duckdb_that_answers_no_more_is_replaced(engine: DuckDb) -> None:
    with engine.connect() as connection:
        connection.execute("select 1")
    assert engine._shared is not None
    # As after an internal error: every statement fails from now on.
    engine._shared.close()
    with engine.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_an_error_ends_the_piece_of_work_alone(small_engine: DuckDb) -> None:
    with pytest.raises(duckdb.OutOfMemoryException), small_engine.connect() as connection:
        connection.execute("select list(range) from range(100000000)")
    with small_engine.connect() as connection:
        assert connection.execute("select sum(range) from range(1000000)").fetchone() == (499_999_500_000,)


def test_memory_and_disk_are_given_back_after_a_piece_of_work(small_engine: DuckDb, tmp_path: Path) -> None:
    with small_engine.connect() as connection:
        # 160 MB of numbers that do not compress: more than the limit.
        connection.execute("create temp table x as select hash(range) as a, hash(range + 1) as b from range(10000000)")
        assert size_of(tmp_path) > 50e6
    with small_engine.connect() as connection:
        (held,) = connection.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchone() or (0,)
        assert held < 5e6
        assert size_of(tmp_path) == 0
    small_engine.close()
    assert list(tmp_path.iterdir()) == []


def size_of(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def test_a_child_that_was_forked_meanwhile_takes_nothing_away(small_engine: DuckDb, tmp_path: Path) -> None:
    with small_engine.connect() as connection:
        connection.execute("create temp table x as select hash(range) as a, hash(range + 1) as b from range(10000000)")
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert connection.execute("select count(a) from x").fetchone() == (10_000_000,)
    small_engine.close()
    assert list(tmp_path.iterdir()) == []
