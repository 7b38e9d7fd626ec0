"""The intake: which lines of which files become a view's rows, so that no line is lost and none counts twice.

The strict reader takes whole files, fast. A file that it refuses, or that is not what it should be (another resource
type, lines without id, one id twice), goes through the sieve; its clean copy then takes the file's place. Between
files the newest version of a resource wins. For every file: lines = used + superseded + quarantined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from caremesh.engines.duckdb import REFUSALS, read_lines_sql
from caremesh.engines.refusals import ask, find_refused
from caremesh.errors import LandingError
from caremesh.fhir import DUCKDB, CompiledView
from caremesh.quoting import quote_text
from caremesh.sources.ndjson import LandedFile
from caremesh.sources.sieve import QuarantinedLine, Sifted, sift

# As JSON, so that an id that is no text shows, and that any `meta` is read: whether it fits is for the view to say.
KEY_COLUMNS = {"resourceType": "VARCHAR", "id": "JSON", "meta": "JSON"}


@dataclass(frozen=True)
class FileCount:
    """One file's lines, sorted out; `file.lines` is their sum."""

    file: LandedFile
    used: int
    superseded: int
    quarantined: int


@dataclass(frozen=True)
class Intake:
    """What was taken from the files of one product."""

    counts: tuple[FileCount, ...]
    quarantined: tuple[QuarantinedLine, ...]


@dataclass
class _Desk:
    """The state of one intake: the files, oldest export first, and the sieve's outcome for those that needed it."""

    connection: duckdb.DuckDBPyConnection
    view: CompiledView
    files: Sequence[LandedFile]
    scratch: Path
    sifted: dict[int, Sifted] = field(default_factory=dict)

    def path(self, index: int) -> Path:
        """Where the usable lines of a file stand: the file itself, or its clean copy."""
        return self.sifted[index].clean if index in self.sifted else Path(self.files[index].path)

    def paths(self) -> list[Path]:
        return [self.path(i) for i in range(len(self.files)) if self.expected(i)]

    def expected(self, index: int) -> int:
        """How many resources the strict reader must find in a file."""
        if index in self.sifted:
            return len(self.sifted[index].line_numbers)
        return self.files[index].lines


def flatten_files(
    connection: duckdb.DuckDBPyConnection,
    *,
    view: CompiledView,
    files: Sequence[LandedFile],
    target: Path,
    scratch: Path,
    on_sift: Callable[[LandedFile], None] | None = None,
) -> Intake:
    """Flatten `files` (oldest export first) through `view` into one Parquet file, and account for every line.

    Raises LandingError where a file cannot be read at all, and duckdb.Error where the machine is at fault.
    """
    desk = _Desk(connection, view, files, scratch)
    while suspects := _find_suspects(desk) or _copy_rows(desk, target):
        for index in suspects:
            if index in desk.sifted:
                raise LandingError(
                    "still cannot be read after its bad lines were set aside",
                    where=files[index].path,
                    hint="report this file's shape; nothing was published",
                )
            if on_sift:
                on_sift(files[index])
            desk.sifted[index] = _sift_fully(desk, index)
    return _account(desk)


def _find_suspects(desk: _Desk) -> list[int]:
    """Read the keys of all files; give the files that are not clean, or note the superseded resources and give none."""
    try:
        _read_keys(desk)
    except REFUSALS:
        return _refused_files(desk)
    suspects = _unclean_files(desk)
    if not suspects:
        _note_superseded(desk)
    return suspects


def _read_keys(desk: _Desk) -> None:
    """One pass over id and type. Only a hash of the id is kept: ten bytes a resource, however long ids are."""
    paths = ", ".join(quote_text(str(path)) for path in desk.paths()) or "''"
    desk.connection.execute("drop table if exists keys; drop type if exists landed_file")
    desk.connection.execute(f"create type landed_file as enum ({paths})")
    desk.connection.execute(
        f"""
        create temp table keys as
        select
            cast(filename as landed_file) as path,
            hash(id) as id_hash,
            resourceType is distinct from '{desk.view.resource}'
            or coalesce(json_type(id), 'NULL') <> 'VARCHAR'
            or id = '""' as is_wrong
        from {read_lines_sql(desk.paths(), KEY_COLUMNS)}
        """
    )


def _unclean_files(desk: _Desk) -> list[int]:
    """Files with a wrong or missing type or id, with one id twice, or with another number of resources than lines."""
    rows = desk.connection.execute(
        """
        with repeated as (select id_hash from keys group by id_hash having count(*) > 1),
        repeated_in_file as (
            select distinct path from (
                select path from keys semi join repeated using (id_hash) group by path, id_hash having count(*) > 1
            )
        )
        select path, count(*), bool_or(is_wrong), path in (select path from repeated_in_file) from keys group by path
        """
    ).fetchall()
    found = {Path(path): (count, is_wrong, repeats) for path, count, is_wrong, repeats in rows}
    return [i for i in range(len(desk.files)) if desk.expected(i) and _is_unclean(desk, i, found)]


