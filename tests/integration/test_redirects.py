"""Where a server may send a request on to, what goes along, and how much of an answer is read."""

from __future__ import annotations

import gzip
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from caremesh.errors import ExportError, UsageError
from caremesh.settings import ExportSettings
from caremesh.sources import web as web_module
from caremesh.sources.addresses import follow_link
from caremesh.sources.backend_services import BackendServices
from caremesh.sources.web import Anyone, Authority, BearerToken, Clock, OwnServer, Web
from tests.http_server import serving, wrap_tls, write_certificate

REDIRECTS = (301, 302, 303, 307, 308)
TOKEN = "s3cret-token"
PUBLIC = "ehr.example"


@dataclass
class Site:
    """A server: what it answers by path, and what it was asked."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    address: str = ""
    behind: tuple[str, int] | None = None

    def leads(self, path: str, location: str, status: int = 302) -> None:
        """Redirect from a path."""
        self.answers[path] = (status, {"location": location}, b"")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        site = cast(_Server, self.server).site
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        site.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        status, headers, content = site.answers.get(self.path, (200, {}, b"{}"))
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_DELETE = do_GET

    def do_CONNECT(self) -> None:
        """Be a proxy that finds every host at one place."""
        site = cast(_Server, self.server).site
        site.seen.append(("CONNECT", self.path, {k.lower(): v for k, v in self.headers.items()}, b""))
        assert site.behind
        with socket.create_connection(site.behind) as there:
            self.send_response(200)
            self.end_headers()
            ways = {self.connection: there, there: self.connection}
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    if not (block := one.recv(65_536)):
                        self.close_connection = True
                        return
                    ways[one].sendall(block)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    site: Site

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is no matter."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("certificate"), "localhost", PUBLIC)


@pytest.fixture
def site(certificate: Path) -> Iterator[Callable[..., Site]]:
    """Start servers, with TLS unless a test wants none."""
    with ExitStack() as running:

        def start(*, tls: bool = True) -> Site:
            server = _Server(("127.0.0.1", 0), _Handler)
            if tls:
                wrap_tls(server, certificate)
            server.site = Site(address=f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}")
            running.enter_context(serving(server))
            return server.site

        yield start


@pytest.fixture
def web(certificate: Path) -> Web:
    return make_web(ca_file=certificate)


def make_web(**settings: Any) -> Web:
    clock = Clock(now=lambda: datetime(2026, 1, 1, tzinfo=UTC), pause=lambda _: None)
    return Web(ExportSettings(attempts=1, **settings), clock)


def get(web: Web, url: str, authority: Authority | None = None) -> bytes:
    return web.ask("GET", url, authority=authority or Anyone()).body


def stream(web: Web, url: str, authority: Authority | None = None) -> bytes:
    # As somebody would who knows no authority: headers that must not leave the server either.
    headers = {"Authorization": TOKEN, "Cookie": TOKEN, "X-Amz-Security-Token": TOKEN, "X-Key": TOKEN}
    with web.stream(url, {**headers, "Range": "bytes=5-"}, authority=authority or Anyone()) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("ask", [get, stream])
def test_no_redirect_leaves_https(
    site: Callable[..., Site], web: Web, ask: Callable[[Web, str], bytes], status: int
) -> None:
    here, plain = site(), site(tls=False)
    here.leads("/status?sig=SECRET", f"{plain.address}/status", status)

    with pytest.raises(ExportError, match="without encryption") as refused:
        ask(web, f"{here.address}/status?sig=SECRET")

    assert plain.seen == []
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "//[", "http:"]
)
def test_no_redirect_leaves_http(site: Callable[..., Site], web: Web, location: str) -> None:
    here = site(tls=False)
    here.leads("/", location)
    with pytest.raises((ExportError, web_module.Broken)):
        get(web, f"{here.address}/")


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("is_own", [True, False], ids=["own server", "another"])
def test_nothing_but_reading_is_sent_twice(
    site: Callable[..., Site], web: Web, method: str, status: int, is_own: bool
) -> None:
    here, other = site(), site()
    here.leads("/token", f"{(here if is_own else other).address}/elsewhere", status)

    with pytest.raises(ExportError, match=f"sends a {method} on to another address"):
        web.ask(method, f"{here.address}/token", authority=Anyone(), body=b"client_assertion=SIGNED")

    assert (len(here.seen), other.seen) == (1, [])


def test_a_signed_statement_goes_to_the_token_endpoint_only(
    site: Callable[..., Site], web: Web, tmp_path: Path, certificate: Path
) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP384R1())
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    here, other = site(), site()
    stated = f'{{"token_endpoint": "{here.address}/token"}}'.encode()
    here.answers["/.well-known/smart-configuration"] = (200, {}, stated)
    here.leads("/token", f"{other.address}/token", 307)
    services = BackendServices(
        web, here.address, client_id="a", key_file=tmp_path / "key.pem", key_id=None, scope="s", run_id="1"
    )

    with pytest.raises(ExportError, match="sends a POST on"):
        services.headers("GET", here.address, b"")

    assert other.seen == []


@pytest.mark.parametrize("opens", [BearerToken(TOKEN), Anyone()], ids=["token", "own headers"])
def test_another_server_gets_nothing_that_opens_the_first(
    site: Callable[..., Site], web: Web, opens: Authority
) -> None:
    here, other = site(), site()
    here.leads("/file", f"{other.address}/file?sig=1", 307)
    other.leads("/file?sig=1", "/again")

    assert stream(web, f"{here.address}/file", opens) == b"{}"
    assert get(web, f"{here.address}/file", OwnServer(here.address, opens)) == b"{}"

    assert [path for _, path, _, _ in other.seen] == ["/file?sig=1", "/again"] * 2
    assert TOKEN not in str(other.seen)
    assert other.seen[0][2]["range"] == "bytes=5-"
    assert all("referer" not in headers for _, _, headers, _ in other.seen)


def test_a_host_that_may_see_the_token_sees_it_after_a_redirect(site: Callable[..., Site], web: Web) -> None:
    here, other = site(), site()
    listed = other.address.replace("127.0.0.1", "localhost")
    here.leads("/file", f"{listed}/file")
    get(web, f"{here.address}/file", OwnServer(here.address, BearerToken(TOKEN), ("localhost",)))
    assert other.seen[0][2]["authorization"] == f"Bearer {TOKEN}"


def test_each_address_of_the_server_is_opened_anew(site: Callable[..., Site], web: Web) -> None:
    class Signing(Anyone):
        def headers(self, method: str, url: str, body: bytes) -> dict[str, str]:
            return {"Authorization": f"signed {method} {url.rpartition('/')[2]}"}

    here = site()
    here.leads("/one", "/two")
    get(web, f"{here.address}/one", Signing())
    assert [headers["authorization"] for _, _, headers, _ in here.seen] == ["signed GET one", "signed GET two"]


def test_a_loop_of_redirects_ends(site: Callable[..., Site], web: Web) -> None:
    here = site(tls=False)
    here.leads("/loop", "/loop")
    with pytest.raises(ExportError, match="more than 5 redirects"):
        get(web, f"{here.address}/loop")
    assert len(here.seen) == 6

    for hop in range(5):
        here.leads(f"/{hop}", f"/{hop + 1}")
    assert get(web, f"{here.address}/0") == b"{}"


@pytest.mark.parametrize(
    "inner", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[fd00::1]"]
)
def test_a_public_server_leads_to_no_private_address(site: Callable[..., Site], inner: str) -> None:
    proxy, within = site(tls=False), site(tls=False)
    port = within.address.rpartition(":")[2]
    proxy.leads(f"http://{PUBLIC}/status", f"http://{inner}:{port}/latest/meta-data")

    with pytest.raises(ExportError, match="within a private network"):
        get(make_web(http_proxy=proxy.address), f"http://{PUBLIC}/status")

    assert (len(proxy.seen), within.seen) == (1, [])
    with pytest.raises(ExportError, match="within a private network"):
        follow_link(f"https://{PUBLIC}/fhir/$export", f"https://{inner}/file")
    assert follow_link("https://10.0.0.1/fhir", f"https://{inner}/file") == f"https://{inner}/file"


def test_a_proxy_is_asked_for_what_it_is_for(site: Callable[..., Site], certificate: Path) -> None:
    proxy, there = site(tls=False), site()
    host, _, port = there.address.removeprefix("https://").partition(":")
    proxy.behind = (host, int(port))
    login = proxy.address.replace("http://", "http://user:p%40ss@")

    assert get(make_web(https_proxy=login, ca_file=certificate), f"https://{PUBLIC}/fhir") == b"{}"
    (connected,) = proxy.seen
    # user:p@ss in base 64
    assert (connected[1], connected[2]["proxy-authorization"]) == (f"{PUBLIC}:443", "Basic dXNlcjpwQHNz")
    assert [path for _, path, _, _ in there.seen] == ["/fhir"]

    # What needs no proxy: this machine, and what NO_PROXY names.
    assert get(make_web(https_proxy=proxy.address, ca_file=certificate), f"{there.address}/own") == b"{}"
    spared = make_web(http_proxy=proxy.address, no_proxy=".invalid,other")
    with pytest.raises(ExportError, match="no answer"):
        get(spared, "http://host.invalid/")
    assert len(proxy.seen) == 1


def test_a_certificate_is_checked_against_the_file_that_the_settings_name(
    site: Callable[..., Site], web: Web, tmp_path: Path
) -> None:
    here = site()
    with pytest.raises(ExportError, match=r"no answer.*SSLError"):
        get(make_web(), f"{here.address}/")
    with pytest.raises(UsageError, match="no such file"):
        get(make_web(ca_file=tmp_path / "none.pem"), f"{here.address}/")
    assert get(web, f"{here.address}/") == b"{}"


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "packed"])
def test_an_answer_is_read_up_to_a_limit(
    site: Callable[..., Site], web: Web, is_packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_module, "LONGEST_ANSWER", 1 << 20)
    here = site(tls=False)
    for path, size in (("/fits", 1 << 20), ("/more", (1 << 20) + 1), ("/bomb", 64 << 20)):
        content = bytes(size)
        packed = gzip.compress(content, compresslevel=1) if is_packed else content
        here.answers[path] = (200, {"content-encoding": "gzip"} if is_packed else {}, packed)

    assert len(get(web, f"{here.address}/fits")) == 1 << 20
    for path in ("/more", "/bomb"):
        with pytest.raises(ExportError, match="more than 1 MB"):
            get(web, f"{here.address}{path}")
