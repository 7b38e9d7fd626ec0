"""The keys of an intake: which resource stands where, how often, and which version of it is the newest."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from caremesh.engines.desk import Desk
from caremesh.engines.duckdb import Source, read_lines_sql
from caremesh.engines.exact import number_columns
from caremesh.fhir import CompiledView, exact_names
from caremesh.quoting import quote_name, quote_text

# As JSON, so that an id that is no text shows, and that any `meta` is read: whether it fits is for the view to say.
KEY_COLUMNS = {"resourceType": "VARCHAR", "id": "JSON", "meta": "JSON"}


def read_keys(desk: Desk) -> None:
    """Note hash of the id, and file, of each resource: ten bytes, however long ids are."""
    paths = ", ".join(quote_text(str(path)) for path in desk.paths()) or "''"
    known = [i for i in desk.indexes() if _is_known(desk, i)]
    unknown = [desk.path(i) for i in desk.indexes() if i not in known]
    desk.connection.execute("drop table if exists keys; drop type if exists landed_file")
    desk.connection.execute(f"create type landed_file as enum ({paths})")
    desk.connection.execute(
        f"""
        create temp table keys as
        select
            cast(filename as landed_file) as path,
            hash(id) as id_hash,
            resourceType is distinct from {quote_text(desk.view.resource)}
            or coalesce(json_type(id), 'NULL') <> 'VARCHAR'
            or id = '""' as is_wrong
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


def note_superseded(desk: Desk) -> None:
    """List the resources of which another file holds a newer version: by last update, version, then later export."""
    # The versions cost another pass over the files; most runs have nothing to compare.
    desk.has_superseded = desk.connection.execute("select count(*) from repeated").fetchone() != (0,)
    if desk.has_superseded:
        desk.connection.execute(_superseded_sql(desk.paths()))


def count_superseded(desk: Desk) -> dict[str, int]:
    """How many resources of each path another file holds a newer version of."""
    if not desk.has_superseded:
        return {}
    return dict(desk.connection.execute("select path, count(*) from superseded group by path").fetchall())


def _superseded_sql(paths: Sequence[Source]) -> str:
    return f"""
        create or replace temp table superseded as
        with versions as (
            select
                filename as path,
                id ->> '$' as id,
                try_cast(meta ->> '$.lastUpdated' as timestamptz) as updated,
                meta ->> '$.versionId' as version,
                case when regexp_full_match(version, '[0-9]+') then ltrim(version, '0') end as number
            from {read_lines_sql(paths, KEY_COLUMNS)}
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
