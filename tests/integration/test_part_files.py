"""Parts of files: what DuckDB reads of them is what they are said to be, in memory that does not grow with them."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from caremesh.engines.part_files import PartFile, PartFiles

LINES = [json.dumps({"n": n, "text": "x" * (n % 300)}).encode() + b"\n" for n in range(200_000)]
OPTIONS = "format = 'newline_delimited', columns = {n: 'bigint', text: 'varchar'}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file larger than what DuckDB reads at once."""
    path = tmp_path / "all.ndjson"
    path.write_bytes(b"".join(LINES))
    return path


def spans_without(*numbers: int) -> list[tuple[int, int]]:
    """The runs of bytes between lines, by their place in LINES, that are left out."""
    edges = [0]
    for number in numbers:
        start = sum(map(len, LINES[:number]))
        edges += [start, start + len(LINES[number])]
    edges.append(sum(map(len, LINES)))
    return list(zip(edges[::2], edges[1::2], strict=True))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_what_is_left_out_is_not_read_and_all_else_is(threads: int, file: Path) -> None:
    left_out = [0, 3, 4, 100_000, 199_999]
    with duckdb.connect(config={"threads": threads}) as connection:
        place = PartFiles(connection).show("0.ndjson", file, spans_without(*left_out))
        found = connection.execute(f"select n, length(text), filename from read_json('{place}', {OPTIONS})").fetchall()
    assert sorted(found) == [(n, n % 300, place) for n in range(200_000) if n not in left_out]


def test_several_parts_are_read_by_one_query_and_can_change(file: Path) -> None:
    with duckdb.connect() as connection:
        parts = PartFiles(connection)
        places = [parts.show(f"{n}.ndjson", file, spans_without(n)) for n in range(3)]
        query = f"select filename, sum(n) from read_json({places}, {OPTIONS}) group by filename order by filename"
        total = sum(range(200_000))
        assert connection.execute(query).fetchall() == [(place, total - n) for n, place in enumerate(places)]
        parts.show("0.ndjson", file, spans_without(50))
        assert connection.execute(query).fetchall()[0] == (places[0], total - 50)


def test_reads_cross_from_span_to_span(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    path.write_bytes(b"abcdefghij")
    part = PartFile(path, [(1, 3), (5, 6), (8, 10)])
    assert part.read(4) == b"bcfi"
    assert (part.read(9), part.read(1), part.tell()) == (b"j", b"", 5)
    part.seek(2)
    assert part.read(2) == b"fi"
    part.close()


def test_a_file_that_became_shorter_is_an_error_and_no_end(file: Path) -> None:
    spans = spans_without(3)
    file.write_bytes(b"".join(LINES[:1000]))
    with duckdb.connect() as connection:
        place = PartFiles(connection).show("0.ndjson", file, spans)
        with pytest.raises(Exception, match="shorter"):
            connection.execute(f"select count(n) from read_json('{place}', {OPTIONS})")
