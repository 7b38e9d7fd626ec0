"""Quarantined lines in Parquet: few bytes are held at a time, and text is read only where it is asked for."""

from __future__ import annotations

import hashlib
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from caremesh.lake.quarantine_parts import MOST_BYTES, batch_lines, read_batches, write_part
from caremesh.sources.sieve import QuarantinedLine

FILE = "Patient.ndjson"
LONG = 3 << 20


def lines(number: int, length: int = 1) -> list[QuarantinedLine]:
    return [
        QuarantinedLine("export", "Patient.ndjson", n, "not valid JSON", chr(96 + n) * length)
        for n in range(1, number + 1)
    ]


def write_before_digests(path: Path, number: int, length: int = 1) -> None:
    """A part as versions before this one wrote it: one row group, and no digest."""
    names = ("export", "file", "line", "reason", "raw")
    kinds = {name: pa.int64() if name == "line" else pa.string() for name in names}
    rows = [vars(line) for line in lines(number, length)]
    parquet.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), path)


def test_lines_come_back_with_the_digest_of_their_text(tmp_path: Path) -> None:
    write_part(tmp_path / "part.parquet", batch_lines(lines(2)))

    (batch,) = read_batches(tmp_path / "part.parquet", raw=True)

    assert [(r["line"], r["raw"], r["digest"]) for r in batch.to_pylist()] == [
        (1, "a", hashlib.sha256(b"a").hexdigest()[:16]),
        (2, "b", hashlib.sha256(b"b").hexdigest()[:16]),
    ]


@pytest.mark.parametrize("is_old", [pytest.param(False, id="with digests"), pytest.param(True, id="without digests")])
def test_few_bytes_are_held_at_a_time_however_long_lines_are(is_old: bool, tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    if is_old:
        write_before_digests(part, 12, LONG)
    else:
        write_part(part, batch_lines(lines(12, LONG)))

    sizes = [batch.nbytes for batch in read_batches(part, raw=True)]

    assert (len(sizes) >= 6, max(sizes) <= MOST_BYTES) == (True, True)


def test_a_part_that_is_written_again_keeps_its_lines_and_stays_in_few_row_groups(tmp_path: Path) -> None:
    old, new = tmp_path / "0.parquet", tmp_path / "1.parquet"
    write_before_digests(old, 3)
    for _ in range(4):
        write_part(new, chain(read_batches(old, raw=True), batch_lines(lines(1))))
        old, new = new, old

    table = parquet.read_table(old)
    assert table.column("raw").to_pylist() == ["a", "b", "c", "a", "a", "a", "a"]
    assert table.column("digest").to_pylist() == [hashlib.sha256(t.encode()).hexdigest()[:16] for t in "abcaaaa"]
    assert parquet.ParquetFile(old).num_row_groups == 1


def test_where_the_text_is_not_asked_for_it_is_not_read(tmp_path: Path) -> None:
    part = tmp_path / "part.parquet"
    write_part(part, batch_lines(lines(2, 1000)))
    spoil_column(part, "raw")

    (batch,) = read_batches(part, raw=False)

    assert (batch.column("line").to_pylist(), batch.column("raw").to_pylist()) == ([1, 2], [None, None])
    with pytest.raises(OSError, match=r"."):
        list(read_batches(part, raw=True))


def test_a_part_without_lines_is_read_as_such(tmp_path: Path) -> None:
    write_part(tmp_path / "part.parquet", batch_lines([]))

    assert list(read_batches(tmp_path / "part.parquet", raw=True)) == []


def spoil_column(part: Path, name: str) -> None:
    """Overwrite all pages of a column, so that whoever reads it fails."""
    metadata = parquet.read_metadata(part)
    content = bytearray(part.read_bytes())
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema == name:
                start, size = column.data_page_offset, column.total_compressed_size
                content[start : start + size] = b"\xff" * size
    part.chmod(0o640)
    part.write_bytes(content)
