"""A file without some of its lines, handed to DuckDB through a named pipe: a copy would cost more than reading it."""

from __future__ import annotations

import fcntl
import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from caremesh.sources.ndjson import cannot_be_read
from caremesh.sources.sieve import Span

_CHUNK = 1 << 20
_HASTE_SECONDS = 0.001
_PATIENCE_SECONDS = 0.05


@dataclass(frozen=True)
class Feed:
    """What goes through a pipe: the bytes of `source`, but for those `left_out` (rising, apart)."""

    pipe: Path
    source: Path
    left_out: Sequence[Span]

    def kept(self) -> Iterator[Span]:
        """The spans that go through."""
        position = 0
        for start, end in self.left_out:
            yield position, start
            position = end
        yield position, self.source.stat().st_size


@contextmanager
def feeding(feeds: Sequence[Feed]) -> Iterator[None]:
    """Serve each pipe to whoever opens it, again and again, until the block ends; each reader gets the whole.

    Raises LandingError at the end where a source could not be read to its end.
    """
    if not feeds:
        yield
        return
    counter = _Counter(feeds)
    try:
        for feed in feeds:
            _make_pipe(feed.pipe)
        counter.start()
        yield
    finally:
        counter.close()
        for feed in feeds:
            feed.pipe.unlink(missing_ok=True)
    if counter.failed:
        raise cannot_be_read(*counter.failed[0])


class _Counter(Thread):
    """Waits for readers, of whichever pipe, and gives each a thread of its own."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        super().__init__()
        self.failed: list[tuple[str, Exception]] = []
        self._feeds = feeds
        self._stop_asked = Event()
        self._readers: list[Thread] = []

    def run(self) -> None:
        served: set[Path] = set()
        # Most engines open a file once; so there is haste for the first reader only.
        while not self._stop_asked.wait(_HASTE_SECONDS if len(served) < len(self._feeds) else _PATIENCE_SECONDS):
            for feed in self._feeds:
                pipe = _open_pipe(feed.pipe)
                if pipe is not None:
                    # Whoever opens the path from now on gets a pipe of its own, from the start of the file.
                    _make_pipe(feed.pipe)
                    served.add(feed.pipe)
                    self._readers.append(Thread(target=self._pour, args=(feed, pipe)))
                    self._readers[-1].start()

    def close(self) -> None:
        self._stop_asked.set()
        if self.ident is not None:
            self.join()
        for reader in self._readers:
            reader.join()

    def _pour(self, feed: Feed, pipe: int) -> None:
        """Write a whole feed into a pipe, unless its reader stops before."""
        try:
            with feed.source.open("rb", buffering=0) as source:
                for start, end in feed.kept():
                    _send(source.fileno(), pipe, start, end, self._stop_asked)
        except BrokenPipeError:
            pass
        except OSError as error:
            self.failed.append((str(feed.source), error))
        finally:
            os.close(pipe)


def _make_pipe(path: Path) -> None:
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    os.mkfifo(new, 0o600)
    new.replace(path)


def _open_pipe(path: Path) -> int | None:
    """Open the writing end; None where nobody reads."""
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None
    if sys.platform == "linux":
        # Larger than usual, where it is allowed, so that reader and writer take turns less often.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)
    return pipe


def _send(source: int, pipe: int, start: int, end: int, stop: Event) -> None:
    poll = select.poll()
    poll.register(pipe, select.POLLOUT)
    while start < end and not stop.is_set():
        try:
            start += _move(source, pipe, start, min(_CHUNK, end - start))
        except BlockingIOError:
            poll.poll(100)


def _move(source: int, pipe: int, start: int, count: int) -> int:
    """Move bytes from a place in a file into a pipe, without a copy in between where the system can; how many went."""
    if sys.platform == "linux":
        return os.splice(source, pipe, count, offset_src=start)
    return os.write(pipe, os.pread(source, count, start))
