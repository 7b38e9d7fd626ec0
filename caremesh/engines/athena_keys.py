"""SQL of the intake in Athena: what is known of each line, which of two versions stays, what is left out and why.

A line is known by its file and the MD5 of its text, since Athena knows no line numbers. The tables in these texts are
the caller's: tables of lines, `keys` and `doubts` (Parquet), `files` (the landed files, with their id spaces).
"""

from __future__ import annotations

from collections.abc import Sequence

from caremesh.engines.claim_reason import claim_reason
from caremesh.engines.line_sql import NULL_LINE, row_type
from caremesh.fhir import CompiledView, with_numbers
from caremesh.quoting import quote_text
from caremesh.sources.line_digest import TEXT_DIGITS
from caremesh.sources.sieve import INSTANT, LONGEST_LINE

KEY_COLUMNS = {
    "path": "string",
    "digest": "binary",
    "reason": "string",
    "raw": "string",
    "size": "bigint",
    "id": "string",
    "updated": "double",
    "fraction": "string",
    "version": "string",
}
"""What is kept of each line, by Hive types: `size` in bytes; `raw`, its text where it cannot be used.

A blank line has the reason '', and counts for the bytes of its file only.

Bytes that are no UTF-8 are U+FFFD there: Athena cannot write them as escapes.
"""

DOUBT_COLUMNS = {"path": "string", "digest": "binary", "reason": "string", "raw": "string"}
"""Lines that something else than their text speaks against; `raw` null: the text is to be read again."""

FILE_COLUMNS = {
    "path": "string",
    "position": "int",
    "export": "string",
    "name": "string",
    "source_id": "string",
    "rank": "int",
}
"""`source_id` is the file's id space; of several that have one id, that of the least `rank` keeps it."""

MARK_REASON = "byte order mark before the JSON"

# What Python calls white space in bytes: whoever counts lines leaves lines of nothing else out.
_SOLID = r"'[^ \t\n\x0b\f\r]'"
# A `\ud800` without its other half is no text. Escaped backslashes go first: after them nothing is escaped.
_PAIRS = r"'\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}'"
_HALF = r"'\\u[dD][89a-fA-F]'"
_NEWEST_FIRST = """
        updated desc nulls last,
        fraction desc nulls last,
        length(number) desc nulls last,
        number desc nulls last,
        version desc nulls last,
        position desc,
        digest desc"""


def lines_sql(tables: Sequence[str]) -> str:
    """SQL for `path` and `line` of all lines that are not blank, whole and as they stand in their files."""
    return f"select path, line from ({_all_lines_sql(tables)}) where {_is_solid('line')}"


def keys_sql(tables: Sequence[str], view: CompiledView) -> str:
    """SQL for what is kept of each line (`KEY_COLUMNS`); what does not fit gets a reason, and no line a failure."""
    stated = "json_extract_scalar(parsed, '$.meta.lastUpdated')"
    is_moment = f"regexp_like({stated}, '^{INSTANT}$')"
    moment = f"try(from_iso8601_timestamp(regexp_replace({stated}, '\\.[0-9]+', '')))"
    fraction = f"rpad(substr(coalesce(regexp_extract({stated}, '\\.([0-9]+)', 1), ''), 1, 6), 6, '0')"
    return f"""
with lines as ({_all_lines_sql(tables)}),
parsed as (select path, line, try(json_parse(line)) as parsed from lines),
judged as (select path, line, parsed, {_reason(view)} as reason from parsed)
select
    path,
    {_digest("line")} as digest,
    reason,
    case when reason <> '' then from_utf8(to_utf8(line)) end as raw,
    length(to_utf8(line)) as size,
    json_extract_scalar(parsed, '$.id') as id,
    case when {is_moment} then to_unixtime({moment}) end as updated,
    case when {is_moment} then {fraction} end as fraction,
    json_extract_scalar(parsed, '$.meta.versionId') as version
from judged"""


def ranked_sql(keys: str, files: str, doubts: str | None, *, has_one_space: bool) -> str:
    """`with` queries: `judged`, with every reason; `ranked`, usable lines by id space and id.

    `place` 1 is the newest version; it is used where its id space is the `keeper` of the id, and else claimed.
    What no version tells apart: the later export wins, then the later file. Within one file Athena knows no order: the
    greater digest wins, so that every run takes the same line. `copies` counts the lines of one text in one file.
    """
    source, reason = f"{keys} as k", "k.reason"
    if doubts:
        source += f"\n    left join {doubts} as d on d.path = k.path and d.digest = k.digest"
        reason = "coalesce(d.reason, k.reason)"
    keeper = "source_id" if has_one_space else "first_value(source_id) over (partition by id order by rank)"
    return f"""
judged as (
    select k.path, k.digest, k.id, k.updated, k.fraction, k.version, {reason} as reason
    from {source}
),
usable as (
    select
        j.*,
        f.position,
        f.source_id,
        f.rank,
        case when regexp_like(version, '^[0-9]+\\z') then regexp_replace(version, '^0+', '') end as number
    from judged as j left join {files} as f on f.path = j.path
    where j.reason is null
),
ranked as (
    select
        path,
        digest,
        id,
        source_id,
        row_number() over (partition by source_id, id order by{_NEWEST_FIRST}
        ) as place,
        count(*) over (partition by id, path, digest) as copies,
        {keeper} as keeper
    from usable
)"""


