"""The feed: a file without some of its lines, through a named pipe, whoever reads it, and however."""

from __future__ import annotations

import os
import time
from pathlib import Path

import duckdb
import pytest

from caremesh.engines.feed import Feed, feeding
from caremesh.errors import LandingError

LINES = [b'{"n": %d}\n' % n for n in range(200_000)]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """A feed of some megabytes, without its lines 3 and 199,999."""
    source = tmp_path / "all.ndjson"
    source.write_bytes(b"".join(LINES))
    starts = [sum(map(len, LINES[:3])), sum(map(len, LINES[:199_999]))]
    left_out = [(start, start + len(LINES[n])) for start, n in zip(starts, (3, 199_999), strict=True)]
    return Feed(pipe=tmp_path / "pipe.ndjson", source=source, left_out=left_out)


def test_what_is_left_out_does_not_come_through(feed: Feed) -> None:
    with feeding([feed]):
        read = feed.pipe.read_bytes()
    assert read == b"".join(LINES[:3] + LINES[4:199_999])


def test_each_reader_gets_the_whole(feed: Feed) -> None:
    with feeding([feed]):
        sizes = {len(feed.pipe.read_bytes()) for _ in range(3)}
    assert sizes == {feed.source.stat().st_size - len(LINES[3]) - len(LINES[199_999])}


def test_the_engine_reads_several_feeds_in_one_query(feed: Feed, tmp_path: Path) -> None:
    other = Feed(pipe=tmp_path / "other.ndjson", source=feed.source, left_out=())
    with feeding([feed, other]), duckdb.connect() as connection:
        paths = [str(feed.pipe), str(other.pipe)]
        found = connection.execute(
            """
            select filename, count(n)
            from read_json(?, format = 'newline_delimited', columns = {n: 'bigint'})
            group by filename
            """,
            [paths],
        ).fetchall()
    assert sorted(found) == sorted(zip(paths, (199_998, 200_000), strict=True))


def test_a_feed_that_nobody_reads_ends_with_its_block(feed: Feed) -> None:
    started = time.monotonic()
    with feeding([feed]):
        pass
    assert time.monotonic() - started < 5
    assert not feed.pipe.exists()


def test_readers_that_stop_early_hold_nobody_up(feed: Feed) -> None:
    started = time.monotonic()
    with feeding([feed]):
        for _ in range(2):
            reader = os.open(feed.pipe, os.O_RDONLY)
            assert os.read(reader, len(LINES[0])) == LINES[0]
    os.close(reader)
    assert time.monotonic() - started < 5


def test_a_source_that_is_not_there_is_an_error_and_no_empty_file(feed: Feed) -> None:
    def read_nothing() -> None:
        with feeding([feed]):
            feed.source.unlink()
            feed.pipe.read_bytes()

    with pytest.raises(LandingError, match="cannot be read"):
        read_nothing()
