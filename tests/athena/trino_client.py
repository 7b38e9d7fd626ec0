"""Statements on Trino over its own protocol, https://trino.io/docs/current/develop/client-protocol.html.

Unlike the `trino` package this gives values as Trino spells them, the bytes read so far, and a way to stop.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from tests.athena.server import CATALOG


@dataclass(frozen=True)
class Column:
    """A column of a result; `signature` is its type in Trino's protocol."""

    name: str
    type: str
    signature: Mapping[str, Any]


class TrinoError(Exception):
    """A statement failed; `name` is Trino's name of the error, `kind` one of USER_ERROR, EXTERNAL …"""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["message"])
        self.name: str = error["errorName"]
        self.kind: str = error["errorType"]
        self.message: str = error["message"]


@dataclass(frozen=True)
class Page:
    """What is known of a statement at one moment, and the rows that came since the last."""

    id: str
    rows: Sequence[Sequence[Any]]
    columns: Sequence[Column] | None
    scanned: int
    state: str
    updated: int
    planned_ms: int
    queued_ms: int


class TrinoClient:
    """Runs statements on the Trino at a port of this machine; several threads may."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/v1/statement"
        self._pool = urllib3.PoolManager(maxsize=16)

    def run(
        self,
        sql: str,
        *,
        database: str,
        session: Mapping[str, str] | None = None,
    ) -> Iterator[Page]:
        """Run one statement and give its pages as they come; closing the iterator stops the statement.

        `session` are the session's properties. Raises TrinoError.
        """
        # Without the capability PARAMETRIC_DATETIME, moments have three digits, as Athena's do.
        headers = {
            "X-Trino-User": "athena",
            "X-Trino-Catalog": CATALOG,
            "X-Trino-Schema": database,
            "X-Trino-Time-Zone": "UTC",
        }
        if session:
            headers["X-Trino-Session"] = ",".join(f"{name}={quote(text, safe='')}" for name, text in session.items())
        answer = self._ask("POST", self._address, body=sql.encode(), headers=headers)
        following: str | None = None
        try:
            while True:
                following = answer.get("nextUri")
                yield as_page(answer)
                if following is None:
                    return
                answer = self._ask("GET", following)
        finally:
            if following is not None:
                self._pool.request("DELETE", following)

    def _ask(self, method: str, address: str, **options: Any) -> dict[str, Any]:
        response = self._pool.request(method, address, **options)
        if response.status != 200:
            raise RuntimeError(f"Trino answered with status {response.status}")
        answer: dict[str, Any] = json.loads(response.data)
        if "error" in answer:
            raise TrinoError(answer["error"])
        return answer


def as_page(answer: Mapping[str, Any]) -> Page:
    """Read one answer of the protocol."""
    stats = answer["stats"]
    columns = answer.get("columns")
    return Page(
        id=answer["id"],
        rows=answer.get("data") or [],
        columns=[Column(c["name"], c["type"], c["typeSignature"]) for c in columns] if columns else None,
        scanned=stats.get("physicalInputBytes", 0),
        state=stats["state"],
        updated=answer.get("updateCount") or 0,
        planned_ms=stats.get("planningTimeMillis", 0),
        queued_ms=stats.get("queuedTimeMillis", 0),
    )
