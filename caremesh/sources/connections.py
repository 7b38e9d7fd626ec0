"""Connections to FHIR servers: kept, shared by threads, through a proxy where the settings name one."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from caremesh.errors import UsageError
from caremesh.settings import ExportSettings
from caremesh.sources.addresses import is_loopback

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0


class Connections:
    """Pools of connections: one to servers themselves, and one for each proxy."""

    def __init__(self, settings: ExportSettings) -> None:
        """Keep the settings; nothing is opened."""
        self._settings = settings
        self._pools: dict[str | None, Any] = {}
        self._lock = threading.Lock()

    def pool_for(self, url: str) -> Any:
        """The pool that reaches an address. This machine's own is reached by no proxy."""
        parts, settings = urlsplit(url), self._settings
        proxy = {"https": settings.https_proxy, "http": settings.http_proxy}.get(parts.scheme)
        if proxy and (is_loopback(parts.hostname or "") or self._is_bypassed(parts.hostname or "")):
            proxy = None
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._make(proxy)
            return self._pools[proxy]

    def _is_bypassed(self, host: str) -> bool:
        return bool(proxy_bypass_environment(host, {"no": self._settings.no_proxy or ""}))

    def _make(self, proxy: str | None) -> Any:
        import urllib3

        options: dict[str, Any] = {
            "maxsize": self._settings.parallel + 1,
            "timeout": urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
            # Whoever asks decides what is tried again, and where a redirect may lead.
            "retries": False,
        }
        if self._settings.ca_file:
            if not self._settings.ca_file.is_file():
                raise UsageError("there is no such file", where=str(self._settings.ca_file), hint=_CA_HINT)
            options["ca_certs"] = str(self._settings.ca_file)
        if proxy is None:
            return urllib3.PoolManager(**options)
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        login = unquote(parts.netloc.rpartition("@")[0])
        headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        try:
            return urllib3.ProxyManager(address, proxy_headers=headers, **options)
        except (urllib3.exceptions.HTTPError, ValueError):
            raise UsageError("HTTPS_PROXY names no proxy", hint="http://host:port") from None


_CA_HINT = "CAREMESH_EXPORT_CA_FILE: a PEM file of certificates that are trusted"
