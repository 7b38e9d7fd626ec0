"""An address of the local AWS where somebody looks at each request first, and may answer it himself or do harm."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.serving import make_server

from tests.athena.gateway import Gateway, QuietHandler, read_body, read_parameters, service_of


@dataclass(frozen=True)
class Asked:
    """A request: `s3:PutObject` and its like by the names of boto3's operations, and what it is about."""

    operation: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Refusal:
    """An error of AWS: its code and the HTTP status that goes with it."""

    code: str
    status: int = 400


@dataclass(frozen=True)
class Cut:
    """The right answer, whose connection breaks before its last byte."""


Watch = Callable[[Asked], "Refusal | Cut | None"]


@dataclass
class WatchedAws:
    """A WSGI application before the local AWS. `watch` may be exchanged at any time."""

    gateway: Gateway
    address: str = ""
    watch: Watch | None = None
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Show a request to who watches; answer it if he does not."""
        asked = read_request(environ)
        self.asked.append(asked)
        refusal = self.watch(asked) if self.watch else None
        if refusal is None:
            return self.gateway(environ, start_response)
        if isinstance(refusal, Cut):
            return [b"".join(self.gateway(environ, start_response))[:-1]]
        headers, body = refusal_body(asked, refusal)
        start_response(f"{refusal.status} {HTTPStatus(refusal.status).phrase}", headers)
        return [body]


def read_request(environ: dict[str, Any]) -> Asked:
    """What a request asks for; it can be read again."""
    body, service = read_body(environ), service_of(environ)
    request = Request({**environ, "wsgi.input": io.BytesIO(body)})
    operation, found = get_service_router(service).match(request)
    params = {**found, **read_parameters(service, operation.name, body)}
    return Asked(f"{service}:{operation.name}", params, dict(request.headers), body)


def refusal_body(asked: Asked, refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
    """An error in the form of the service: XML from S3, which says nothing to HEAD, and JSON from all others."""
    if asked.operation.startswith("s3:Head"):
        return [("Content-Length", "0")], b""
    if asked.operation.startswith("s3:"):
        body = f"<Error><Code>{escape(refusal.code)}</Code><Message>of a test</Message></Error>"
        return [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))], body.encode()
    body = f'{{"__type": "{refusal.code}", "message": "of a test"}}'
    return [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))], body.encode()


@contextmanager
def run_watched(gateway: Gateway) -> Iterator[WatchedAws]:
    """Run a watched address of a local AWS of this process."""
    app = WatchedAws(gateway)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
    app.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refuse(operation: str, refusal: Refusal | Cut, *, times: int | None = None, of: str = "") -> Watch:
    """Refuse an operation, on a key or a table whose name ends so, for the first so many times or for ever."""
    left = [times]

    def watch(asked: Asked) -> Refusal | Cut | None:
        name = str(asked.params.get("Key") or asked.params.get("TableInput", {}).get("Name") or "")
        if asked.operation != operation or not name.endswith(of) or left[0] == 0:
            return None
        left[0] = None if left[0] is None else left[0] - 1
        return refusal

    return watch
