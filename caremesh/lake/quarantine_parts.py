"""The Parquet files of quarantined lines, written and read so many bytes at a time, however long the lines are.

A line may have 32 MB, and more; what only counts lines, or tells them apart, does not read their text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.sources.line_digest import digest_text
from caremesh.sources.sieve import QuarantinedLine

SCHEMA = pa.schema(
    [
        ("export", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("raw", pa.string()),
        ("digest", pa.string()),
    ]
)
"""The columns of quarantined lines; `digest` tells a line's text. In lakes of earlier versions it is not there."""

MOST_BYTES = 8 << 20
"""So many bytes are held at a time; more only where a single line has more."""

_MOST_ROWS = 8192
_BUFFER = 1 << 20
# A dictionary of texts would hide how long they are, and is of no use: hardly two are equal.
_ALIKE = ["export", "file", "reason"]


def write_part(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Write lines in row groups that can be read one at a time."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=_ALIKE) as writer:
        held: list[pa.RecordBatch] = []
        for batch in batches:
            if held and sum(b.nbytes for b in held) + batch.nbytes > MOST_BYTES:
                writer.write_table(pa.Table.from_batches(held))
                held = []
            held.append(batch)
        if held:
            writer.write_table(pa.Table.from_batches(held))


def batch_lines(lines: Iterable[QuarantinedLine]) -> Iterator[pa.RecordBatch]:
    """Lines as they are written."""
    rows: list[dict[str, Any]] = []
    size = 0
    for line in lines:
        if rows and (size + len(line.raw) > MOST_BYTES or len(rows) == _MOST_ROWS):
            yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
            rows, size = [], 0
        rows.append({**asdict(line), "digest": digest_text(line.raw)})
        size += len(line.raw)
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def read_batches(part: Path | IO[bytes], *, raw: bool) -> Iterator[pa.RecordBatch]:
    """The lines of a part, in the columns of `SCHEMA`; without `raw`, that is null, and is not even read.

    From a part without digests the text is read all the same.
    """
    with pq.ParquetFile(part, buffer_size=_BUFFER) as file:
        has_digests = "digest" in file.schema_arrow.names
        columns = [n for n in file.schema_arrow.names if n in SCHEMA.names and (raw or n != "raw" or not has_digests)]
        for group in range(file.num_row_groups):
            rows = _rows_at_a_time(file.metadata.row_group(group), columns)
            for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=columns):
                yield _fit(batch, raw=raw)


def _rows_at_a_time(group: pq.RowGroupMetaData, columns: list[str]) -> int:
    stated = (group.column(number) for number in range(group.num_columns))
    size = sum(c.total_uncompressed_size for c in stated if c.path_in_schema in columns)
    fitting: int = MOST_BYTES * group.num_rows // max(1, size)
    return max(1, min(_MOST_ROWS, fitting))


def _fit(batch: pa.RecordBatch, *, raw: bool) -> pa.RecordBatch:
    """A batch in the columns of `SCHEMA`, whoever wrote it."""
    held = dict(zip(batch.schema.names, batch.columns, strict=True))
    if "digest" not in held:
        held["digest"] = pa.array([digest_text(text or "") for text in held["raw"].to_pylist()], pa.string())
    if not raw:
        held["raw"] = pa.nulls(batch.num_rows, pa.string())
    return pa.RecordBatch.from_arrays([held[f.name].cast(f.type) for f in SCHEMA], schema=SCHEMA)
