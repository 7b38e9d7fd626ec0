"""The Parquet files of one strand of a release, without one person's data: rows, keys and quarantine.

Rows are hers by the id of their resource. In a row that stays, a cell names her by its text; or it holds one of her ids
where its column says by its name which type the id is of (`encounter_id`); or it holds what was taken out of the very
resource that the row was made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from caremesh.errors import LakeError
from caremesh.fhir.belongings import LONG, Belongings, Key
from caremesh.fhir.cleansing import cleanse
from caremesh.lake.layout import DATA_FOLDER, HELD_FOLDER, KEYS_FOLDER, QUARANTINE_FOLDER
from caremesh.lake.quarantine_parts import read_batches
from caremesh.quoting import quote_file, quote_name, quote_text
from caremesh.release_keys import key_part, link_part, read_keys_sql
from caremesh.sources.erasing import type_of
from caremesh.sources.line_digest import digest_text

PATIENT_COLUMN = "patient_id"
"""What a column with the id of the patient that a row is about is called, in any release."""

_MAY_NAME = rf"[A-Za-z0-9.\-]{{{LONG},}}|/|urn:"
_VALUES = 4096


@dataclass(frozen=True)
class Parts:
    """The Parquet files of one view in a release; there are no keys where an engine wrote none.

    `held` are rows that are kept back, where any are.
    """

    number: int
    data: Path
    quarantine: Path
    keys: tuple[Path, ...]
    held: Path | None = None


@dataclass
class Taken:
    """What goes from a release; lines that were used and deleted by type and place of their file."""

    rows: int = 0
    cells: int = 0
    keys: int = 0
    rewritten: int = 0
    held: int = 0
    used: Counter[tuple[str, int]] = field(default_factory=Counter)
    deleted: Counter[tuple[str, int]] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass
class Strand:
    """One strand of a release, to be written without what is hers; `contested` resources became somebody else's.

    `scrubbed` are resources that stay, with the texts that were taken out of them. They and what is hers stand in the
    tables that `fill_tables` makes.
    """

    connection: duckdb.DuckDBPyConnection
    parts: Parts
    belongings: Belongings
    contested: Collection[Key]
    scrubbed: Mapping[Key, Collection[str]]

    def write(self, target: Path, taken: Taken) -> None:
        """Write its files without her into the folders of a release, and count what goes."""
        for folder in (DATA_FOLDER, QUARANTINE_FOLDER, *((KEYS_FOLDER,) if self.parts.keys else ())):
            (target / folder).mkdir(exist_ok=True)
        data, lines = self.parts.data, self.parts.quarantine
        taken.rewritten += (
            write_or_link((data,), target / DATA_FOLDER / data.name, self._write_data, taken)
            + write_or_link((lines,), target / QUARANTINE_FOLDER / lines.name, self._write_quarantine, taken)
            + write_or_link(
                self.parts.keys, target / KEYS_FOLDER / key_part(self.parts.number, 0), self._write_keys, taken
            )
        )

        if aside := self._aside():
            (target / HELD_FOLDER).mkdir(exist_ok=True)
            kept_back = Taken()
            written = target / HELD_FOLDER / aside.parts.data.name
            taken.rewritten += write_or_link((aside.parts.data,), written, aside._write_data, kept_back)
            taken.held += kept_back.rows
            taken.cells += kept_back.cells

    def _aside(self) -> Strand | None:
        """The rows that are kept back, as a strand of their own."""
        if self.parts.held is None:
            return None
        return replace(self, parts=replace(self.parts, data=self.parts.held, held=None))

    def resources_of(self, patient: str) -> Iterator[Key]:
        """The resources whose rows are about a patient, be they kept back or not."""
        if aside := self._aside():
            yield from aside.resources_of(patient)
        if self.kind is not None and self.key_column is not None and PATIENT_COLUMN in self.columns:
            found = self.connection.execute(
                f"select distinct {quote_name(self.key_column)} from {self.rows} where {PATIENT_COLUMN} = $1", [patient]
            ).fetchall()
            yield from ((self.kind, name) for (name,) in found)

    @property
    def rows(self) -> str:
        """SQL for its rows."""
        return read_rows(self.parts.data)

    @cached_property
    def columns(self) -> dict[str, str]:
        """Its columns, and their types."""
        found = self.connection.execute(f"describe select * from {self.rows}").fetchall()
        return {row[0]: row[1] for row in found}

    @cached_property
    def kind(self) -> str | None:
        """The type of its resources; None where it has none, or no keys."""
        if not self.parts.keys:
            return None
        found = self.connection.execute(f"select any_value(resource_type) from {self._every_key}").fetchone()
        return found[0] if found else None

    @property
    def _every_key(self) -> str:
        """SQL for the rows of all parts of the keys, those that later ones override too."""
        return f"({' union all '.join(f'from {read_rows(part)}' for part in self.parts.keys)})"

    @cached_property
    def key_column(self) -> str | None:
        """The first column that holds an id of the keys in every row.

        The view that made the release may be another one by now, so its keys are what tells.
        """
        known = f"select id from {read_keys_sql(self.parts.keys)} where id is not null"
        for column in (c for c, sql_type in self.columns.items() if sql_type == "VARCHAR"):
            strangers = f"select 1 from {self.rows} where coalesce({quote_name(column)} not in ({known}), true)"
            if self.connection.execute(f"select not exists ({strangers})").fetchone() == (True,):
                return column
        return None

    def _write_data(self, written: Path, taken: Taken) -> bool:
        is_hers = self._is_hers()
        gaps = {column: sql for column in self.columns if (sql := self._naming(column))}
        counts = ", ".join(f"count(*) filter ({sql} and not ({is_hers}))" for sql in gaps.values()) or "0"
        counted = self.connection.execute(f"select count(*) filter ({is_hers}), {counts} from {self.rows}").fetchone()
        rows, *cells = counted or (0,)
        taken.rows += rows
        taken.cells += sum(cells)
        if not rows and not any(cells):
            return False
        columns = ", ".join(
            f"case when {gaps[c]} then null else {quote_name(c)} end as {quote_name(c)}" if c in gaps else quote_name(c)
            for c in self.columns
        )
        self._copy(f"select {columns} from {self.rows} where not ({is_hers})", written)
        return True

    def _write_keys(self, written: Path, taken: Taken) -> bool:
        """Write the keys in one part: what a later part overrides may name her too."""
        if not self.parts.keys:
            return False
        hers = "exists (select 1 from hers where (hers.kind, hers.id) = (k.resource_type, k.id))"
        if not self.connection.execute(f"select 1 from {self._every_key} as k where {hers} limit 1").fetchone():
            return False
        keys = f"{read_keys_sql(self.parts.keys)} as k"
        found = self.connection.execute(
            f"""
            select resource_type, file, count(*) filter (removed_by is null), count(removed_by)
            from {keys} where {hers} group by all
            """
        ).fetchall()
        for kind, place, used, deleted in found:
            taken.used[kind, place] += used
            taken.deleted[kind, place] += deleted
            taken.keys += used + deleted
        self._copy(f"select * from {keys} where not {hers}", written)
        return True

    def _write_quarantine(self, written: Path, taken: Taken) -> bool:
        is_changed = False
        source = self.parts.quarantine
        with pq.ParquetFile(source) as file, pq.ParquetWriter(written, file.schema_arrow, compression="zstd") as writer:
            for batch in read_batches(source, raw=True):
                rows = []
                for row in batch.to_pylist():
                    kind = type_of(Path(row["file"]))
                    cleansed = cleanse(row["raw"] or "", kind, self.belongings, contested=self.contested)
                    is_changed |= cleansed.outcome != "same"
                    if cleansed.outcome == "removed":
                        taken.quarantined[row["export"], row["file"]] += 1
                    else:
                        if cleansed.outcome == "scrubbed":
                            row |= {"raw": cleansed.text, "digest": digest_text(cleansed.text)}
                        rows.append(row)
                writer.write_table(pa.Table.from_pylist(rows, schema=file.schema_arrow))
        return is_changed

    def _is_hers(self) -> str:
        """SQL that is true for rows of her resources.

        Raises LakeError where the release may have rows of hers and no column with the ids.
        """
        if not self.parts.keys:
            column = quote_name(next(iter(self.columns)))
            return f"coalesce({column} in (select id from hers), false)"
        if not any(kind == self.kind for kind, _ in self.belongings.keys):
            return "false"
        if self.key_column is None:
            raise LakeError(
                f"no column holds the id of {self.kind}, so rows of one person cannot be told from others",
                where=str(self.parts.data),
                hint="give the view a column with getResourceKey(), run, and prune the releases before; then erase",
            )
        hers = f"select id from hers where kind = {quote_text(self.kind or '')}"
        return f"coalesce({quote_name(self.key_column)} in ({hers}), false)"

    def _naming(self, column: str) -> str | None:
        """SQL that is true where a cell of a column names her, in whichever row; None where none does."""
        sql_type = self.columns[column]
        is_nested = sql_type.endswith("]") or sql_type.startswith(("STRUCT", "MAP"))
        if sql_type != "VARCHAR" and not is_nested:
            return None
        cell = f"cast(to_json({quote_name(column)}) as varchar)" if is_nested else quote_name(column)
        tests = [*self._named_texts(cell, column), *self._dropped(cell, column)]
        if column.endswith("_id"):
            kinds = {kind for kind, _ in self.belongings.keys if _snake(kind) == column.removesuffix("_id")}
            tests += [f"{cell} in (select id from hers where kind = {quote_text(kind)})" for kind in sorted(kinds)]
        if not tests:
            return None
        sql = f"coalesce({' or '.join(tests)}, false)"
        return sql if self.connection.execute(f"select 1 from {self.rows} where {sql} limit 1").fetchone() else None

    def _named_texts(self, cell: str, column: str) -> list[str]:
        """SQL for cells whose text names her."""
        values = self.connection.execute(
            f"select distinct {cell} from {self.rows} where regexp_matches({cell}, {quote_text(_MAY_NAME)})"
        )
        named: list[str] = []
        while found := values.fetchmany(_VALUES):
            named += [value for (value,) in found if self.belongings.are_named_in(value)]
        if not named:
            return []
        table = quote_name(f"named_{column}")
        self.connection.execute(
            f"create or replace temp table {table} as select unnest($1::varchar[]) as text", [named]
        )
        return [f"{cell} in (select text from {table})"]

    def _dropped(self, cell: str, column: str) -> list[str]:
        """SQL for cells of scrubbed resources that hold what was taken out of these."""
        if not any(kind == self.kind for kind, _ in self.scrubbed) or self.key_column in (None, column):
            return []
        dropped = f"select id, text from dropped where kind = {quote_text(self.kind or '')}"
        return [f"({quote_name(self.key_column or '')}, {cell}) in ({dropped})"]

    def _copy(self, sql: str, written: Path) -> None:
        options = "(format parquet, compression zstd)"
        self.connection.execute(f"copy ({sql}) to {quote_text(str(written))} {options}")


def write_missing(
    sources: Sequence[Path], target: Path, belongings: Belongings, kinds: Collection[str]
) -> Counter[str]:
    """Write the list of what rows miss without her; give how much is missing by column, and, under no name, the rows.

    An entry goes where its row is hers, by the ids of these kinds, or where what is missing is hers.
    """
    counts: Counter[str] = Counter()
    for source in sources:
        table = pq.read_table(source)
        kept = [row for row in table.to_pylist() if not _is_missing_hers(row, belongings, kinds)]
        counts.update(row["missing_column"] for row in kept)
        counts[""] += len({repr(row["key"]) for row in kept})
        pq.write_table(pa.Table.from_pylist(kept, schema=table.schema), target / source.name, compression="zstd")
    return counts


def _is_missing_hers(row: Mapping[str, Any], belongings: Belongings, kinds: Collection[str]) -> bool:
    key, column, missing = row["key"].values(), row["missing_column"].removesuffix("_id"), str(row["missing_id"])
    if any((kind, str(value)) in belongings.keys for kind in kinds for value in key):
        return True
    if any(belongings.are_named_in(str(value)) for value in (*key, missing)):
        return True
    return any(name == missing and _snake(kind) == column for kind, name in belongings.keys)


def fill_tables(
    connection: duckdb.DuckDBPyConnection, belongings: Belongings, scrubbed: Mapping[Key, Collection[str]]
) -> None:
    """Make the tables `hers` (kind, id) and `dropped` (kind, id, text)."""
    keys = sorted(belongings.keys)
    dropped = [(*key, text) for key, texts in sorted(scrubbed.items()) for text in sorted(texts)]
    for table, names, rows in (("hers", ("kind", "id"), keys), ("dropped", ("kind", "id", "text"), dropped)):
        lists = ", ".join(f"unnest(${i + 1}::varchar[]) as {name}" for i, name in enumerate(names))
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
        connection.execute(f"create or replace temp table {table} as select {lists}", columns)


def read_rows(file: Path) -> str:
    """SQL for the rows of a Parquet file."""
    return f"read_parquet({quote_file(file)}, hive_partitioning = false)"


def _snake(kind: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_")


def write_or_link(sources: Sequence[Path], target: Path, write: Callable[[Path, Taken], bool], taken: Taken) -> bool:
    """Write a file anew; where that would change nothing, let the old ones stand in the new release too."""
    if write(target, taken):
        return True
    target.unlink(missing_ok=True)
    for source in sources:
        link_part(source, target.with_name(source.name))
    return False
