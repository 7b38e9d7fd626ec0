"""A SMART Bulk Data server on 127.0.0.1 that misbehaves as it is told. A double: it knows one export and no search.

https://hl7.org/fhir/uv/bulkdata/export.html
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from tests.http_server import serving

Fault = Literal["429", "429 date", "429 long", "500", "cut", "long", "short", "lost lines", "403", "410"]
FILE_FAULTS: tuple[Fault, ...] = ("429", "429 date", "500", "cut", "long", "short", "lost lines", "403", "410")
STATUS_FAULTS: tuple[Fault, ...] = ("429", "429 date", "500", "cut")


@dataclass(frozen=True)
class Served:
    """One file that the server lists."""

    type: str
    body: bytes
    kind: Literal["output", "deleted", "error"] = "output"
    count: int | None = None


@dataclass(frozen=True)
class Seen:
    """A request that came; headers by small names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass
class BulkServer:
    """What the server holds, how it answers, and what was asked of it.

    `fault` may name a fault for a request. Links hold a signature that expires when a fault says 403 or 410: then all
    links of that time are refused until the list is read again.
    """

    files: dict[str, Served] = field(default_factory=dict)
    polls: int = 1
    progress: str = "50% complete"
    fault: Callable[[Seen], Fault | None] = lambda _: None
    token: str | None = None
    needs_token: bool = False
    has_etags: bool = True
    chunked: bool = False
    kick_off_status: int = 202
    transaction_time: str = "2999-01-01T00:00:00Z"
    issue_token: Callable[[dict[str, list[str]]], str | None] | None = None
    address: str = ""
    seen: list[Seen] = field(default_factory=list)
    gone: bool = False
    turn: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base(self) -> str:
        """The FHIR address to be given to a client."""
        return f"{self.address}/fhir"

    def asked(self, method: str, part: str) -> list[Seen]:
        """The requests of a method whose path holds a text."""
        return [s for s in self.seen if s.method == method and part in s.path]

    def manifest(self) -> dict[str, Any]:
        """The list of files, with links of this turn."""
        listed: dict[str, list[dict[str, Any]]] = {"output": [], "deleted": [], "error": []}
        names = list(self.files)
        random.Random(self.turn).shuffle(names)
        for name in names:
            served = self.files[name]
            item = {"type": served.type, "url": f"{self.address}/files/{name}?sig={self.turn}"}
            listed[served.kind].append(item | ({} if served.count is None else {"count": served.count}))
        request = f"{self.base}/$export"
        return {
            "transactionTime": self.transaction_time,
            "request": request,
            "requiresAccessToken": self.needs_token,
            **listed,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body does not wait until its headers are acknowledged
    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        plan: BulkServer = self.server.plan
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {k.lower(): v for k, v in self.headers.items()}
        seen = Seen(method, parts.path, parse_qs(parts.query), headers, body)
        with plan.lock:
            plan.seen.append(seen)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._answer(plan, seen)

    def _answer(self, plan: BulkServer, seen: Seen) -> None:
        fault = plan.fault(seen)
        if seen.path.endswith("/.well-known/smart-configuration"):
            return self._send(200, json.dumps({"token_endpoint": f"{plan.address}/token"}).encode())
        if seen.path == "/token":
            token = plan.issue_token(parse_qs(seen.body.decode())) if plan.issue_token else None
            given = {"access_token": token, "token_type": "bearer", "expires_in": 300}
            return self._send(200 if token else 400, json.dumps(given if token else {"error": "invalid"}).encode())
        needs_token = plan.token is not None and (plan.needs_token or "/files/" not in seen.path)
        if needs_token and seen.headers.get("authorization") != f"Bearer {plan.token}":
            return self._send(401, _outcome("security"))
        if fault in ("429", "429 date", "429 long", "500"):
            return self._refuse(fault)
        if seen.path.endswith("$export"):
            return self._kick_off(plan, seen)
        if seen.path.startswith("/status/"):
            return self._status(plan, seen, fault)
        return self._file(plan, seen, fault)

    def _kick_off(self, plan: BulkServer, seen: Seen) -> None:
        if plan.kick_off_status != 202 or seen.headers.get("prefer") != "respond-async":
            return self._send(400 if plan.kick_off_status == 202 else plan.kick_off_status, _outcome("not-supported"))
        number = len(plan.asked("GET", "$export"))
        return self._send(202, b"", {"Content-Location": f"{plan.address}/status/{number}?_jobId={number}"})

    def _status(self, plan: BulkServer, seen: Seen, fault: Fault | None) -> None:
        if seen.method == "DELETE":
            plan.gone = True
            return self._send(202, b"")
        if plan.gone:
            return self._send(404, _outcome("not-found"))
        if plan.polls > 0:
            plan.polls -= 1
            return self._send(202, b"", {"X-Progress": plan.progress, "Retry-After": "0"})
        body = json.dumps(plan.manifest()).encode()
        if fault == "cut":
            return self._send(200, body[: len(body) // 2], length=len(body))
        return self._send(200, body)

    def _file(self, plan: BulkServer, seen: Seen, fault: Fault | None) -> None:
        served = plan.files.get(seen.path.removeprefix("/files/"))
        if fault in ("403", "410"):
            with plan.lock:
                plan.turn += 1
        if served is None or seen.query.get("sig") != [str(plan.turn)]:
            return self._send(410 if fault == "410" else 403, _outcome("expired"))
        body, headers = served.body, {"Content-Type": "application/fhir+ndjson"}
        etag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        if plan.has_etags:
            headers["ETag"] = etag
        start, status = 0, 200
        wanted = seen.headers.get("range", "")
        if wanted.startswith("bytes=") and plan.has_etags and seen.headers.get("if-range") == etag:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return self._send_damaged(plan, status, body[start:], headers, fault)

    def _send_damaged(
        self, plan: BulkServer, status: int, body: bytes, headers: dict[str, str], fault: Fault | None
    ) -> None:
        half = len(body) // 2
        if fault == "cut":
            return self._send(status, body[:half], headers, length=len(body))
        if fault == "long":
            return self._send(status, body, headers, length=len(body) + 7)
        if fault == "short":
            return self._send(status, body[: max(1, len(body) - 3)], headers)
        if fault == "lost lines":
            return self._send(status, body[: body.rfind(b"\n", 0, len(body) - 1) + 1], headers)
        if plan.chunked:
            return self._send_chunked(status, body, headers)
        return self._send(status, body, headers)

    def _refuse(self, fault: Fault) -> None:
        now = datetime.now(UTC)
        waits = {"429": "0", "429 long": "86400", "429 date": format_datetime(now - timedelta(seconds=1), usegmt=True)}
        headers = {"Retry-After": waits[fault]} if fault in waits else {}
        self._send(500 if fault == "500" else 429, _outcome("transient"), headers)

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None and length != len(body):
            self.close_connection = True

    def _send_chunked(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), 50):
            chunk = body[start : start + 50]
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def _outcome(code: str) -> bytes:
    issue = {"severity": "error", "code": code, "diagnostics": "Patient/secret-id was touched"}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    plan: BulkServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients break connections, or are killed."""


@contextmanager
def run_bulk_server(plan: BulkServer) -> Iterator[BulkServer]:
    """Serve a plan on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.plan = plan
    plan.address = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield plan


def patients(numbers: range, *, count: bool = True) -> Served:
    """A file of patients, one for each number."""
    lines = [json.dumps({"resourceType": "Patient", "id": f"p{n:05}", "gender": "female"}) for n in numbers]
    return Served("Patient", "".join(f"{line}\n" for line in lines).encode(), count=len(lines) if count else None)