def counts_sql(ranked: str, keys: str) -> str:
    """SQL for each file's lines: used, superseded, quarantined, and of the used how many stand there twice.

    Then the bytes of all its lines, how many those are with the blank ones, and how many are claimed.
    """
    return f"""
with {ranked}
select
    path,
    sum(case when place = 1 and keeper = source_id then 1 else 0 end),
    sum(case when place > 1 then 1 else 0 end),
    sum(case when place = 1 and keeper <> source_id then 1 else 0 end),
    sum(case when place = 1 and keeper = source_id and copies > 1 then 1 else 0 end),
    0,
    0,
    sum(case when place = 1 and keeper <> source_id then 1 else 0 end)
from ranked group by path
union all
select path, 0, 0, count(*), 0, 0, 0, 0 from judged where reason <> '' group by path
union all
select path, 0, 0, 0, 0, sum(size), count(*), 0 from {keys} group by path"""


def used_lines_sql(ranked: str, tables: Sequence[str], *, left_out: bool, twins: bool) -> str:
    """`with` queries, the last of which is `used`: the one column `line` of all lines that give rows.

    A text that stands twice in a file is left out like any other superseded line, and then added once (`twins`); that
    reads the lines once more.
    """
    if not left_out:
        return f"used as (select line from ({lines_sql(tables)}))"
    more = f"""
    union all
    select line from (
        select distinct l.path, l.line from lines as l
        join ranked as r on r.path = l.path and r.digest = {_digest("l.line")}
        where r.place = 1 and r.keeper = r.source_id and r.copies > 1
    )"""
    return f"""{ranked},
left_out as (
    select path, digest from ranked where place > 1 or keeper <> source_id
    union
    select path, digest from judged where reason is not null
),
lines as ({lines_sql(tables)}),
used as (
    select line from lines as l
    where not exists (
        select 1 from left_out as o where o.path = l.path and o.digest = {_digest("l.line")}
    ){more if twins else ""}
)"""


def quarantine_sql(
    keys: str, files: str, doubts: str | None, tables: Sequence[str], *, reread: bool, ranked: str = ""
) -> str:
    """SQL for the lines that are set aside, in the columns of every quarantine; `line` is null: nobody knows it.

    `reread`: of some doubted lines the text is not kept yet, and is read from the lines again. `ranked` where some are
    claimed, whose text is read again as well.
    """
    parts = [f"select path, reason, raw from {keys} where reason <> ''"]
    if doubts:
        known = f"select path, digest from {doubts}"
        parts = [f"select path, reason, raw from {keys} where reason <> '' and (path, digest) not in ({known})"]
        same = f"join {doubts} as d on d.path = k.path and d.digest = "
        parts.append(f"select k.path, d.reason, d.raw from {keys} as k {same}k.digest where d.raw is not null")
        if reread:
            digest = _digest("k.line")
            lines = f"({lines_sql(tables)})"
            parts.append(f"select k.path, d.reason, k.line from {lines} as k {same}{digest} where d.raw is null")
    if ranked:
        parts.append(_claimed_sql(tables))
    found = "\n    union all\n    ".join(parts)
    return f"""{f"with {ranked}" if ranked else ""}
select f.export, f.name as file, cast(null as bigint) as line, q.reason, q.raw,
    substr(lower(to_hex(sha256(to_utf8(q.raw)))), 1, {TEXT_DIGITS}) as digest
from (
    {found}
) as q join {files} as f on f.path = q.path"""


def _claimed_sql(tables: Sequence[str]) -> str:
    """SQL for the lines whose id another id space keeps; a text that stands twice in a file is set aside once."""
    before, after = (quote_text(part) for part in claim_reason("|").split("|"))
    return f"""select distinct k.path, {before} || r.keeper || {after} as reason, k.line as raw
    from ({lines_sql(tables)}) as k join ranked as r on r.path = k.path and r.digest = {_digest("k.line")}
    where r.place = 1 and r.keeper <> r.source_id"""


def _all_lines_sql(tables: Sequence[str]) -> str:
    line = f"coalesce(line, {quote_text(NULL_LINE)})"
    whole = f"case when rest is null then {line} else {line} || chr(1) || rest end"
    return " union all ".join(f'select "$path" as path, {whole} as line from {table}' for table in tables)


def _digest(line: str) -> str:
    return f"md5(to_utf8({line}))"


def _is_solid(value: str) -> str:
    return f"regexp_like({value}, {_SOLID})"


def _reason(view: CompiledView) -> str:
    """Why a line cannot be used, in the sieve's words and its order; null where it can."""
    resource = view.resource
    halves = f"regexp_like(regexp_replace(line, {_PAIRS}, ''), {_HALF})"
    half = f"(strpos(line, '\\ud') > 0 or strpos(line, '\\uD') > 0) and {halves}"
    # The cast goes with its own json_parse: Trino runs both as one, which sees a key that stands twice.
    identity = "coalesce(json_format(json_extract(parsed, '$.id')), 'null')"
    return f"""case
        when not {_is_solid("line")} then ''
        when length(to_utf8(line)) >= {LONGEST_LINE} then 'longer than 32 MB'
        when starts_with(line, chr(65279)) then {quote_text(MARK_REASON)}
        when parsed is null or line <> from_utf8(to_utf8(line)) or {half} then 'not valid JSON'
        when not regexp_like(line, '^\\s*\\{{') then 'not a JSON object'
        when coalesce(json_extract_scalar(parsed, '$.resourceType'), '') <> {quote_text(resource)}
            then {quote_text(f"resourceType is not {resource}")}
        when {identity} in ('null', '""', '0', '0.0', 'false', '[]', '{{}}') then 'id is missing'
        when not starts_with({identity}, '"') then 'id is no text'
        when try(cast(json_parse(line) as {row_type(with_numbers(view.shape))})) is null then 'type contradiction'
    end"""
