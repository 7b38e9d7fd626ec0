"""HTTP requests to FHIR servers: repeated while that helps, at the pace that the server asks for, and never shown.

No error names a URL's query or a header: both may hold what opens the data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from caremesh.errors import ExportError
from caremesh.settings import ExportSettings
from caremesh.sources.addresses import follow_redirect, origin_of, refuse_plain, show_url
from caremesh.sources.connections import Connections

BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request may do better."""

LONGEST_PAUSE = 60.0
LONGEST_FILE_PAUSE = 600.0
"""A server that wants to be asked for one of many files again much later is asked earlier, and may refuse."""

LONGEST_ANSWER = 64 << 20
"""So many bytes are read of an answer that is kept whole, after unpacking; files are streamed to disk."""

_SHOWN = 300
_BLOCK = 1 << 18
_MOST_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What another server than the one that was asked may see: no cookie, no signature, and nothing that is unknown.
_HARMLESS = frozenset({"accept", "accept-encoding", "if-range", "prefer", "range"})


@dataclass(frozen=True)
class Clock:
    """Time, as the command line gives it: `now` in UTC, and `pause` for so many seconds."""

    now: Callable[[], datetime]
    pause: Callable[[float], None]


class Authority(Protocol):
    """What opens a server: the headers of each request."""

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The headers that open this request."""

    def expire(self) -> bool:
        """Forget what was kept, after an answer 401; whether new headers may do better."""


class Anyone:
    """No authentication."""

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """No headers."""
        del method, url, body
        return {}

    def expire(self) -> bool:
        """Nothing can be renewed."""
        return False


@dataclass(frozen=True)
class BearerToken:
    """A token that somebody else renews."""

    token: str = field(repr=False)

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The token."""
        del method, url, body
        return {"Authorization": f"Bearer {self.token}"}

    def expire(self) -> bool:
        """It cannot be renewed from here."""
        return False


@dataclass(frozen=True)
class OwnServer:
    """What opens one server, and is sent to no other: servers name addresses of jobs and files, and may name any.

    `hosts` are others that it may be sent to.
    """

    server: str
    authority: Authority = field(repr=False)
    hosts: tuple[str, ...] = ()

    def headers(self, method: str, url: str, body: bytes) -> Mapping[str, str]:
        """The headers that open this request; raise ExportError where they may not be sent there."""
        refuse_plain(url)
        if not self.may_see(url):
            raise ExportError(
                "the server named an address on another host, which is not to see the token",
                where=show_url(url),
                hint="if it is to: CAREMESH_EXPORT_TOKEN_HOSTS=host,host",
            )
        return self.authority.headers(method, url, body)

    def may_see(self, url: str) -> bool:
        """Whether the server at an address may see what opens this one."""
        return origin_of(url) == origin_of(self.server) or urlsplit(url).hostname in self.hosts

    def expire(self) -> bool:
        """Whatever opens the server decides."""
        return self.authority.expire()


