"""The versions of a view's resources: which one is used, where several files, an earlier release or deletions compete.

A resource is told by its id space and its id. Each id space is settled as if it were alone; then, of those in which an
id is used, the first one keeps it, and the others' versions are **claimed**: nobody can use them.

An earlier release lends its keys, one row a resource; the files of an intake bring new ones. Newest is what was updated
last, then has the higher `versionId`, then stands in the later file. A deletion kills the versions of exports of its
source up to its own, but for those updated after its export was asked for. Of what is left the newest is used.

Tables, all temporary: `arrived` (the intake's versions), `known` (those and the release's), `fates` (what becomes of
each version that competes with another one, or is killed). All the others are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from caremesh.id_spaces import DEFAULT_SOURCE
from caremesh.quoting import quote_text
from caremesh.release_keys import key_part, link_part, parts_of_view, read_keys_sql

Reason = Literal["deleted", "not in full export"]
LISTED: Reason = "deleted"
FULL: Reason = "not in full export"
State = Literal["used", "superseded", "deleted", "claimed"]

MOST_CHANGES, FEW = 16, 5
"""So many parts of changes may follow the keys of a view, with a fifth of their rows; then they are written whole."""

_NUMBER = "case when regexp_full_match(version, '[0-9]+') then ltrim(version, '0') end"
NEWEST_FIRST = f"""
    updated desc nulls last, length({_NUMBER}) desc nulls last, {_NUMBER} desc nulls last, version desc nulls last"""
"""How versions of one resource are ordered by what they say of themselves."""


@dataclass(frozen=True)
class Deletion:
    """What one export says is gone from its source: the ids of a list; or, where it is full, all that it does not hold.

    `order` is the place of the export among all exports. `asked_at`: when it was asked for; None where nobody knows. A
    full export that `needs_line` says nothing where it holds no line at all.
    """

    export: str
    order: int
    asked_at: str | None
    reason: Reason
    listed: tuple[str, ...] = ()
    needs_line: bool = False
    source: str = DEFAULT_SOURCE


class ClaimedIds(Exception):
    """New files hold ids that an earlier release has of another id space: that is settled from all files only."""


@dataclass(frozen=True)
class Base:
    """An earlier release that new files are merged into: what its view wrote.

    `places` says where its files stand now, by their place then; `key_column` holds the resource's id in its rows.
    `held` are rows that it kept back: they come into play again.
    """

    data: Path
    keys: Sequence[Path]
    key_column: str
    places: Sequence[int]
    held: Path | None = None

    @property
    def takes_changes(self) -> bool:
        """Whether a part with what changed may follow its keys: files stand where they stood, and changes are few."""
        # `view run` makes no release, and its start is short.
        import pyarrow.parquet as pq

        first, *changes = (pq.read_metadata(part).num_rows for part in self.keys)
        is_in_place = list(self.places) == list(range(len(self.places)))
        return is_in_place and len(changes) < MOST_CHANGES and sum(changes) * FEW <= first


@dataclass(frozen=True)
class History:
    """Everything beside its own files that an intake has to regard.

    `places` are the places of the intake's files among all files that the view's rows come from. Of every one of those
    `exports` has the order of its export, `sources` the source and `spaces` the id space. `order` is that of every
    export by its name, `ranking` all id spaces, the first of which keeps an id. `keys` is the folder that the keys of
    the release go to, as those of view number `view`.
    """

    places: Sequence[int]
    exports: Sequence[int]
    sources: Sequence[str]
    spaces: Sequence[str]
    keys: Path
    view: int = 0
    order: Mapping[str, int] = field(default_factory=dict)
    ranking: Sequence[str] = ()
    deletions: Sequence[Deletion] = ()
    base: Base | None = None

    @property
    def has_one_space(self) -> bool:
        """Whether all files are of one id space, so that no id is contested between two."""
        return len(set(self.spaces)) <= 1


@dataclass(frozen=True)
class Change:
    """So many versions in one file of an earlier release are no longer what they were."""

    place: int
    before: State
    after: State
    count: int


def settle_versions(
    connection: duckdb.DuckDBPyConnection, history: History, *, protected: Mapping[int, Sequence[str]]
) -> None:
    """Decide about every version: fill `fates`, and `unused` with those of the intake that give no rows.

    Wants the tables `arrived` (path, file, id, updated, version) and `repeated` (id_hash). `protected` are, by the
    order of a full export, the ids that it holds in lines that cannot be used. Raises ClaimedIds where another id space
    has an id in the earlier release.
    """
    connection.execute(
        """
        create or replace temp table landed as select
            unnest(range(len($1))) as file, unnest($1) as export, unnest($2::varchar[]) as source,
            unnest($3::varchar[]) as source_id
        """,
        [list(history.exports), list(history.sources), list(history.spaces)],
    )
    _know(connection, history)
    _kill(connection, history.deletions, protected)
    _contest(connection, history.order)
    if not history.has_one_space:
        _claim(connection, history)
    connection.execute(
        """
        create or replace temp table unused as
        select path, id, after, keeper from arrived join fates using (id, file) where not is_base and after <> 'used'
        """
    )


def write_keys(connection: duckdb.DuckDBPyConnection, history: History, resource: str) -> None:
    """Write the keys of the release to be: what changed, after the parts of the base; or all of them."""
    known = "select id, updated, version, file, removed_by, reason from known anti join contested using (id)"
    fates = "select id, updated, version, file, killed_by, killed_for from fates where after in ('used', 'deleted')"
    base, generation = history.base, 0
    if base is not None and base.takes_changes:
        generation = len(base.keys)
        known += " where not is_base"
        for part in base.keys:
            link_part(part, history.keys / key_part(history.view, int(part.stem.rpartition("-")[2])))
    elif base is not None:
        # What was held of the base may be only what competes.
        known += f" where not is_base union all {_earlier_sql(base)} where id not in (select id from contested)"
    target = history.keys / key_part(history.view, generation)
    spaces, columns = "", f"{quote_text(next(iter(history.spaces), ''))} as source_id, *"
    if not history.has_one_space:
        spaces, columns = "join landed using (file)", "source_id, * exclude (source_id, export, source)"
    connection.execute(
        f"""
        copy (select {quote_text(resource)} as resource_type, {columns} from ({known} union all {fates}) {spaces})
        to {quote_text(str(target))} (format parquet, compression zstd)
        """
    )


def count_keys(connection: duckdb.DuckDBPyConnection, history: History) -> tuple[int, int]:
    """How many resources stand in the keys that were written: used, and removed."""
    parts = parts_of_view(history.keys.iterdir(), history.view)
    counts = "count(*) filter (removed_by is null), count(removed_by)"
    used, removed = connection.execute(f"select {counts} from {read_keys_sql(parts)}").fetchone() or (0, 0)
    return used, removed


def base_changes(connection: duckdb.DuckDBPyConnection) -> tuple[Change, ...]:
    """What the earlier release's versions became, by file."""
    found = connection.execute(
        """
        select file, before, after, count(*) from fates
        where is_base and before <> after
        group by all order by all
        """
    ).fetchall()
    return tuple(Change(*row) for row in found)


