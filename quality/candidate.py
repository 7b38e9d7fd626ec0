"""Where a candidate release lies: in files of this machine, or in a table that Athena wrote."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from caremesh.aws import Aws
from caremesh.settings import DEFAULT_MEMORY_LIMIT


@dataclass(frozen=True)
class LocalCandidate:
    """Parquet files, to be judged by DuckDB; `scratch` is a folder for files that are gone afterwards."""

    files: tuple[Path, ...]
    scratch: Path
    memory_limit: str = DEFAULT_MEMORY_LIMIT
    threads: int = 2


@dataclass(frozen=True)
class AthenaCandidate:
    """A Glue table over Parquet files in S3, to be judged by Athena.

    `aws` is the account, with its work group, its key and its limits; nothing secret stands in any connection string.
    `output_location` is the S3 prefix for Athena's results, which hold counts only; None where the work group has its
    own.
    """

    aws: Aws
    database: str
    table: str
    output_location: str | None = None


@dataclass(frozen=True)
class AthenaQuery:
    """One query that Athena ran for the gate, and what it is billed by."""

    query_id: str
    bytes_scanned: int