@dataclass(frozen=True)
class Answer:
    """What a server answered; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def retry_after(self) -> str | None:
        """When the server wants to be asked again: seconds, or a date."""
        return self.headers.get("retry-after")


class Broken(Exception):
    """A connection that could not be made, or broke."""


class _Thread(threading.local):
    """What the pauses of one thread listen to."""

    stopped: threading.Event | None = None


class Web:
    """Sends requests; connections are kept and shared by threads."""

    def __init__(self, settings: ExportSettings, clock: Clock, *, on_wait: Callable[[str], None] | None = None) -> None:
        """Keep how patient to be; `on_wait` is told of every pause."""
        self.settings = settings
        self.clock = clock
        self._on_wait = on_wait or (lambda _: None)
        self._thread = _Thread()
        self._connections = Connections(settings)

    def ask(
        self,
        method: str,
        url: str,
        *,
        authority: Authority,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        is_repeatable: bool = True,
    ) -> Answer:
        """Send a request, again while the server is busy or the connection breaks; give its answer, whatever it is.

        One that is not repeatable is sent again only where the server said that it did nothing (429).
        Raises ExportError where the server could not be reached in all attempts, leads where no request may follow it,
        or answers more than `LONGEST_ANSWER`.
        """
        attempt, has_renewed = 1, False
        busy = BUSY if is_repeatable else {429}
        while True:
            try:
                with self._open(method, url, authority, headers or {}, body) as opened:
                    answer = _read_whole(opened, url)
            except Broken as broken:
                if attempt == self.settings.attempts or not is_repeatable:
                    raise self.unreachable(url, str(broken), attempt) from None
                self.wait_after(attempt, None, why=str(broken))
            else:
                if answer.status == 401 and not has_renewed and authority.expire():
                    has_renewed = True
                    continue
                if answer.status not in busy or attempt == self.settings.attempts:
                    return answer
                self.wait_after(attempt, answer.retry_after, why=f"answer {answer.status}")
            attempt += 1

    @contextmanager
    def stream(self, url: str, headers: Mapping[str, str], *, authority: Authority) -> Iterator[Any]:
        """Send a GET once, and give urllib3's answer, whose body is still to be read; raise Broken where it broke."""
        with self._open("GET", url, authority, headers, b"") as answer:
            yield answer

    @contextmanager
    def stopped_by(self, stopped: threading.Event) -> Iterator[None]:
        """End every pause of this thread, and go on with nothing, once somebody sets an event.

        Whatever is waited for within (a file, a list, a token), no pause is longer than `LONGEST_FILE_PAUSE`.
        """
        before, self._thread.stopped = self._thread.stopped, stopped
        try:
            yield
        finally:
            self._thread.stopped = before

    def wait_after(self, attempt: int, retry_after: str | None, *, why: str) -> None:
        """Pause before the next attempt: as the server says, or twice as long as before it."""
        backoff: float = min(self.settings.retry_seconds * 2 ** (attempt - 1), LONGEST_PAUSE)
        self.wait(seconds_until(retry_after, self.clock.now()), otherwise=backoff, why=why)

    def wait(self, asked: float | None, *, otherwise: float, why: str) -> None:
        """Pause as long as the server asked for, or for `otherwise`; raise ExportError where the thread was stopped."""
        stopped = self._thread.stopped
        longest = LONGEST_FILE_PAUSE if stopped else self.settings.follow_seconds
        seconds = min(otherwise if asked is None else asked, longest)
        self._on_wait(f"{why}: waiting {seconds:,.0f} s")
        if stopped is None:
            self.clock.pause(seconds)
        elif stopped.wait(seconds):
            raise was_stopped()

    def unreachable(self, url: str, why: str, attempts: int) -> ExportError:
        """The error for a server that does not answer."""
        return ExportError(
            f"no answer in {attempts} attempt(s): {why}",
            where=show_url(url),
            hint="check address and network; caremesh export follow goes on where it stopped",
        )

    @contextmanager
    def _open(
        self, method: str, url: str, authority: Authority, headers: Mapping[str, str], body: bytes
    ) -> Iterator[Any]:
        """The answer to a request, after redirects, with its body still to be read.

        The authority is asked again for each address. Another server than the first gets nothing that opens one.
        """
        place = url
        for _ in range(_MOST_HOPS + 1):
            is_own = origin_of(place) == origin_of(url)
            may_see = is_own or (isinstance(authority, OwnServer) and authority.may_see(place))
            shown = headers if is_own else {k: v for k, v in headers.items() if k.lower() in _HARMLESS}
            opening = authority.headers(method, place, body) if may_see else {}
            with _telling_broken():
                answer = self._send(method, place, {**shown, **opening}, body)
                try:
                    location = answer.headers.get("location") if answer.status in _REDIRECTS else None
                    if not location:
                        yield answer
                        return
                finally:
                    # A body that was read to its end has given its connection back; any other is not worth the wait.
                    answer.close()
            place = _next_hop(method, place, location, body)
        raise ExportError(f"more than {_MOST_HOPS} redirects", where=show_url(url), hint="check the server's address")

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        return self._connections.pool_for(url).request(
            method,
            url,
            headers={"User-Agent": "caremesh", **headers},
            body=body or None,
            preload_content=False,
            redirect=False,
        )


def _next_hop(method: str, url: str, location: str, body: bytes) -> str:
    if method not in ("GET", "HEAD") or body:
        raise ExportError(
            f"the server sends a {method} on to another address, and it is not sent twice",
            where=show_url(url),
            hint="give the address that the server means",
        )
    return follow_redirect(url, location)


def _read_whole(answer: Any, url: str) -> Answer:
    parts, size = [], 0
    for part in answer.stream(_BLOCK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            raise ExportError(
                f"the server answered with more than {LONGEST_ANSWER >> 20} MB, and not with a file",
                where=show_url(url),
                hint="check that this is the address of a FHIR server",
            )
    return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, b"".join(parts))


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, which is a number or a date; None where it is neither.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())


def was_stopped() -> ExportError:
    """The error for work that somebody ended."""
    return ExportError("was stopped", hint="caremesh export follow goes on where it stopped")


def refused(answer: Answer, url: str, *, doing: str, hint: str) -> ExportError:
    """The error for an answer that says no, with what the server says of it."""
    said = _diagnostics(answer.body)
    return ExportError(
        f"{doing}: the server answered {answer.status}{f': {said}' if said else ''}", where=show_url(url), hint=hint
    )


def _diagnostics(body: bytes) -> str:
    """The codes of an OperationOutcome's issues; its texts are not shown, as they may quote a resource."""
    import orjson

    try:
        issues = orjson.loads(body)["issue"]
        codes = [f"{i.get('severity', '')} {i['code']}".strip() for i in issues]
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        return ""
    return ", ".join(dict.fromkeys(codes))[:_SHOWN]


@contextmanager
def _telling_broken() -> Iterator[None]:
    from urllib3 import exceptions

    try:
        yield
    except exceptions.LocationValueError as error:
        raise ExportError("is no address of a server", hint="--server https://host/fhir") from error
    except exceptions.HTTPError as error:
        # Its text shows the URL.
        reason = getattr(error, "reason", None) or error
        raise Broken(type(reason).__name__) from None
