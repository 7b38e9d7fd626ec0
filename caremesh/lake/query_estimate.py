"""What a query would scan and cost, said before it is run; and what would make it cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caremesh.athena_price import cost
from caremesh.errors import QueryError
from caremesh.lake.query_reads import Reads, TableRead
from caremesh.lake.query_tables import Catalog

_NAMED = 3
"""So many columns are named that could be left out."""


@dataclass(frozen=True)
class TableEstimate:
    """What would be scanned of one table: bytes of each column that is read, or of its files as a whole."""

    id: str
    read: Mapping[str, int]
    columns: int
    whole: int
    partitions: tuple[int, int] | None
    open_keys: tuple[str, ...]
    times: int

    @property
    def bytes(self) -> int:
        """The bytes of the table, as often as it is read."""
        return (self.whole + sum(self.read.values())) * self.times

    @property
    def words(self) -> str:
        """The table, and how much of it."""
        shares = [f"{len(self.read)} of {self.columns} columns"]
        if self.partitions:
            shares.append(f"{self.partitions[0]} of {self.partitions[1]} partitions")
        if self.times > 1:
            shares.append(f"{self.times} times")
        return f"{self.id} ({', '.join(shares)})"


@dataclass(frozen=True)
class Estimate:
    """What a statement would scan; `is_exact` is false where it may be less, as nobody knows which columns it reads."""

    tables: tuple[TableEstimate, ...]
    is_exact: bool

    @property
    def bytes(self) -> int:
        """The bytes of all tables."""
        return sum(t.bytes for t in self.tables)

    def words(self, price_per_tb: float) -> str:
        """The estimate and its price, for people."""
        about = "about" if self.is_exact else "at most"
        price = show_price(self.bytes, price_per_tb)
        if not self.tables:
            return "would scan nothing, $0"
        if len(self.tables) == 1:
            return f"would scan {about} {show_bytes(self.bytes)} in {self.tables[0].words}, {price}"
        parts = "; ".join(f"{show_bytes(t.bytes)} in {t.words}" for t in self.tables)
        return f"would scan {about} {show_bytes(self.bytes)}, {price}: {parts}"

    def check(self, limit: int | None, price_per_tb: float) -> None:
        """Raise QueryError where the statement would scan more than the limit, with what would make it less."""
        if limit is None or self.bytes <= limit:
            return
        raise QueryError(
            f"{self.words(price_per_tb)}; the limit is {show_bytes(limit)}",
            hint=f"{self._way_down()}; or raise --max-bytes (CAREMESH_ATHENA_BYTES_LIMIT)",
        )

    def _way_down(self) -> str:
        tables = sorted(self.tables, key=lambda t: -t.bytes)
        keys = [f"{t.id}.{key}" for t in tables for key in t.open_keys]
        if keys:
            return f'say which partitions you want: a predicate "= …" or "in (…)" on {" or ".join(keys)}'
        columns = sorted(
            ((size * t.times, f"{t.id}.{name}") for t in tables for name, size in t.read.items() if size),
            key=lambda column: (-column[0], column[1]),
        )
        if not columns:
            return "read fewer tables"
        total = show_bytes(self.bytes)
        return f"leave out {', or '.join(f'{n} ({show_bytes(size)} of {total})' for size, n in columns[:_NAMED])}"


def make_estimate(reads: Reads, catalog: Catalog) -> Estimate:
    """Measure what a statement reads, in the files that its tables point to now."""
    return Estimate(tuple(_measure(read, catalog) for read in reads.tables), reads.is_exact)


def _measure(read: TableRead, catalog: Catalog) -> TableEstimate:
    table = catalog.table(read.database, read.table)
    locations, partitions = [table.location], None
    if table.keys:
        found = catalog.partitions(read.database, read.table)
        locations = [place for values, place in found.items() if _is_wanted(table.keys, values, read)]
        partitions = (len(locations), len(found))
    size = catalog.measure(locations, is_parquet=table.is_parquet)
    used = read.columns & set(table.columns)
    return TableEstimate(
        id=f"{read.database}.{read.table}",
        read={name: size.columns.get(name, 0) for name in sorted(used)},
        columns=len(table.columns),
        whole=size.whole,
        partitions=partitions,
        open_keys=tuple(key for key in table.keys if key not in read.wanted),
        times=read.times,
    )


def _is_wanted(keys: Sequence[str], values: Sequence[str], read: TableRead) -> bool:
    stated = zip(keys, values, strict=True)
    return all(value in read.wanted[key] for key, value in stated if key in read.wanted)


def show_bytes(count: int) -> str:
    """A number of bytes for people, in powers of ten, as Athena bills."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1000:.1f} kB" if count else "0 bytes"


def show_price(count: int, price_per_tb: float) -> str:
    """What scanning so many bytes costs, in dollars."""
    dollars = cost(count, price_per_tb)
    return "$0" if dollars == 0 else f"${dollars:.2f}" if dollars >= 0.01 else f"${dollars:.5f}"
