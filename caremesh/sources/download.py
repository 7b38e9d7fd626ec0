"""Brings the files that a finished export lists into a folder: several at once, each of them whole or not at all.

<folder>/<name>              a whole file: size, count where one is stated, and last line are as they should be
<folder>/<name>.part         a file that is on its way; never listed, as its name does not end like one of an export
<folder>/<name>.part.json    how much of it is safe on disk, and of which version of the file that is
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import orjson

from caremesh.errors import ExportError
from caremesh.sources.addresses import show_url
from caremesh.sources.bulk_data import Finished, ListedFile
from caremesh.sources.line_limits import BLOCK, LONGEST_READ, LineCounter
from caremesh.sources.web import BUSY, Answer, Anyone, Authority, Broken, Web, refused, was_stopped

CHECKPOINT = 8 << 20
"""So many bytes may have to be fetched again after a kill."""

_BLOCK = 1 << 18
_EXPIRED = (401, 403, 404, 410)


@dataclass(frozen=True)
class FetchedFile:
    """A file that stands in the folder, whole."""

    name: str
    bytes: int


@dataclass(frozen=True)
class _Mark:
    """What is safe on disk of a file: so many bytes of this version, which has so many in all."""

    bytes: int = 0
    version: str | None = None
    total: int | None = None


class _AgainError(Exception):
    """What came cannot be used; the next attempt may be better, and may have to wait first."""

    def __init__(self, why: str, *, retry_after: str | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class _ExpiredError(Exception):
    """The link leads nowhere any more."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answer {status}")
        self.status = status


@dataclass
class _Links:
    """The addresses of files, which are read again from the server where one of them has expired."""

    urls: dict[str, str]
    read_again: Callable[[], Finished]
    turn: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, name: str) -> tuple[str, int]:
        """The address of a file, and the turn that it is of; raise ExportError where it is listed no more."""
        with self.lock:
            if name not in self.urls:
                raise ExportError("the server no longer lists a file that it listed", hint="start the export again")
            return self.urls[name], self.turn

    def renew(self, turn: int) -> None:
        """Read the addresses again, unless another thread did since `turn`."""
        with self.lock:
            if self.stopped.is_set():
                raise was_stopped()
            if turn == self.turn:
                self.urls = {f.name: f.url for f in self.read_again().files}
                self.turn += 1


def download(
    web: Web,
    finished: Finished,
    folder: Path,
    *,
    authority: Authority,
    read_again: Callable[[], Finished],
    on_file: Callable[[FetchedFile], None],
) -> tuple[FetchedFile, ...]:
    """Fetch all files that are not there yet; give those of the whole list, by name. `on_file` is told of each.

    Raises ExportError for the first one that could not be fetched in all attempts; what is whole stays.
    Whichever way it ends, no thread of it writes any more.
    """
    links = _Links({f.name: f.url for f in finished.files}, read_again)
    opens = authority if finished.needs_token else Anyone()
    there = [FetchedFile(f.name, p.stat().st_size) for f in finished.files if (p := folder / f.name).is_file()]
    for file in there:
        on_file(file)
    names = {f.name for f in there}
    missing = [f for f in finished.files if f.name not in names]
    pool = ThreadPoolExecutor(web.settings.parallel)
    try:
        fetched = _collect([pool.submit(_fetch, web, f, folder, links, opens) for f in missing], on_file)
    except BaseException:
        # Pauses end at once, and reads at their next block. Whoever fetches next must not meet a thread of this one.
        links.stopped.set()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
    return tuple(sorted((*there, *fetched), key=lambda f: f.name))


def _collect(running: Sequence[Future[FetchedFile]], on_file: Callable[[FetchedFile], None]) -> list[FetchedFile]:
    done = []
    for future in as_completed(running):
        done.append(future.result())
        on_file(done[-1])
    return done


def _fetch(web: Web, file: ListedFile, folder: Path, links: _Links, authority: Authority) -> FetchedFile:
    with web.stopped_by(links.stopped):
        return _fetch_whole(web, file, folder, links, authority)


def _fetch_whole(web: Web, file: ListedFile, folder: Path, links: _Links, authority: Authority) -> FetchedFile:
    """Fetch one file, in as many attempts as it takes while something comes, and put it into place."""
    target = folder / file.name
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    attempt, safe = 1, 0
    while True:
        if links.stopped.is_set():
            raise was_stopped()
        url, turn = links.url(file.name)
        retry_after = None
        try:
            size = _attempt(web, url, part, authority, links.stopped)
            _check(part, file)
            part.replace(target)
            _note(part).unlink(missing_ok=True)
            return FetchedFile(file.name, size)
        except _ExpiredError as expired:
            why = str(expired)
            if attempt == web.settings.attempts:
                raise _not_fetched(expired.status, url) from None
            if not (expired.status == 401 and authority.expire()):
                links.renew(turn)
        except (Broken, _AgainError) as failed:
            why, retry_after = str(failed), getattr(failed, "retry_after", None)
        if (reached := _read_mark(part).bytes) > safe:
            attempt, safe = 1, reached
        elif attempt == web.settings.attempts:
            raise ExportError(
                f"a file did not come whole in {attempt} attempts: {why}", where=show_url(url), hint=_HINT
            )
        else:
            attempt += 1
        web.wait_after(attempt, retry_after, why=why)


