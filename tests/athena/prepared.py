"""Prepared statements, which Athena keeps in the work-group and not in a session.

https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.athena.gateway import ServiceError

Request = Mapping[str, Any]
Answer = dict[str, Any]


class PreparedStatements:
    """The prepared statements of all work-groups, by the names of both."""

    def __init__(self) -> None:
        self._statements: dict[tuple[str, str], Answer] = {}
        self.operations: Mapping[str, Callable[[Request], Answer]] = {
            "CreatePreparedStatement": self._create,
            "UpdatePreparedStatement": self._update,
            "GetPreparedStatement": lambda request: {"PreparedStatement": self._find(request)},
            "DeletePreparedStatement": self._delete,
            "ListPreparedStatements": self._list,
        }

    def keep(self, group: str, name: str, statement: str) -> None:
        """Remember a statement; one of the same name is replaced."""
        self._statements[group, name] = {
            "StatementName": name,
            "WorkGroupName": group,
            "QueryStatement": statement,
        }

    def forget(self, group: str, name: str) -> None:
        """Forget a statement. Raises ServiceError."""
        self.text(group, name)
        del self._statements[group, name]

    def text(self, group: str, name: str) -> str:
        """A statement by its name. Raises ServiceError."""
        if (group, name) not in self._statements:
            message = f"PreparedStatement {name} was not found in workGroup {group}"
            raise ServiceError("InvalidRequestException", message)
        return str(self._statements[group, name]["QueryStatement"])

    def _create(self, request: Request) -> Answer:
        if (request["WorkGroup"], request["StatementName"]) in self._statements:
            raise ServiceError(
                "InvalidRequestException", f"PreparedStatement {request['StatementName']} already exists"
            )
        self.keep(request["WorkGroup"], request["StatementName"], request["QueryStatement"])
        return {}

    def _update(self, request: Request) -> Answer:
        self.text(request["WorkGroup"], request["StatementName"])
        self.keep(request["WorkGroup"], request["StatementName"], request["QueryStatement"])
        return {}

    def _find(self, request: Request) -> Answer:
        try:
            return self._statements[request["WorkGroup"], request["StatementName"]]
        except KeyError:
            message = f"PreparedStatement {request['StatementName']} was not found"
            raise ServiceError("ResourceNotFoundException", message) from None

    def _delete(self, request: Request) -> Answer:
        self.forget(request["WorkGroup"], request["StatementName"])
        return {}

    def _list(self, request: Request) -> Answer:
        names = sorted(name for group, name in self._statements if group == request["WorkGroup"])
        return {"PreparedStatements": [{"StatementName": name} for name in names]}
