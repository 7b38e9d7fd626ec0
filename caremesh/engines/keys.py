"""The keys of an intake: which resource stands where, how often, and which version of it is the newest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import orjson

from caremesh.engines.desk import Desk
from caremesh.engines.duckdb import Source, read_lines_sql
from caremesh.engines.exact import number_columns
from caremesh.engines.versions import FULL, NEWEST_FIRST, Deletion, History, settle_versions
from caremesh.fhir import CompiledView, exact_names
from caremesh.quoting import quote_file, quote_name, quote_text
from caremesh.sources.sieve import INSTANT

# As JSON, so that an id that is no text shows, and that any `meta` is read: whether it fits is for the view to say.
KEY_COLUMNS = {"resourceType": "VARCHAR", "id": "JSON", "meta": "JSON"}

_STATED = "meta ->> '$.lastUpdated'"
_UPDATED = f"case when regexp_full_match({_STATED}, {quote_text(INSTANT)}) then try_cast({_STATED} as timestamptz) end"


def read_keys(desk: Desk) -> None:
    """Note of each resource what its keys are, as the table `keys`."""
    if desk.history:
        _keep_versions(desk, desk.history)
    else:
        _keep_hashes(desk)


def _keep_versions(desk: Desk, history: History) -> None:
    """Write id, version and file of each resource to disk: they become the keys of a release."""
    target = desk.scratch / "arrived.parquet"
    desk.connection.execute(
        f"""
        copy (
            select
                filename as path,
                cast(id as varchar) as id_as_json,
                {_UPDATED} as updated,
                meta ->> '$.versionId' as version,
                {_is_wrong_sql(desk.view)} as is_wrong
            from {_keys_sql(desk.view, desk.paths())}
        ) to {quote_text(str(target))} (format parquet, compression zstd)
        """
    )
    found = f"read_parquet({quote_file(target)}, hive_partitioning = false)"
    desk.connection.execute(
        f"create or replace temp view keys as select path, hash(id_as_json) as id_hash, is_wrong from {found}"
    )
    desk.connection.execute(
        "create or replace temp table places as select unnest($1) as path, unnest($2) as file",
        [[str(desk.path(i)) for i in range(len(desk.files))], list(history.places)],
    )
    desk.connection.execute(
        f"""
        create or replace temp view arrived as
        select path, file, json_extract_string(id_as_json, '$') as id, updated, version
        from {found} join places using (path)
        """
    )


def _keep_hashes(desk: Desk) -> None:
    """Keep hash of the id, and file, of each resource: ten bytes, however long ids are."""
    paths = ", ".join(quote_text(str(path)) for path in desk.paths()) or "''"
    known = [i for i in desk.indexes() if _is_known(desk, i)]
    unknown = [desk.path(i) for i in desk.indexes() if i not in known]
    desk.connection.execute("drop table if exists keys; drop type if exists landed_file")
    desk.connection.execute(f"create temp type landed_file as enum ({paths})")
    desk.connection.execute(
        f"""
        create temp table keys as
        select
            cast(filename as landed_file) as path,
            hash(id) as id_hash,
            {_is_wrong_sql(desk.view)} as is_wrong
        from {_keys_sql(desk.view, unknown)}
        """
    )
    for index in known:
        desk.connection.execute(
            f"""
            insert into keys
            select {quote_text(str(desk.path(index)))}, id_hash, false
            from {desk.lines[index].table}
            where ordinal not in (select unnest(?))
            """,
            [list(desk.damaged[index].left_out)],
        )


def _is_wrong_sql(view: CompiledView) -> str:
    return f"""resourceType is distinct from {quote_text(view.resource)}
            or coalesce(json_type(id), 'NULL') <> 'VARCHAR'
            or id = '""'"""


def _is_known(desk: Desk, index: int) -> bool:
    """Whether a file was looked through already, and what is used of it will still be read strictly."""
    is_looked_through = index in desk.lines and index in desk.damaged and not desk.damaged[index].is_swept
    return is_looked_through and not exact_names(desk.view.shape)


def _keys_sql(view: CompiledView, paths: Sequence[Source]) -> str:
    """SQL that reads the keys strictly; and the exact decimals, which the rows will hold as texts, as numbers."""
    numbers = number_columns(view)
    source = read_lines_sql(paths, {**KEY_COLUMNS, **numbers})
    if not numbers:
        return source
    # What a query does not use is not read, and so not refused.
    used = ", ".join(quote_name(name) for name in numbers)
    return f"(select *, filename from {source} where hash({used}) is not null)"


def files_with(desk: Desk, ids: Collection[str]) -> list[int]:
    """The files in which one of these ids stands."""
    found = desk.connection.execute(
        "select distinct path from keys where id_hash in (select hash(to_json(unnest(?))))", [list(ids)]
    ).fetchall()
    return [i for i in desk.indexes() if (str(desk.path(i)),) in found]


def unclean_files(desk: Desk) -> list[int]:
    """Files where one id stands twice, or with a wrong or missing type or id, or too few resources."""
    desk.connection.execute(
        "create or replace temp table repeated as select id_hash from keys group by id_hash having count(*) > 1"
    )
    rows = desk.connection.execute(
        """
        with repeated_in_file as (
            select distinct path from (
                select path from keys semi join repeated using (id_hash) group by path, id_hash having count(*) > 1
            )
        )
        select path, count(*), bool_or(is_wrong), path in (select path from repeated_in_file) from keys group by path
        """
    ).fetchall()
    found = {path: (count, is_wrong, repeats) for path, count, is_wrong, repeats in rows}
    unclean = []
    for index in desk.indexes():
        count, is_wrong, repeats = found.get(str(desk.path(index)), (0, False, False))
        desk.found[index] = count
        is_short = desk.expected(index) not in (None, count)
        # Where hashes still repeat among lines that were all looked at, they are those of different ids.
        if is_wrong or is_short or (repeats and index not in desk.disentangled):
            unclean.append(index)
    return unclean


def note_unused(desk: Desk) -> None:
    """List the resources that give no rows: another file holds a newer version, or they were deleted."""
    if desk.history:
        protected = _protected_ids(desk, desk.history)
        blind = [d for d in desk.history.deletions if d.reason == FULL and protected[d.order] is None]
        silent = [d for d in desk.history.deletions if d.needs_line and not _holds_line(desk, desk.history, d)]
        desk.withheld = tuple(d.export for d in blind)
        settle_versions(
            desk.connection,
            replace(desk.history, deletions=[d for d in desk.history.deletions if d not in (*blind, *silent)]),
            protected={order: ids for order, ids in protected.items() if ids is not None},
        )
        desk.has_unused = desk.connection.execute("select count(*) from unused").fetchone() != (0,)
        return
    # The versions cost another pass over the files; most runs have nothing to compare.
    desk.has_unused = desk.connection.execute("select count(*) from repeated").fetchone() != (0,)
    if desk.has_unused:
        desk.connection.execute(_superseded_sql(desk.paths()))


def _protected_ids(desk: Desk, history: History) -> dict[int, list[str] | None]:
    """The ids that full exports hold in lines that cannot be used, by the order of the export.

    None where such a line has no id that can be read: nobody knows then what the export leaves out.
    """
    protected: dict[int, list[str] | None] = {d.order: [] for d in history.deletions if d.reason == FULL}
    for index, place in enumerate(history.places if protected else ()):
        order, sifted = history.exports[place], desk.sifted(index)
        known = protected.get(order)
        if known is None or sifted is None:
            continue
        ids = [_id_in(line.raw) for line in sifted.quarantined]
        protected[order] = None if None in ids else [*known, *(i for i in ids if i)]
    return protected


def _holds_line(desk: Desk, history: History, deletion: Deletion) -> bool:
    """Whether an export holds any line of the type: where nobody counted yet, a file may hold blank ones only."""
    of_export = [i for i, place in enumerate(history.places) if history.exports[place] == deletion.order]
    return any(desk.found.get(i) or ((sifted := desk.sifted(i)) and sifted.lines) for i in of_export)


def _id_in(line: str) -> str | None:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    stated = found.get("id") if isinstance(found, dict) else None
    return stated if isinstance(stated, str) and stated else None


def count_unused(desk: Desk) -> Mapping[tuple[str, str], int]:
    """How many resources of each path are superseded, or deleted."""
    if not desk.has_unused:
        return {}
    found = desk.connection.execute("select path, after, count(*) from unused group by all").fetchall()
    return {(path, after): count for path, after, count in found}


def _superseded_sql(paths: Sequence[Source]) -> str:
    return f"""
        create or replace temp table unused as
        with versions as (
            select
                filename as path,
                id ->> '$' as id,
                {_UPDATED} as updated,
                meta ->> '$.versionId' as version
            from {read_lines_sql(paths, KEY_COLUMNS)}
            where hash(id) in (select id_hash from repeated)
        )
        select path, id, 'superseded' as after from versions
        qualify row_number() over (
            partition by id
            order by {NEWEST_FIRST}, cast(path as landed_file) desc
        ) > 1
    """
