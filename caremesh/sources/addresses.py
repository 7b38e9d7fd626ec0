"""Addresses that servers name: where they may lead, and how they may be shown.

A server's link or redirect never leaves https, and one of a public server never leads to this machine or its own
network: there it could reach services that trust whoever is near.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from caremesh.errors import ExportError


def refuse_plain(url: str) -> None:
    """Raise ExportError for an address at which everybody on the way reads a token; this machine's own is none."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ExportError("a token is sent by https only", where=show_url(url), hint="give the server's https address")


def follow_link(base: str, link: str) -> str:
    """The address that a server names, maybe relative to `base`.

    Raises ExportError where it is none, leaves https, or leads from a public server into a private network.
    """
    try:
        url = urljoin(base, link)
        scheme = urlsplit(url).scheme
    except ValueError:
        raise ExportError(
            "the server named an address that is none", where=show_url(base), hint="ask the server"
        ) from None
    if scheme not in ("http", "https") or (urlsplit(base).scheme == "https" and scheme != "https"):
        raise ExportError("the server named an address without encryption", where=show_url(url), hint="ask the server")
    if _is_private(_host(url)) and not _is_private(_host(base)):
        raise _leads_inward(url)
    return url


def follow_redirect(base: str, location: str) -> str:
    """The address that a server sends a request on to: as `follow_link`, and its name is looked up, too.

    A name that leads elsewhere a moment later gets through; one that is not known here may be known to a proxy.
    """
    url = follow_link(base, location)
    host = _host(url)
    if origin_of(url) != origin_of(base) and _resolves_inward(host) and not _resolves_inward(_host(base)):
        raise _leads_inward(url)
    return url


def origin_of(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of an address: what one authority opens."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname, port or {"https": 443, "http": 80}.get(parts.scheme)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def show_url(url: str) -> str:
    """A URL as it may be shown: without its query, and without a name and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".")


def _is_private(host: str) -> bool:
    """Whether a host is this machine or, by its address, one that the internet does not know."""
    try:
        return is_loopback(host) or not ip_address(host.partition("%")[0]).is_global
    except ValueError:
        return False


def _resolves_inward(host: str) -> bool:
    if _is_private(host):
        return True
    try:
        return any(_is_private(str(found[4][0])) for found in socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return False


def _leads_inward(url: str) -> ExportError:
    return ExportError(
        "a public server named an address within a private network",
        where=show_url(url),
        hint="give the server's own address there, if that is where the data is",
    )