def _is_unclean(desk: _Desk, index: int, found: Mapping[Path, tuple[int, bool, bool]]) -> bool:
    count, is_wrong, repeats = found.get(desk.path(index), (0, False, False))
    # The sieve leaves each id once; where hashes repeat in its copy, they are those of different ids.
    return is_wrong or count != desk.expected(index) or (repeats and index not in desk.sifted)


def _note_superseded(desk: _Desk) -> None:
    """List the resources of which another file holds a newer version: by last update, version, then later export."""
    desk.connection.execute(
        """
        create or replace temp table repeated as select id_hash from keys group by id_hash having count(*) > 1
        """
    )
    # The versions cost another pass over the files; most runs have nothing to compare.
    has_repeated = desk.connection.execute("select count(*) from repeated").fetchone() != (0,)
    desk.connection.execute(
        f"""
        create or replace temp table superseded as
        with versions as (
            select
                filename as path,
                id ->> '$' as id,
                try_cast(meta ->> '$.lastUpdated' as timestamptz) as updated,
                meta ->> '$.versionId' as version,
                case when regexp_full_match(version, '[0-9]+') then ltrim(version, '0') end as number
            from {read_lines_sql(desk.paths() if has_repeated else [], KEY_COLUMNS)}
            where hash(id) in (select id_hash from repeated)
        )
        select path, id from versions
        qualify row_number() over (
            partition by id
            order by
                updated desc nulls last,
                length(number) desc nulls last,
                number desc nulls last,
                version desc nulls last,
                cast(path as landed_file) desc
        ) > 1
        """
    )


def _copy_rows(desk: _Desk, target: Path) -> list[int]:
    """Run the view over all files into `target`; give the files that the view refuses, if any."""
    query = _query(desk, desk.paths(), without_superseded=True)
    try:
        desk.connection.execute(f"copy ({query}) to {quote_text(str(target))} (format parquet, compression zstd)")
    except REFUSALS:
        return _refused_files(desk)
    return []


def _refused_files(desk: _Desk) -> list[int]:
    refused = [i for i in range(len(desk.files)) if desk.expected(i) and _refusal(desk, desk.path(i)) is not None]
    if not refused:
        raise LandingError(
            f"the files of {desk.view.resource} can be read one by one but not together",
            hint="check that no file changed while it was read, and run again",
        )
    return refused


def _query(desk: _Desk, paths: Sequence[Path], *, without_superseded: bool) -> str:
    source = read_lines_sql(paths, DUCKDB.source_columns(desk.view.shape))
    newest = ""
    if without_superseded and desk.connection.execute("select count(*) from superseded").fetchone() != (0,):
        newest = " where not exists (select 1 from superseded as s where s.path = line.filename and s.id = line.id)"
    return f"with src as (select * from {source} as line{newest}) {desk.view.query}"


def _refusal(desk: _Desk, path: Path) -> str | None:
    """Why keys or view refuse a file; None where both take every line of it."""
    keys = f"select * from {read_lines_sql([path], KEY_COLUMNS)}"
    return ask(desk.connection, keys) or ask(desk.connection, _query(desk, [path], without_superseded=False))


def _sift_fully(desk: _Desk, index: int) -> Sifted:
    """Sift one file by its JSON, and again by what the engine still refuses, until it takes the clean copy.

    A refused line may be the newest version of its resource; sifting again brings the one before it to light.
    """
    clean, part = desk.scratch / f"clean-{index}.ndjson", desk.scratch / "part.ndjson"
    refused: dict[int, str] = {}
    while True:
        sifted = sift(desk.files[index], desk.view.shape, clean, refused=refused)
        if not sifted.line_numbers or _refusal(desk, clean) is None:
            return sifted
        found = find_refused(clean, sifted.line_numbers, lambda path: _refusal(desk, path), part=part)
        if not found:
            raise LandingError(
                "can be read line by line but not as a whole", where=desk.files[index].path, hint="land it again"
            )
        refused |= found


def _account(desk: _Desk) -> Intake:
    """Count every line of every file; a sum that does not hold is an error, never a footnote."""
    superseded = dict(desk.connection.execute("select path, count(*) from superseded group by path").fetchall())
    counts: list[FileCount] = []
    quarantined: list[QuarantinedLine] = []
    for index, file in enumerate(desk.files):
        sifted = desk.sifted.get(index)
        set_aside = sifted.quarantined if sifted else ()
        newer_elsewhere = superseded.get(str(desk.path(index)), 0)
        count = FileCount(
            file=file,
            used=desk.expected(index) - newer_elsewhere,
            superseded=newer_elsewhere + (sifted.superseded if sifted else 0),
            quarantined=len(set_aside),
        )
        if count.used + count.superseded + count.quarantined != file.lines:
            raise LandingError(
                f"{file.lines} lines were landed, but {count.used} used + {count.superseded} superseded + "
                f"{count.quarantined} quarantined were found",
                where=file.path,
                hint="the file changed while it was read: land it again",
            )
        counts.append(count)
        quarantined.extend(set_aside)
    return Intake(tuple(counts), tuple(quarantined))