def _know(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Make the view `known`: all versions that may compete. Of the base these are few, but for a full export."""
    base = history.base
    arrived = "select id, updated, version, file, null as removed_by, null as reason, false as is_base from arrived"
    if base is None:
        connection.execute(f"create or replace temp view known as {arrived}")
        return
    connection.execute(
        "create or replace temp table moved as select unnest(range(len($1))) as was, unnest($1) as file",
        [list(base.places)],
    )
    touched = ""
    if all(deletion.reason == LISTED for deletion in history.deletions):
        listed = [name for deletion in history.deletions for name in deletion.listed]
        connection.execute(
            "create or replace temp table touched as select id from arrived union select unnest($1)", [listed]
        )
        touched = "where id in (select id from touched)"
    connection.execute(f"create or replace temp table held as {_earlier_sql(base)} {touched}")
    connection.execute(f"create or replace temp view known as {arrived} union all select *, true from held")


def _earlier_sql(base: Base) -> str:
    return f"""
        select id, updated, version, moved.file, removed_by, reason
        from {read_keys_sql(base.keys)} as k join moved on moved.was = k.file"""


def _kill(
    connection: duckdb.DuckDBPyConnection, deletions: Sequence[Deletion], protected: Mapping[int, Sequence[str]]
) -> None:
    """Fill `killed`: the versions that a deletion kills, with the first export that does."""
    connection.execute(
        "create or replace temp table killed (id varchar, file integer, killed_by varchar, killed_for varchar)"
    )
    for deletion in deletions:
        if deletion.reason == LISTED:
            condition, ids = "id in (select unnest($ids))", list(deletion.listed)
        else:
            held = "select id from arrived join landed using (file) where landed.export = $order"
            condition = f"not id in ({held}) and not id in (select unnest($ids))"
            ids = list(protected.get(deletion.order, ()))
        connection.execute(
            f"""
            insert into killed
            select id, file, $export, $reason from known join landed using (file) anti join killed using (id, file)
            where landed.export <= $order and landed.source = $source
              and not coalesce(updated > cast($asked_at as timestamptz), false)
              and removed_by is null
              and {condition}
            """,
            {
                "export": deletion.export,
                "reason": deletion.reason,
                "order": deletion.order,
                "source": deletion.source,
                "asked_at": deletion.asked_at,
                "ids": ids,
            },
        )


def _contest(connection: duckdb.DuckDBPyConnection, order: Mapping[str, int]) -> None:
    """Fill `contested` (ids) and `fates`: what was each version of these before, and what is it now.

    Where all versions of a resource are killed, that counts which was killed last, and of those the newest: an earlier
    release has no other one, so that a merge finds the same.
    """
    connection.execute(
        "create or replace temp table killers as select unnest($1) as killed_by, unnest($2) as killed_in",
        [list(order), list(order.values())],
    )
    connection.execute(
        """
        create or replace temp table contested as
        select id from killed
        union
        select id from arrived where hash(to_json(id)) in (select id_hash from repeated)
        union
        select id from known semi join arrived using (id) where is_base
        """
    )
    connection.execute(
        f"""
        create or replace temp table fates as
        with versions as (
            select
                source_id, id, file, updated, version, is_base,
                case when is_base then if(removed_by is null, 'used', 'deleted') end as before,
                coalesce(killed_by, removed_by) as killed_by,
                coalesce(killed_for, reason) as killed_for
            from known semi join contested using (id) join landed using (file) left join killed using (id, file)
        ),
        ranked as (
            select *, row_number() over (
                partition by source_id, id
                order by killed_by is not null, killed_in desc nulls last, {NEWEST_FIRST}, file desc
            ) as rank
            from versions left join killers using (killed_by)
        )
        select
            * exclude (rank, killed_in),
            case when rank > 1 then 'superseded' when killed_by is null then 'used' else 'deleted' end as after,
            cast(null as varchar) as keeper
        from ranked
        """
    )


def _claim(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Of the versions of one id that several id spaces would use, leave the first space its own: that is the keeper."""
    connection.execute(
        """
        create or replace temp table ranking as
        select unnest($1::varchar[]) as source_id, unnest(range(len($1))) as rank
        """,
        [list(history.ranking)],
    )
    connection.execute(
        """
        create or replace temp table keepers as
        select id, arg_min(source_id, rank) as first_space from fates join ranking using (source_id)
        where after = 'used' group by id having count(*) > 1
        """
    )
    connection.execute(
        """
        update fates set after = 'claimed', keeper = first_space from keepers
        where keepers.id = fates.id and after = 'used' and source_id <> first_space
        """
    )
    claimed = connection.execute("select count(*) from fates where after = 'claimed'").fetchone()
    if history.base is not None and claimed != (0,):
        raise ClaimedIds