def _attempt(web: Web, url: str, part: Path, authority: Authority, stopped: threading.Event) -> int:
    """Read a file from where it is safe; give its size once all of it is on disk."""
    mark = _read_mark(part)
    headers = {
        "Accept": "application/fhir+ndjson",
        "Accept-Encoding": "identity",
        **({"Range": f"bytes={mark.bytes}-", "If-Range": str(mark.version)} if mark.bytes else {}),
    }
    with web.stream(url, headers, authority=authority) as answer:
        mark = _begin(answer, mark, part, url)
        with part.open("r+b" if mark.bytes else "wb") as file:
            file.truncate(mark.bytes)
            file.seek(mark.bytes)
            size = _copy(answer, file, part, mark, stopped)
    if mark.total is not None and size != mark.total:
        _drop(part)
        raise _AgainError("it has another size than stated")
    return size


def _begin(answer: Any, mark: _Mark, part: Path, url: str) -> _Mark:
    """From where the answer goes on, and what is known of the whole file; raise where it brings nothing of use."""
    headers = {k.lower(): v for k, v in answer.headers.items()}
    if answer.status in _EXPIRED:
        raise _ExpiredError(answer.status)
    if answer.status in BUSY:
        raise _AgainError(f"answer {answer.status}", retry_after=headers.get("retry-after"))
    if answer.status == 206 and mark.bytes:
        start, total = _content_range(headers.get("content-range", ""))
        if (start, total) == (mark.bytes, mark.total):
            return mark
    # What comes now, or with the next attempt, is the whole file.
    _note(part).unlink(missing_ok=True)
    if answer.status in (206, 416):
        raise _AgainError("the server sent another part than was asked for")
    if answer.status != 200:
        raise _not_fetched(answer.status, url)
    if headers.get("content-encoding", "identity") != "identity":
        return _Mark()
    etag = headers.get("etag", "")
    version = etag if etag.startswith('"') else headers.get("last-modified")
    length = headers.get("content-length", "")
    return _Mark(0, version, int(length) if length.isdecimal() else None)


def _copy(answer: Any, file: IO[bytes], part: Path, mark: _Mark, stopped: threading.Event) -> int:
    """Write what comes, to disk; note now and then how much is safe, and where the connection breaks."""
    size = safe = mark.bytes
    try:
        for block in answer.stream(_BLOCK, decode_content=True):
            if stopped.is_set():
                raise was_stopped()
            file.write(block)
            size += len(block)
            if size - safe >= CHECKPOINT:
                safe = _save(file, part, replace(mark, bytes=size))
    except BaseException:
        _save(file, part, replace(mark, bytes=size))
        raise
    file.flush()
    os.fsync(file.fileno())
    return size


def _save(file: IO[bytes], part: Path, mark: _Mark) -> int:
    """Bring to disk what was written, then note it; without a version to tell it by, it could not be gone on with."""
    file.flush()
    os.fsync(file.fileno())
    if mark.version and mark.total is not None:
        note = _note(part)
        aside = note.with_name(f"{note.name}.new")
        aside.write_text(json.dumps({"bytes": mark.bytes, "version": mark.version, "total": mark.total}))
        aside.replace(note)
    return mark.bytes


def _check(part: Path, file: ListedFile) -> None:
    """Refuse a file that ends within a line, holds another number of resources than stated, or NUL bytes.

    No JSON text holds a NUL; a file that was cut off under a writer is filled with them.
    """
    has_nul, counter = False, LineCounter(keep=LONGEST_READ)
    with part.open("rb") as read:
        while block := read.read(BLOCK):
            has_nul = has_nul or b"\0" in block
            counter.feed(block)
    if has_nul:
        _drop(part)
        raise _AgainError("it holds NUL bytes, which no NDJSON does")
    if counter.longest > LONGEST_READ:
        _drop(part)
        raise _AgainError(f"a line of it is longer than {LONGEST_READ >> 20} MB")
    if file.count is not None and file.count != counter.total:
        _drop(part)
        raise _AgainError(f"it holds {counter.total:,} resources, and {file.count:,} were stated")
    if counter.total > counter.lines:
        try:
            orjson.loads(counter.rest)
        except orjson.JSONDecodeError:
            _drop(part)
            raise _AgainError("it ends within a line") from None


def _read_mark(part: Path) -> _Mark:
    """What is safe of a file; nothing where its note is damaged or says more than is there."""
    try:
        stated = json.loads(_note(part).read_text())
        mark = _Mark(int(stated["bytes"]), str(stated["version"]), int(stated["total"]))
        return mark if part.stat().st_size >= mark.bytes else _Mark()
    except (OSError, ValueError, LookupError, TypeError):
        return _Mark()


def _drop(part: Path) -> None:
    for path in (_note(part), part):
        path.unlink(missing_ok=True)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _not_fetched(status: int, url: str) -> ExportError:
    return refused(Answer(status, {}, b""), url, doing="a file cannot be fetched", hint=_HINT)


def _content_range(text: str) -> tuple[int, int | None]:
    """Start and total of a Content-Range, `bytes 5-9/10`; -1 where it cannot be read."""
    unit, _, rest = text.partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    if unit != "bytes" or not start.isdecimal():
        return -1, None
    return int(start), int(total) if total.isdecimal() else None


_HINT = "caremesh export follow fetches what is missing"
