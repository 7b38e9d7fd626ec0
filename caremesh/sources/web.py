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
from functools import cached_property
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from caremesh.errors import ExportError
from caremesh.settings import ExportSettings

BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request may do better."""

LONGEST_PAUSE = 60.0
LONGEST_FILE_PAUSE = 600.0
"""A server that wants to be asked for one of many files again much later is asked earlier, and may refuse."""

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0
_SHOWN = 300


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
        if _origin(url) != _origin(self.server) and urlsplit(url).hostname not in self.hosts:
            raise ExportError(
                "the server named an address on another host, which is not to see the token",
                where=show_url(url),
                hint="if it is to: CAREMESH_EXPORT_TOKEN_HOSTS=host,host",
            )
        return self.authority.headers(method, url, body)

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

    @cached_property
    def _pool(self) -> Any:
        import urllib3

        # Whoever asks decides what is tried again; only redirects are followed here, without what opens the server.
        retries = urllib3.Retry(
            total=None, connect=0, read=0, redirect=5, status=0, other=0, respect_retry_after_header=False
        )
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        return urllib3.PoolManager(
            maxsize=self.settings.parallel + 1, retries=retries, timeout=timeout, headers={"User-Agent": "caremesh"}
        )

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
        Raises ExportError where the server could not be reached in all attempts.
        """
        attempt, has_renewed = 1, False
        busy = BUSY if is_repeatable else {429}
        while True:
            try:
                answer = self._once(method, url, {**(headers or {}), **authority.headers(method, url, body)}, body)
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
    def stream(self, url: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """Send a GET once, and give urllib3's answer, whose body is still to be read; raise Broken where it broke."""
        with _telling_broken():
            answer = self._pool.request("GET", url, headers=self._with_name(headers), preload_content=False)
            try:
                yield answer
            except BaseException:
                answer.close()
                raise
            answer.drain_conn()
            answer.release_conn()

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

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with _telling_broken():
            answer = self._pool.request(method, url, headers=self._with_name(headers), body=body or None)
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.data)

    def _with_name(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"User-Agent": "caremesh", **headers}


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


def refuse_plain(url: str) -> None:
    """Raise ExportError for an address at which everybody on the way reads a token; this machine's own is none."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ExportError("a token is sent by https only", where=show_url(url), hint="give the server's https address")


def follow_link(base: str, link: str) -> str:
    """The address that a server names, maybe relative to `base`; raise ExportError where https would be left."""
    url = urljoin(base, link)
    if urlsplit(base).scheme == "https" and urlsplit(url).scheme != "https":
        raise ExportError("the server named an address without encryption", where=show_url(url), hint="ask the server")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname, port or {"https": 443, "http": 80}.get(parts.scheme)


def show_url(url: str) -> str:
    """A URL as it may be shown: without its query, and without a name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


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
