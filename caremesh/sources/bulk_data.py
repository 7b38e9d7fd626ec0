"""The client of a SMART Bulk Data server: ask for an export, wait for it, read what it lists, call it off.

https://hl7.org/fhir/uv/bulkdata/export.html
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from caremesh.errors import ExportError
from caremesh.sources.addresses import follow_link
from caremesh.sources.export_jobs import ExportScope, show_time
from caremesh.sources.web import Answer, Authority, Web, refused, seconds_until
from caremesh.terminal import printable

FileKind = Literal["output", "deleted", "error"]

ERROR_FOLDER = ".errors"
"""Where the server's messages are kept; a folder that starts with a dot is not landed."""

_TOKENS = frozenset({"access_token", "token"})
_CREDENTIALS = (401, 403)
_TYPE = re.compile(r"[A-Za-z]{1,64}")


@dataclass(frozen=True)
class KickOff:
    """A server took a job: where to ask about it, and when it was submitted by the server's clock."""

    status_url: str
    submitted_at: str


@dataclass(frozen=True)
class InProgress:
    """The server is still at work; `wait` are the seconds that it asks for."""

    said: str
    wait: float | None


@dataclass(frozen=True)
class ListedFile:
    """One file that a finished export lists. `name` is the same whenever the list is read again."""

    kind: FileKind
    type: str
    name: str
    url: str = field(repr=False)
    count: int | None = None


@dataclass(frozen=True)
class Finished:
    """What a finished export lists."""

    files: tuple[ListedFile, ...]
    needs_token: bool


class _Item(BaseModel):
    model_config = ConfigDict(frozen=True)

    url: str
    type: str = ""
    count: int | None = None


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True)

    output: tuple[_Item, ...]
    requiresAccessToken: bool = False
    deleted: tuple[_Item, ...] = ()
    error: tuple[_Item, ...] = ()
    link: tuple[dict[str, str], ...] = ()


def kick_off(web: Web, server: str, scope: ExportScope, *, authority: Authority) -> KickOff:
    """Ask for an export; raise ExportError where the server refuses.

    An answer that was lost leaves a job behind on the server that nobody follows: it costs, and changes nothing.
    """
    url = export_url(server, scope)
    before = web.clock.now()
    answer = web.ask(
        "GET", url, authority=authority, headers={"Accept": "application/fhir+json", "Prefer": "respond-async"}
    )
    if answer.status in _CREDENTIALS:
        raise refused(answer, url, doing="not allowed to ask for an export", hint=_SIGN_IN)
    if answer.status == 429:
        raise refused(
            answer, url, doing="the server takes no other export now", hint="wait for the one at work, then start again"
        )
    place = answer.headers.get("content-location")
    if answer.status != 202 or not place:
        raise refused(
            answer, url, doing="no export was started", hint="check address, level and options with the server's page"
        )
    return KickOff(_without_tokens(follow_link(url, place)), show_time(_submitted(answer, before, web.clock.now())))


def ask_status(web: Web, status_url: str, *, authority: Authority) -> InProgress | Finished:
    """How far a job is; raise ExportError where it failed, or the server knows nothing of it any more."""
    answer = web.ask("GET", status_url, authority=authority, headers={"Accept": "application/json"})
    if answer.status == 202:
        return InProgress(
            printable(answer.headers.get("x-progress", ""))[:100], seconds_until(answer.retry_after, web.clock.now())
        )
    if answer.status == 200:
        return _read_manifest(answer, status_url)
    if answer.status in (404, 410):
        raise JobGone("the server knows nothing of this export any more", hint="start it again")
    if answer.status in _CREDENTIALS:
        raise refused(answer, status_url, doing="not allowed to ask about the export", hint=_SIGN_IN)
    raise refused(
        answer,
        status_url,
        doing="the export did not end well",
        hint="caremesh export follow asks again; caremesh export cancel gives it up",
    )


def cancel(web: Web, status_url: str, *, authority: Authority) -> None:
    """Call a job off; one that the server knows nothing of counts as called off."""
    answer = web.ask("DELETE", status_url, authority=authority, headers={"Accept": "application/json"})
    if answer.status not in (200, 202, 204, 404, 410):
        raise refused(answer, status_url, doing="the export was not called off", hint="try again, or ask the server")


class JobGone(ExportError):
    """A job that its server forgot: nobody can go on with it."""


def export_url(server: str, scope: ExportScope) -> str:
    """The address at which an export of this scope is asked for."""
    folder = {"system": "", "patient": "Patient/"}.get(scope.level)
    if folder is None:
        folder = f"Group/{scope.level.removeprefix('group/')}/"
    stated = {"_since": scope.since, "_until": scope.until, "_type": ",".join(scope.types or ()) or None}
    query = urlencode({name: value for name, value in stated.items() if value})
    return f"{server.rstrip('/')}/{folder}$export{f'?{query}' if query else ''}"


def _submitted(answer: Answer, before: datetime, after: datetime) -> datetime:
    """When the server got the request, by its own clock if it tells, and never later than it was."""
    try:
        date = parsedate_to_datetime(answer.headers["date"])
    except (LookupError, ValueError):
        return before
    return (date if date.tzinfo else date.replace(tzinfo=UTC)) - max(after - before, timedelta())


def _read_manifest(answer: Answer, status_url: str) -> Finished:
    try:
        stated = _Manifest.model_validate_json(answer.body)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"])
        raise ExportError(
            f"the server's list of files cannot be read at {place or '$'}", hint="ask the server"
        ) from None
    if any(link.get("relation") == "next" for link in stated.link):
        raise ExportError("the server lists files in several parts, which was not asked for", hint="ask the server")
    files = (
        *_named("output", stated.output, status_url),
        *_named("deleted", stated.deleted, status_url),
        *_named("error", stated.error, status_url),
    )
    return Finished(files, stated.requiresAccessToken)


def _named(kind: FileKind, items: Sequence[_Item], status_url: str) -> list[ListedFile]:
    """Give each file a name of its own, by what stays the same of its address when links are signed anew."""
    by_url = {follow_link(status_url, item.url): item for item in items}
    urls = list(by_url)
    shared = Counter(map(_path, urls))
    named = []
    for url in urls:
        item = by_url[url]
        # Where one path serves several files, the query tells them apart.
        kept = _path(url) if shared[_path(url)] == 1 else url
        digest = hashlib.sha256(kept.encode()).hexdigest()[:16]
        named.append(ListedFile(kind, item.type, _file_name(kind, item.type, digest), url, item.count))
    return named


def _file_name(kind: FileKind, stated: str, digest: str) -> str:
    if kind == "error":
        return f"{ERROR_FOLDER}/OperationOutcome-{digest}.ndjson"
    if kind == "deleted":
        return f"deleted/Bundle-{digest}.ndjson"
    if not _TYPE.fullmatch(stated):
        raise ExportError("the server lists a file without a resource type", hint="ask the server")
    return f"{stated}/{stated}-{digest}.ndjson"


def _path(url: str) -> str:
    return urlunsplit((*urlsplit(url)[:3], "", ""))


def _without_tokens(url: str) -> str:
    """An address as it may be kept: a token is sent in a header, and has no business here."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _TOKENS]
    unchanged = len(query) == len(parse_qsl(parts.query, keep_blank_values=True))
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query if unchanged else urlencode(query), ""))


_SIGN_IN = "check CAREMESH_EXPORT_TOKEN, or client and key of the backend service (docs/how-to/export.md)"
